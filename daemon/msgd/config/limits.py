"""Settings that bound what one connection, account or address may use."""

from typing import Annotated, Literal

import msgspec

from msgd.config.kinds import between


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds; reaching one is a clear error to the client and a metric for the administrator."""

    max_message_bytes: Annotated[int, between(4096, 16_777_216)] = 131_072
    """Largest WebSocket message taken from a client, in bytes; past it the connection is closed with 1009."""

    max_text_bytes: Annotated[int, between(1, 1_048_576)] = 16_384
    """Longest text of a message, in bytes of UTF-8."""

    max_note_bytes: Annotated[int, between(0, 16_384)] = 512
    """Longest note of a contact request or presence, in bytes of UTF-8."""

    window: Annotated[int, between(1, 65_536)] = 256
    """Events pushed to a device ahead of its acknowledgment."""

    max_mailbox: Annotated[int, between(1, 10_000_000)] = 10_000
    """Events that no device has acknowledged in one mailbox; past it senders get `mailbox_full`."""

    history_page: Annotated[int, between(1, 200)] = 200
    """Most items in one page of history, search or conversations."""

    idle_timeout_s: Annotated[float, between(0.5, 86_400)] = 60.0
    """A client that stays silent this long, in seconds, is disconnected with 4408; it is pinged well before."""

    auth_timeout_s: Annotated[float, between(0.1, 600)] = 15.0
    """A connection that is not authenticated within this time, in seconds, is closed with 4401."""

    write_deadline_s: Annotated[float, between(0.1, 600)] = 20.0
    """A client that takes no bytes for this long, in seconds, is cut off; its device resumes by cursor."""

    outbox_bytes: Annotated[int, between(65_536, 1_073_741_824)] = 1_048_576
    """Bytes that may wait for one slow client; past it the connection is cut off and resumes by cursor."""

    inbox_frames: Annotated[int, between(1, 1_000_000)] = 1024
    """Requests of one connection that may wait for their replies; past it nothing more is read from it."""

    max_connections: Annotated[int, between(1, 10_000_000)] = 20_000
    """Connections at the same time; past it new ones are closed with 1013."""

    max_connections_per_account: Annotated[int, between(1, 100_000)] = 32
    """Connections of one account at the same time."""

    max_devices: Annotated[int, between(1, 10_000)] = 32
    """Devices of one account; past it the one unused for longest is revoked at login."""

    max_contacts: Annotated[int, between(1, 1_000_000)] = 5000
    """Contacts of one account, in any state."""

    max_pending_requests: Annotated[int, between(1, 1_000_000)] = 500
    """Contact requests of one account that wait for an answer."""

    frames_per_s: Annotated[int, between(1, 1_000_000)] = 5000
    """Frames a second that one connection may send for long; past its burst it is closed with 4429."""

    frames_burst: Annotated[int, between(1, 10_000_000)] = 20_000
    """Frames that one connection may send at once before `frames_per_s` holds."""

    unauthenticated_frames: Annotated[int, between(1, 1_000_000)] = 200
    """Frames that one connection may send before it is authenticated; past it it is closed with 4429."""

    per_address: Literal["on", "off"] = "on"
    """Throttle logins and registrations by client address (IPv6 by /64); "off" leaves that to a proxy in front."""

    logins_per_minute_per_address: Annotated[int, between(1, 1_000_000)] = 30
    """Failed logins a minute from one address before it gets `rate_limited`."""

    logins_per_minute_per_account: Annotated[int, between(1, 1_000_000)] = 10
    """Failed logins a minute to one account before it gets `rate_limited`."""

    registrations_per_hour_per_address: Annotated[int, between(1, 1_000_000)] = 20
    """New accounts an hour from one address."""

    searches_per_minute: Annotated[int, between(1, 1_000_000)] = 120
    """Searches for people or in messages a minute by one account."""
