"""Every change of durable state, as a command: validated by its handler, decided and carried out in one transaction.

`at` is always UTC epoch milliseconds, given by the handler. Accounts are named by their `AccountId`.
"""

from typing import Literal

import msgspec

AccountId = int
"""The store's own number of an account; never leaves the daemon (the wire has the uid)."""


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change of durable state."""

    at: int

    def __repr__(self) -> str:
        """Without the fields: texts, hashes and notes must not be printed."""
        return f"{type(self).__name__}()"


class CreateAccount(Command, frozen=True, kw_only=True):
    """Make an account. Result: `AccountRow`. Refusals: `login_taken` (deleted logins too), `invite_invalid`."""

    uid: str
    login: str
    password_hash: str
    email: str | None = None
    invite_hash: bytes | None = None


class SetPassword(Command, frozen=True, kw_only=True):
    """Set a password and revoke every device but `keep_device`. Result: ids of the devices revoked."""

    account: AccountId
    password_hash: str
    keep_device: str | None = None


class RehashPassword(Command, frozen=True, kw_only=True):
    """Replace the hash by one of the same password with today's parameters. Result: None."""

    account: AccountId
    old_hash: str
    password_hash: str


class SetDisabled(Command, frozen=True, kw_only=True):
    """Disable or enable an account. Result: None. Refusal: `not_found`."""

    account: AccountId
    disabled: bool
    reason: str = ""


class DeleteAccount(Command, frozen=True, kw_only=True):
    """Delete an account for good: devices, contacts, mailbox, e-mail, password; its login stays taken.

    Messages that it wrote to others stay theirs. Contacts of others get a `contact` event with state `none`.
    Result: None.
    """

    account: AccountId


class CreateDevice(Command, frozen=True, kw_only=True):
    """Make a device at sign-in. Result: `DeviceRow`, whose cursor is the highest that any device has acknowledged.

    Where the account has other devices, each gets a `device` event (`added`). Past `max_devices` the device that
    was seen longest ago is revoked (its id stands in the result's `evicted`). Refusal: `account_disabled`.
    """

    account: AccountId
    device_id: str
    name: str
    refresh_hash: bytes
    refresh_expires_at: int


class RotateRefresh(Command, frozen=True, kw_only=True):
    """Trade a refresh token for the next. Result: `DeviceRow`.

    A token that was already traded revokes its device (a `device` event, `revoked`): then the outcome is a
    `Rejected` with `token_revoked` whose `revoked_device` names it and whose `events` were committed all the same.
    Refusals: `token_revoked` (unknown, reused, revoked), `token_expired`, `account_disabled`.
    """

    old_hash: bytes
    new_hash: bytes
    new_expires_at: int


class RevokeDevice(Command, frozen=True, kw_only=True):
    """Revoke one device; a `device` event goes to the mailbox. Result: None. Refusal: `not_found`."""

    account: AccountId
    device_id: str


class TouchDevice(Command, frozen=True, kw_only=True):
    """Note that a device was seen. Result: None."""

    device_id: str


class SetPresence(Command, frozen=True, kw_only=True):
    """Keep the status that an account chose. Result: None."""

    account: AccountId
    status: str
    text: str | None


class CreateInvite(Command, frozen=True, kw_only=True):
    """Make an invite. Result: `InviteRow`."""

    token_hash: bytes
    uses: int
    expires_at: int | None
    note: str = ""
    created_by: str = ""


class RevokeInvite(Command, frozen=True, kw_only=True):
    """Revoke an invite. Result: None. Refusal: `not_found`."""

    invite_id: int


ContactAction = Literal["request", "accept", "decline", "remove", "block", "unblock"]


class ChangeContact(Command, frozen=True, kw_only=True):
    """Move the contact between two accounts by the table in `contact_state`. Result: `ContactRow` as `account` sees it.

    Each side whose state changed gets a `contact` event. Refusals: `not_found`, `conflict`, `blocked`,
    `too_large` (`max_contacts`), `rate_limited` (`max_pending_requests` at the peer).
    """

    account: AccountId
    peer: AccountId
    action: ContactAction
    note: str | None = None


class SendMessage(Command, frozen=True, kw_only=True):
    """Append a message to a conversation and an event to both mailboxes. Result: `SentRow`.

    A repeated `client_message_id` with the same receiver and text gives the first `SentRow` again (`duplicate`
    set, no events); with other content it is refused with `conflict`. Where the receiver has blocked the sender,
    the sender's side is stored alone and `live` is False. Refusals: `not_found`, `blocked` (the sender has blocked
    the receiver), `mailbox_full`, `forbidden` (strangers may not write here), `not_found` for `reply_to`,
    `account_disabled` (the sender).
    """

    sender: AccountId
    receiver: AccountId
    text: str
    client_message_id: str
    reply_to: str | None = None
    receiver_live: bool = False


class EditMessage(Command, frozen=True, kw_only=True):
    """Change the text of one's own message. Result: None.

    Refusals: `not_found`, `forbidden` (not one's own, or too old), `conflict` (deleted).
    """

    account: AccountId
    message_id: str
    text: str


class DeleteMessage(Command, frozen=True, kw_only=True):
    """Delete one's own message for both sides; a second time changes nothing. Refusals: `not_found`, `forbidden`."""

    account: AccountId
    message_id: str


class MarkRead(Command, frozen=True, kw_only=True):
    """Move a read marker forward, never back. Result: `ReadRow`. Refusal: `not_found`."""

    account: AccountId
    peer: AccountId
    message_id: str


class MoveCursor(Command, frozen=True, kw_only=True):
    """Move a device's cursor forward, never back nor past the head. Result: the cursor as it now stands.

    Refusal: `not_found` (no such device of this account, or revoked).
    """

    account: AccountId
    device_id: str
    seq: int


class RecordCall(Command, frozen=True, kw_only=True):
    """Write an ended call into the conversation and both mailboxes; an outcome of None writes nothing on that side.

    Result: None. A repeated `call_id` changes nothing.
    """

    call_id: str
    caller: AccountId
    callee: AccountId
    caller_outcome: str | None
    callee_outcome: str | None
    started_at: int
    duration_ms: int


class AppendAudit(Command, frozen=True, kw_only=True):
    """Append a line to the audit log: who did what to what, from where. Result: None."""

    actor: str
    origin: str
    action: str
    target: str
    detail: str = ""
