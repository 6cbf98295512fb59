"""What the store enforces by itself, and how long it keeps things."""

import msgspec


class StoreLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that commands are checked against; may be replaced while the store runs."""

    max_mailbox: int = 10_000
    """Events of one mailbox that no device has acknowledged; past it a message is refused with `mailbox_full`."""

    max_devices: int = 32
    """Devices of one account; past it the one unseen for longest is revoked."""

    max_contacts: int = 5000
    """Contacts of one account in any state; past it `too_large`."""

    max_pending_requests: int = 500
    """Requests that wait for one account's answer; past it `rate_limited`."""

    messages_from_strangers: bool = True
    """Whether accounts that are no contacts may write to each other; else `forbidden`."""

    edit_window_ms: int = 0
    """Age past which a message can no longer be edited; 0 sets no bound."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """When the work between batches is done, and in what portions; the defaults were measured, tests take others."""

    quiet_s: float = 0.25
    """Without a command for this long, what can wait is done."""

    run_min: int = 8192
    """Messages without index entries from which on they are indexed without waiting for a quiet moment."""

    run_max: int = 16_384
    """Messages that one run indexes at most."""

    slice_entries: int = 512
    """Index entries that one step adds at most."""

    words_messages: int = 1024
    """Messages whose words one step indexes at most."""

    wal_frames_max: int = 4096
    """Frames of the write-ahead log (4 KiB each) from which on it is checkpointed without waiting."""

    def steps_after(self, messages: int) -> int:
        """Steps that follow a batch where work presses: twice what its own messages make."""
        return 1 + int(2 * messages * (4 / self.slice_entries + 1 / self.words_messages))


_DAY_MS = 86_400_000


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept; may be replaced while the store runs."""

    messages_ms: int = 0
    """Age past which messages and calls are deleted; 0 keeps them for ever."""

    messages_per_conversation: int = 0
    """Older messages of a conversation are deleted past this many; 0 keeps all."""

    acknowledged_ms: int = 30 * _DAY_MS
    """Age past which mailbox events that every live device has acknowledged are dropped; 0 keeps them for ever."""

    idle_device_ms: int = 90 * _DAY_MS
    """A device that was not seen for this long does not hold back what is dropped from the mailbox."""

    audit_ms: int = 730 * _DAY_MS
    """Age past which lines of the audit log are dropped; 0 keeps them for ever."""

    every_ms: int = 3_600_000
    """Time from one sweep to the next."""
