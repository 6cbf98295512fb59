"""The SQLite store as the daemon sees it: commands go to the writer's thread, reads to a few reader threads."""

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection, Error
from typing import Any, Final, TypeVar, TypeVarTuple, Unpack

import trio

from msgd.logs import log
from msgwire import Conversation

from ..commands import AccountId, Command
from ..interface import (
    AccountRow,
    AuditRow,
    Committed,
    ContactRow,
    DeviceRow,
    InviteRow,
    Outcome,
    Page,
    Rejected,
    Stats,
    StoredEvent,
    StoreError,
    Unavailable,
)
from . import conversations, mailbox, people
from .handlers import CatchUp, Probe
from .limits import Keep, Pace, StoreLimits
from .observer import StoreObserver, Unobserved
from .opening import StoreFile
from .schema import schema_version
from .writer import Finished, Writer

Parameters = TypeVarTuple("Parameters")
Result = TypeVar("Result")
Told = TypeVar("Told")

_CATCH_UP_STEPS: Final = 32
"""Steps of the word index that one search waits for at most."""


class SqliteStore:
    """The `Store` on one SQLite file, held by one process.

    Args:
        path: the database file; its directory exists.
        limits: what commands are checked against; `set_limits` replaces it.
        keep: how long things are kept; `set_keep` replaces it.
        pace: when the work between batches is done.
        batch_max: most commands of one transaction.
        queue_max: most commands that wait; past it `Unavailable`.
        readers: read-only connections, each with a thread while it reads.
        clock: UTC epoch milliseconds.
        observer: told of batches and failures.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], int],
        limits: StoreLimits | None = None,
        keep: Keep | None = None,
        pace: Pace | None = None,
        batch_max: int = 256,
        queue_max: int = 10_000,
        readers: int = 2,
        observer: StoreObserver | None = None,
    ) -> None:
        self.file = StoreFile(path)
        self._clock = clock
        self._limits = limits or StoreLimits()
        self._keep = keep or Keep()
        self._pace = pace or Pace()
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._readers = readers
        self._observer = observer or Unobserved()
        self._writer: Writer | None = None
        self._idle_readers: deque[Connection] = deque()
        self._reading = trio.CapacityLimiter(readers)
        self._on_commit: Callable[[Sequence[StoredEvent]], None] = _unheard

    def open(self) -> list[str]:
        """Take the lock and bring the schema up to date; the names of the migrations applied. Twice is once.

        Raises `StoreOpenError`.
        """
        if self.file.locked:
            return []
        self.file.lock()
        try:
            applied = self.file.prepare()
        except BaseException:
            self.file.unlock()
            raise
        if applied:
            log("info", "store.migrated", schema=schema_version())
        return applied

    def close(self) -> None:
        """Give the lock up, where `open` was called and `run` never was; `run` does it by itself."""
        self.file.unlock()

    def set_limits(self, limits: StoreLimits) -> None:
        """Check commands against other limits from now on."""
        self._limits = limits
        if self._writer is not None:
            self._writer.limits = limits

    def set_keep(self, keep: Keep) -> None:
        """Keep things for as long as this says, from the next sweep on."""
        self._keep = keep
        if self._writer is not None:
            self._writer.keep = keep

    @property
    def queue_depth(self) -> int:
        """Commands that wait for the writer."""
        return 0 if self._writer is None else len(self._writer)

    async def run(
        self,
        on_commit: Callable[[Sequence[StoredEvent]], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Open the store and serve until cancelled; queued commands are carried out first. Raises what `open` does."""
        await trio.to_thread.run_sync(self.open)
        try:
            await self._serve(on_commit, task_status)
        finally:
            while self._idle_readers:
                self._idle_readers.pop().close()
            self.file.unlock()

    async def _serve(
        self, on_commit: Callable[[Sequence[StoredEvent]], None], task_status: trio.TaskStatus[None]
    ) -> None:
        self._on_commit = on_commit
        token = trio.lowlevel.current_trio_token()
        ended = trio.Event()
        broken: list[BaseException] = []

        def hand_back(finished: Finished) -> None:
            token.run_sync_soon(self._hand_out, finished)

        def run_writer() -> None:
            try:
                writer.run()
            except BaseException as error:
                broken.append(error)
            finally:
                token.run_sync_soon(ended.set)

        writer = await trio.to_thread.run_sync(
            lambda: Writer(
                self.file,
                hand_back,
                clock=self._clock,
                limits=self._limits,
                keep=self._keep,
                pace=self._pace,
                batch_max=self._batch_max,
                observer=self._observer,
            )
        )
        self._idle_readers.extend(self.file.reading() for _ in range(self._readers))
        self._writer = writer
        thread = threading.Thread(target=run_writer, name="store-writer", daemon=True)
        thread.start()
        try:
            task_status.started()
            await ended.wait()
        finally:
            self._writer = None
            writer.stop()
            with trio.CancelScope(shield=True):
                await ended.wait()
            thread.join()
        if broken:
            raise broken[0]

    def _hand_out(self, finished: Finished) -> None:
        """In the loop's thread: for each command its `done`, then `on_commit`. One that raises stops no other."""
        for done, outcome in finished:
            _tell(done, outcome)
            if isinstance(outcome, Committed | Rejected) and outcome.events:
                _tell(self._on_commit, outcome.events)

    def submit(self, command: Command, done: Callable[[Outcome], None]) -> None:
        """Queue a command without blocking."""
        writer = self._writer
        if writer is None:
            done(Unavailable("closed"))
        elif len(writer) >= self._queue_max:
            done(Unavailable("queue full"))
        else:
            writer.submit(command, done)

    async def append(self, command: Command) -> Committed:
        """Carry a command out; raises `Rejected` or `Unavailable`. Cancelled, it may be carried out all the same."""
        task = trio.lowlevel.current_task()
        outcomes: list[Outcome] = []
        waiting = False

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if waiting:
                trio.lowlevel.reschedule(task)

        def abort(_: object) -> trio.lowlevel.Abort:
            nonlocal waiting
            waiting = False
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.checkpoint_if_cancelled()
        self.submit(command, done)
        if outcomes:
            await trio.lowlevel.cancel_shielded_checkpoint()
        else:
            waiting = True
            await trio.lowlevel.wait_task_rescheduled(abort)
            waiting = False
        outcome = outcomes[0]
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    async def _read(self, read: Callable[[Connection, Unpack[Parameters]], Result], *args: *Parameters) -> Result:
        """Run `read` in a reader thread, on one state of the store. Raises `Unavailable` where the storage fails."""
        return await trio.to_thread.run_sync(self._read_now, lambda db: read(db, *args), limiter=self._reading)

    def _read_now(self, read: Callable[[Connection], Result]) -> Result:
        try:
            db = self._idle_readers.pop()
        except IndexError:
            raise Unavailable("closed") from None
        try:
            db.execute("BEGIN")
            try:
                return read(db)
            finally:
                db.execute("COMMIT")
        except Error as error:
            raise Unavailable(str(getattr(error, "sqlite_errorname", type(error).__name__))) from None
        finally:
            self._idle_readers.append(db)

    async def mailbox_after(self, wanted: Mapping[AccountId, int], limit: int) -> Sequence[StoredEvent]:
        """The events after a seq, at most `limit` of each account."""
        return await self._read(mailbox.mailbox_after, dict(wanted), limit)

    async def heads(self, accounts: Collection[AccountId]) -> Mapping[AccountId, int]:
        """The newest seq of each mailbox."""
        return await self._read(mailbox.heads, list(accounts))

    async def floors(self, accounts: Collection[AccountId]) -> Mapping[AccountId, int]:
        """The newest seq of each mailbox that was dropped."""
        return await self._read(mailbox.heads, list(accounts), "floor")

    async def account_by_login(self, login: str) -> AccountRow | None:
        """The account of a login."""
        return await self._read(people.account_by_login, login)

    async def account_by_uid(self, uid: str) -> AccountRow | None:
        """The account of a uid."""
        return await self._read(people.account_by_uid, uid)

    async def search_accounts(self, query: str, limit: int) -> Sequence[AccountRow]:
        """Enabled accounts by uid, login or prefix."""
        return await self._read(people.search_accounts, query, limit)

    async def list_accounts(self, after: str, limit: int) -> Sequence[AccountRow]:
        """Accounts by login, after one."""
        return await self._read(people.list_accounts, after, limit)

    async def device(self, device_id: str) -> DeviceRow | None:
        """A device, revoked ones too."""
        return await self._read(people.device, device_id)

    async def devices(self, account: AccountId) -> Sequence[DeviceRow]:
        """The live devices of an account."""
        return await self._read(people.devices, account)

    async def contacts(self, account: AccountId) -> Sequence[ContactRow]:
        """The contact list of an account."""
        return await self._read(people.contacts, account)

    async def contact(self, account: AccountId, peer: AccountId) -> ContactRow:
        """The contact between two accounts."""
        return await self._read(people.contact, account, peer)

    async def history(
        self, account: AccountId, peer: AccountId, *, before: str | None, after: str | None, limit: int
    ) -> Page:
        """A page of a conversation."""
        return await self._read(conversations.history, account, peer, before, after, limit)

    async def search_messages(
        self, account: AccountId, query: str, *, peer: AccountId | None, before: str | None, limit: int
    ) -> Page:
        """Messages that hold every word; the word index is brought up to date first, where that can be done."""
        try:
            for _ in range(_CATCH_UP_STEPS):
                if (await self.append(CatchUp(at=self._clock()))).result:
                    break
        except StoreError:
            pass  # What is indexed can be searched while nothing can be written.
        return await self._read(conversations.search_messages, account, query, peer, before, limit)

    async def conversations(
        self, account: AccountId, *, before: str | None, limit: int
    ) -> tuple[Sequence[Conversation], bool]:
        """Conversations with their last item."""
        return await self._read(conversations.conversations, account, before, limit)

    async def receipts(self, account: AccountId, peer: AccountId) -> tuple[str | None, str | None]:
        """How far messages were delivered and read."""
        return await self._read(conversations.receipts, account, peer)

    async def invites(self) -> Sequence[InviteRow]:
        """All invites."""
        return await self._read(people.invites)

    async def audit(self, *, before: int | None, limit: int) -> Sequence[AuditRow]:
        """Lines of the audit log."""
        return await self._read(people.audit, before, limit)

    async def stats(self) -> Stats:
        """Sizes of the store."""
        counts = await self._read(_counts)
        size = await trio.to_thread.run_sync(self.file.size, limiter=self._reading)
        return Stats(**counts, store_bytes=size, schema_version=schema_version())

    async def writable(self) -> bool:
        """Whether a write reaches the disk now."""
        try:
            await self.append(Probe(at=self._clock()))
        except StoreError:
            return False
        return True


def _tell(callback: Callable[[Told], None], what: Told) -> None:
    try:
        callback(what)
    except Exception as error:
        log("error", "store.callback_defect", error=error)


def _unheard(_: Sequence[StoredEvent]) -> None:
    """Nobody listens yet."""


def _counts(db: Connection) -> dict[str, Any]:
    messages, events = db.execute(
        f"SELECT count(*), count(sender_seq) + count(CASE WHEN receiver_id <> sender_id THEN receiver_seq END)"
        f" FROM message WHERE id > {mailbox.INDEXED}"
    ).fetchone()
    marks = dict(db.execute("SELECT name, value FROM mark").fetchall())
    return {
        "accounts": db.execute("SELECT count(*) FROM account WHERE deleted_at IS NULL").fetchone()[0],
        "devices": db.execute("SELECT count(*) FROM device WHERE revoked_at IS NULL").fetchone()[0],
        "messages": marks["messages"] + messages,
        "mailbox_events": marks["mailbox_events"] + events,
    }
