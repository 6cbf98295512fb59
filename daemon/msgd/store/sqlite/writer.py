"""The writer: one thread that carries out commands in transactions, and keeps the store in order between them."""

import queue
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from msgd.logs import log
from msgwire import ErrorCode

from ..commands import Command, SendMessage
from ..ids import MessageIds
from ..interface import Committed, Outcome, Rejected, StoreError, Unavailable
from .handlers import COLLECTED, HANDLERS
from .limits import StoreLimits
from .observer import StoreObserver
from .tail import Tail
from .turn import Caches, Turn

Done = Callable[[Outcome], None]
Finished = list[tuple[Done, Outcome]]

RETRY_S: Final = 0.5
"""Pause between tries to write again after the disk refused, in seconds."""

_STORAGE_FAILURES: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    }
)
"""Primary result codes (sqlite.org/rescode.html) that say that the storage fails, not the command."""


class StorageFailure(Exception):
    """The storage refused; the transaction was rolled back. The argument is SQLite's name for it."""


class Writer:
    """Carries out commands; every method but `submit` and `stop` runs in its thread.

    After a failure of the storage everything is refused with `Unavailable` until a probe is written.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        hand_back: Callable[[Finished], None],
        *,
        limits: StoreLimits,
        batch_max: int,
        observer: StoreObserver,
    ) -> None:
        self.limits = limits
        self.failing = False
        self._connect = connect
        self._hand_back = hand_back
        self._batch_max = batch_max
        self._observer = observer
        self._queue: deque[tuple[Command, Done]] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._asleep = False
        self._stopping = False
        self._open()

    def _open(self) -> None:
        self._db = self._connect()
        self._caches = Caches()
        self._tail = Tail(self._db)
        self._ids = MessageIds(self._db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0])

    def __len__(self) -> int:
        """How many commands wait."""
        return len(self._queue)

    def submit(self, command: Command, done: Done) -> None:
        """Queue a command; from the event loop's thread."""
        self._queue.append((command, done))
        if self._asleep:
            self._asleep = False
            self._bell.put(None)

    def stop(self) -> None:
        """Have the thread end once the queue is empty; from any thread."""
        self._stopping = True
        self._bell.put(None)

    def run(self) -> None:
        """Serve until stopped. What waits is carried out first."""
        try:
            while True:
                if self._queue:
                    self._serve_batch()
                elif self._stopping:
                    break
                elif not self._maintain():
                    self._sleep()
        finally:
            self._db.close()

    def _sleep(self) -> None:
        # Looks at the queue again after saying that it sleeps, so that a command queued in between is not slept over.
        self._asleep = True
        if not self._queue and not self._stopping:
            try:
                self._bell.get(timeout=RETRY_S if self.failing else 60.0)
            except queue.Empty:
                pass
        self._asleep = False

    def _maintain(self) -> bool:
        """Do one bounded step of housekeeping; whether there is more."""
        if self.failing or not len(self._tail):
            return False
        turn = Turn(self._db, self._caches, self._ids, self._tail, self.limits)
        self._db.execute("BEGIN IMMEDIATE")
        turn.carry_over()
        self._db.execute("COMMIT")
        self._tail.committed(self._db, {})
        return False

    def _serve_batch(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_max))]
        started = time.perf_counter()
        try:
            if self.failing:
                self._reopen()
            finished = self._carry_out(batch)
        except StorageFailure as failure:
            if not self.failing:
                log("error", "store.failed", error=str(failure))
            self.failing = True
            self._observer.commit_failed()
            finished = [(done, Unavailable(str(failure))) for _, done in batch]
        else:
            if self.failing:
                log("info", "store.recovered")
            self.failing = False
            self._observer.committed(len(batch), time.perf_counter() - started)
        self._hand_back(finished)

    def _reopen(self) -> None:
        """Start afresh after a failure: with a new connection, because the old one may not know its own state."""
        try:
            self._db.close()
            self._open()
        except sqlite3.Error as error:
            raise StorageFailure(_name(error)) from None

    def _carry_out(self, batch: Sequence[tuple[Command, Done]]) -> Finished:
        """Commit a batch. Where one of its commands breaks, commit them one by one, so that it fails alone."""
        try:
            return self._transaction(batch)
        except StorageFailure:
            raise
        except Exception as error:
            if len(batch) == 1:
                log("error", "store.defect", error=error)
                return [(batch[0][1], StoreError(ErrorCode.INTERNAL.value))]
            finished: Finished = []
            for entry in batch:
                finished += self._carry_out([entry])
            return finished

    def _transaction(self, batch: Sequence[tuple[Command, Done]]) -> Finished:
        db = self._db
        turn = Turn(db, self._caches, self._ids, self._tail, self.limits)
        try:
            db.execute("BEGIN IMMEDIATE")
            turn.sent_before = self._tail.sent_before(
                db, [(c.sender, c.client_message_id) for c, _ in batch if type(c) is SendMessage]
            )
            finished: Finished = [(done, _decide(turn, command)) for command, done in batch]
            turn.flush()
            db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error) and _is_storage_failure(error):
                raise StorageFailure(_name(error)) from None
            raise
        self._tail.committed(db, turn.sent)
        self._caches.age()
        return finished

    def _roll_back(self) -> None:
        self._caches.clear()
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._tail = Tail(self._db)
        except sqlite3.Error:
            # The connection is of no more use: what comes next opens another.
            self.failing = True


def _decide(turn: Turn, command: Command) -> Outcome:
    """Carry one command out within the turn."""
    kind = type(command)
    if kind not in COLLECTED:
        turn.flush()
    try:
        result = HANDLERS[kind](turn, command)
    except Rejected as refusal:
        return refusal
    return Committed(result, turn.take_events())


def _is_storage_failure(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _STORAGE_FAILURES


def _name(error: sqlite3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", type(error).__name__))
