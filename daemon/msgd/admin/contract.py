"""What administrators ask and what they get: the typed requests and results of every operation.

Nothing here imports the store, the event loop or cryptography, so that `msgctl` starts fast. On the admin socket each
request is one line of JSON whose `op` names the operation; the answer is one line that holds `result` or `error`.
"""

from typing import Any, Generic, TypeVar, get_args

import msgspec

MAX_REQUEST_BYTES = 65_536
"""Longest request line, with its newline."""

MAX_ANSWER_BYTES = 1_048_576
"""Longest answer line, with its newline."""

PAGE_MAX = 200
"""Most lines of a list in one answer; a client asks on from the last of them."""

R = TypeVar("R")


class Request(msgspec.Struct, Generic[R], frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    """One operation with its arguments; `R` is its result."""

    def __repr__(self) -> str:
        """Name the operation alone: arguments may be passwords."""
        return f"<{operation_name(type(self))}>"


def operation_name(request_type: type[Request[Any]]) -> str:
    """The name of an operation, as noun.verb."""
    name = request_type.__struct_config__.tag
    assert isinstance(name, str)
    return name


def result_type(request_type: type[Request[R]]) -> type[R]:
    """The type of what an operation gives back."""
    bases: tuple[Any, ...] = request_type.__dict__["__orig_bases__"]
    found: type[R] = get_args(bases[0])[0]
    return found


class Refused(Exception):
    """The operation was not carried out.

    Attributes:
        code: Stable; the wire's error codes, and `bad_request`, `unknown_operation`, `daemon_stopped`, `busy`.
        message: A sentence for the administrator, without any secret.
    """

    def __init__(self, code: str, message: str) -> None:
        """Carry the code and its sentence."""
        super().__init__(code)
        self.code = code
        self.message = message


class ErrorBody(msgspec.Struct, frozen=True):
    """Why an operation was not carried out."""

    code: str
    message: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer line: `result`, or else `error`."""

    result: msgspec.Raw = msgspec.Raw()
    error: ErrorBody | None = None


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    """An account in a list. Times are UTC epoch milliseconds."""

    login: str
    uid: str
    created_at: int
    last_seen_at: int | None
    disabled: bool


class DeviceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A device of an account; `name` is what its owner wrote."""

    device_id: str
    name: str
    created_at: int
    last_seen_at: int


class AccountDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one account but its secrets. `connections` is null while the daemon is stopped."""

    login: str
    uid: str
    email: str | None
    created_at: int
    last_seen_at: int | None
    disabled: bool
    disabled_reason: str
    connections: int | None
    devices: list[DeviceLine]


class AccountPage(msgspec.Struct, frozen=True):
    """Accounts by login, and whether there are more after the last."""

    accounts: list[AccountLine]
    more: bool


class AccountChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The account that an operation changed, and how many live connections that cut."""

    login: str
    uid: str
    connections_cut: int = 0


class PasswordChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The account with a new password; every device of it has to sign in again."""

    login: str
    uid: str
    devices_revoked: int
    connections_cut: int = 0


class InviteLine(msgspec.Struct, frozen=True, kw_only=True):
    """An invite without its token. `expires_at` is UTC epoch milliseconds, null for never."""

    invite_id: int
    state: str
    uses: int
    used: int
    created_at: int
    expires_at: int | None
    note: str
    created_by: str


class InvitePage(msgspec.Struct, frozen=True):
    """Invites, newest first, and whether there are older ones."""

    invites: list[InviteLine]
    more: bool


class InviteCreated(msgspec.Struct, frozen=True, kw_only=True):
    """A new invite; its token is shown this once, as only a hash of it is kept."""

    invite_id: int
    token: str
    uses: int
    expires_at: int | None
    note: str

    def __repr__(self) -> str:
        """Name the invite without its token."""
        return f"InviteCreated(invite_id={self.invite_id})"


class InviteRevoked(msgspec.Struct, frozen=True):
    """The invite that is no longer good."""

    invite_id: int


class Finding(msgspec.Struct, frozen=True):
    """Something that an administrator should mend: a stable code, what is wrong, and what to do."""

    code: str
    what: str
    remedy: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the server is. What only a running daemon knows is null while it is stopped.

    Attributes:
        queue_depth: Commands that wait for the store's writer.
        certificate_days_left: Whole days until the certificate on disk ends, negative once it has; null without TLS.
    """

    running: bool
    version: str
    url: str | None
    uptime_s: float | None
    connections: int | None
    sessions: int | None
    queue_depth: int | None
    accounts: int
    devices: int
    messages: int
    mailbox_events: int
    store_bytes: int
    schema_version: int
    certificate_days_left: int | None
    findings: list[Finding]


class AddUser(Request[AccountChanged], frozen=True, kw_only=True, tag="user.add"):
    """Make an account, whatever the registration mode."""

    login: str
    password: str
    email: str | None = None


class ListUsers(Request[AccountPage], frozen=True, kw_only=True, tag="user.list"):
    """List accounts by login, a page at a time."""

    after: str = ""
    limit: int = PAGE_MAX


class ShowUser(Request[AccountDetail], frozen=True, kw_only=True, tag="user.show"):
    """Show one account with its devices."""

    login: str


class DisableUser(Request[AccountChanged], frozen=True, kw_only=True, tag="user.disable"):
    """Lock an account out and cut its connections; nothing is deleted."""

    login: str
    reason: str = ""


class EnableUser(Request[AccountChanged], frozen=True, kw_only=True, tag="user.enable"):
    """Let a disabled account sign in again."""

    login: str


class DeleteUser(Request[AccountChanged], frozen=True, kw_only=True, tag="user.delete"):
    """Delete an account for good; its login is never given out again."""

    login: str


class SetUserPassword(Request[PasswordChanged], frozen=True, kw_only=True, tag="user.passwd"):
    """Set a password, revoke every device of the account and cut its connections."""

    login: str
    password: str


class CreateInvite(Request[InviteCreated], frozen=True, kw_only=True, tag="invite.create"):
    """Make an invite; `ttl_s` null takes `registration.invite_ttl_s`, 0 never ends."""

    uses: int = 1
    ttl_s: int | None = None
    note: str = ""


class ListInvites(Request[InvitePage], frozen=True, kw_only=True, tag="invite.list"):
    """List invites with their state (active, used, expired or revoked), a page at a time."""

    before: int | None = None
    limit: int = PAGE_MAX


class RevokeInvite(Request[InviteRevoked], frozen=True, kw_only=True, tag="invite.revoke"):
    """Make an invite void; accounts made with it stay."""

    invite_id: int


class ShowStatus(Request[Status], frozen=True, kw_only=True, tag="status.show"):
    """Show how the server is, with findings."""
