"""What the daemon asks of a store: durable commands, reads, and the promise behind every acknowledgment."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import trio

from msgwire import AnyEvent, Conversation, ErrorCode, Item

from .commands import AccountId, Command


class StoreError(Exception):
    """A command or a read that was not carried out."""


class Rejected(StoreError):
    """The rules refuse the command; nothing was changed but what `events` says.

    Attributes:
        code: the wire's error code.
        events: events that were committed with the refusal (a reused token revokes its device).
        revoked_device: the device that the refusal revoked.
    """

    def __init__(
        self,
        code: ErrorCode,
        sentence: str | None = None,
        *,
        events: "Sequence[StoredEvent]" = (),
        revoked_device: "tuple[AccountId, str] | None" = None,
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.sentence = sentence
        self.events = events
        self.revoked_device = revoked_device


class Unavailable(StoreError):
    """The store cannot write (disk full, failing, queue full, closing); nothing was changed."""


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of one account's mailbox."""

    account: AccountId
    seq: int
    at: int
    body: AnyEvent

    def __repr__(self) -> str:
        """Without what must not be printed."""
        return f"StoredEvent(account={self.account}, seq={self.seq}, kind={type(self.body).__name__})"


class Committed(msgspec.Struct, frozen=True):
    """A command that is on stable storage: its result, and the events that it put into mailboxes, in order."""

    result: Any
    events: Sequence[StoredEvent] = ()


Outcome = Committed | StoreError


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `password_hash` is None for one that cannot sign in."""

    account: AccountId
    uid: str
    login: str
    created_at: int
    disabled: bool
    deleted: bool
    disabled_reason: str
    presence: str
    presence_text: str | None
    last_seen_at: int | None
    email: str | None
    password_hash: str | None = None

    def __repr__(self) -> str:
        """Without what must not be printed."""
        return f"AccountRow(account={self.account}, uid={self.uid!r})"


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A device of an account. `cursor` is the highest `seq` that it has acknowledged."""

    account: AccountId
    uid: str
    login: str
    device_id: str
    name: str
    created_at: int
    last_seen_at: int
    cursor: int
    revoked: bool = False
    evicted: str | None = None


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as one side sees it. `blocked_by_peer` is for the server alone: the wire never shows it."""

    peer: AccountId
    uid: str
    login: str
    state: str
    since: int
    note: str | None = None
    blocked_by_peer: bool = False
    changed: bool = False


class SentRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a message stands. `live` is the status that the first answer gave."""

    message_id: str
    at: int
    seq: int
    live: bool
    duplicate: bool = False


class ReadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A read marker; `moved` is False where it already stood there or further."""

    message_id: str
    moved: bool


class InviteRow(msgspec.Struct, frozen=True, kw_only=True):
    """An invite, without its token (only a hash is kept)."""

    invite_id: int
    uses: int
    used: int
    created_at: int
    expires_at: int | None
    revoked: bool
    note: str
    created_by: str


class AuditRow(msgspec.Struct, frozen=True):
    """A line of the audit log."""

    line: int
    at: int
    actor: str
    origin: str
    action: str
    target: str
    detail: str


class Page(msgspec.Struct, frozen=True):
    """Items of a conversation or of a search, oldest first."""

    items: list[Item]
    more: bool


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes for `status` and for metrics."""

    accounts: int
    devices: int
    messages: int
    mailbox_events: int
    store_bytes: int
    schema_version: int


class Store(Protocol):
    """The daemon's durable state. Every method but `run` may be called once `run` has reported that it is started."""

    async def run(
        self, on_commit: Callable[[Sequence[StoredEvent]], None], *, task_status: trio.TaskStatus[None]
    ) -> None:
        """Serve until cancelled; queued commands are carried out first.

        After each durable commit, in the event loop's thread and in commit order, for each command: its `done`,
        then `on_commit` with its events.
        """
        ...

    @property
    def queue_depth(self) -> int:
        """Commands that wait for the writer."""
        ...

    def submit(self, command: Command, done: Callable[[Outcome], None]) -> None:
        """Queue a command without blocking. `done` is called once, in the loop's thread, after the durable commit.

        Where the queue is full or the store cannot write, `done` is called with `Unavailable`, before this returns
        or later. Commands are carried out in the order of `submit`.
        """
        ...

    async def append(self, command: Command) -> Committed:
        """Carry a command out; returns after the durable commit. Raises `Rejected` or `Unavailable`."""
        ...

    async def mailbox_after(self, wanted: Mapping[AccountId, int], limit: int) -> Sequence[StoredEvent]:
        """For each account, the events after the given `seq`, in order, at most `limit` of each account."""
        ...

    async def heads(self, accounts: Collection[AccountId]) -> Mapping[AccountId, int]:
        """The newest `seq` of each account's mailbox (0 where it is empty)."""
        ...

    async def floors(self, accounts: Collection[AccountId]) -> Mapping[AccountId, int]:
        """The newest `seq` of each mailbox that was dropped (0 where none was): no stream starts before it."""
        ...

    async def account_by_login(self, login: str) -> AccountRow | None:
        """The account of a login, compared without case; disabled ones too, deleted ones not."""
        ...

    async def account_by_uid(self, uid: str) -> AccountRow | None:
        """The account of a uid; deleted ones not."""
        ...

    async def search_accounts(self, query: str, limit: int) -> Sequence[AccountRow]:
        """Enabled accounts by uid, by login, or by login prefix: the exact match first, then by login."""
        ...

    async def list_accounts(self, after: str, limit: int) -> Sequence[AccountRow]:
        """All accounts that are not deleted, by login, after a login."""
        ...

    async def device(self, device_id: str) -> DeviceRow | None:
        """A device, revoked ones too; None where unknown or of a deleted account."""
        ...

    async def devices(self, account: AccountId) -> Sequence[DeviceRow]:
        """The devices of an account that are not revoked, oldest first."""
        ...

    async def contacts(self, account: AccountId) -> Sequence[ContactRow]:
        """The contact list of an account, by login; states other than `none`."""
        ...

    async def contact(self, account: AccountId, peer: AccountId) -> ContactRow:
        """The contact between two accounts as `account` sees it; state `none` where there is none."""
        ...

    async def history(
        self, account: AccountId, peer: AccountId, *, before: str | None, after: str | None, limit: int
    ) -> Page:
        """A page of a conversation: the newest, or next to a message. Raises `Rejected` (`not_found`)."""
        ...

    async def search_messages(
        self, account: AccountId, query: str, *, peer: AccountId | None, before: str | None, limit: int
    ) -> Page:
        """Messages of `account`'s conversations that hold every word of `query` (the last as a prefix)."""
        ...

    async def conversations(
        self, account: AccountId, *, before: str | None, limit: int
    ) -> tuple[Sequence[Conversation], bool]:
        """Conversations with their last item, the most recent first, and whether there are more."""
        ...

    async def receipts(self, account: AccountId, peer: AccountId) -> tuple[str | None, str | None]:
        """(delivered_up_to, read_up_to) of the messages that `account` sent to `peer`."""
        ...

    async def invites(self) -> Sequence[InviteRow]:
        """All invites, newest first."""
        ...

    async def audit(self, *, before: int | None, limit: int) -> Sequence[AuditRow]:
        """Lines of the audit log, newest first, older than line `before`."""
        ...

    async def stats(self) -> Stats:
        """Sizes of the store."""
        ...

    async def writable(self) -> bool:
        """Whether a real turn through the writer, down to the disk, succeeds now."""
        ...
