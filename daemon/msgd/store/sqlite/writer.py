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
from .checkpoint import Checkpoints
from .handlers import COLLECTED, HANDLERS, Probe
from .limits import Keep, Pace, StoreLimits
from .observer import StoreObserver
from .opening import StoreFile
from .tail import Tail
from .turn import Caches, Turn
from .upkeep import Upkeep

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


_DEFECT_PAUSE_S: Final = 60.0
"""Pause of upkeep after it met a defect, in seconds."""


class StorageFailure(Exception):
    """The storage refused; the transaction was rolled back. The argument is SQLite's name for it."""


class Writer:
    """Carries out commands. `submit`, `stop` and the attributes are for the event loop's thread, `run` is the writer's.

    After a failure of the storage everything is refused with `Unavailable`, but for one try every half second.
    """

    def __init__(
        self,
        file: StoreFile,
        hand_back: Callable[[Finished], None],
        *,
        clock: Callable[[], int],
        limits: StoreLimits,
        keep: Keep,
        pace: Pace,
        batch_max: int,
        observer: StoreObserver,
    ) -> None:
        self.limits = limits
        self.keep = keep
        self._pace = pace
        self._file = file
        self._hand_back = hand_back
        self._clock = clock
        self._batch_max = batch_max
        self._observer = observer
        self._queue: deque[tuple[Command, Done]] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._in_work: list[tuple[Command, Done]] = []
        self._asleep = False
        self._stopping = False
        self._failing = False
        self._failure = ""
        self._try_at = 0.0
        self._upkeep_at = 0.0
        self._checkpoints = Checkpoints(file.writing, file.shm, pace.wal_frames_max)
        self._open()

    def _open(self) -> None:
        self._db = self._file.writing()
        self._read_state()

    def _read_state(self) -> None:
        self._caches = Caches()
        self._tail = Tail(self._db)
        self._ids = MessageIds(self._tail.newest)
        self._upkeep = Upkeep(self._db, self._tail, self._checkpoints, self.keep, self._pace, self._clock)

    def __len__(self) -> int:
        """How many commands wait."""
        return len(self._queue)

    def submit(self, command: Command, done: Done) -> None:
        """Queue a command."""
        self._queue.append((command, done))
        if self._asleep:
            self._asleep = False
            self._bell.put(None)

    def stop(self) -> None:
        """Have the thread end once the queue is empty."""
        self._stopping = True
        self._bell.put(None)

    def run(self) -> None:
        """Serve until stopped. What waits is carried out first; a defect of the writer itself is raised."""
        self._checkpoints.start()
        try:
            while True:
                if self._queue:
                    self._serve_batch()
                elif self._stopping:
                    break
                else:
                    self._wait()
        except BaseException:
            self._hand_back(
                [(done, StoreError(ErrorCode.INTERNAL.value)) for _, done in [*self._in_work, *self._queue]]
            )
            raise
        finally:
            self._checkpoints.stop()
            self._db.close()

    def _wait(self) -> None:
        """Wait for a command; do upkeep where it presses, or where it is quiet."""
        if self._failing:
            if not self._sleep(RETRY_S):
                self._serve([])
        elif self._guarded(self._upkeep.pressing) and self._guarded(self._upkeep.step):
            pass
        elif not self._failing and not self._sleep(self._pace.quiet_s):
            while not self._queue and not self._stopping and self._guarded(self._upkeep.quiet_step):
                pass
            if not self._queue and not self._failing:
                self._sleep(self.keep.every_ms / 1000)

    def _sleep(self, seconds: float) -> bool:
        """Wait for a command; whether there is one, or the end."""
        self._asleep = True
        # Looked at again after saying so, because a command queued in between rings no bell.
        if not self._queue and not self._stopping:
            try:
                self._bell.get(timeout=seconds)
            except queue.Empty:
                self._asleep = False
                return bool(self._queue)
        self._asleep = False
        return True

    def _serve_batch(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_max))]
        self._in_work = batch
        self._serve(batch)
        self._in_work = []
        messages = sum(1 for command, _ in batch if type(command) is SendMessage)
        steps = self._pace.steps_after(messages)
        while steps and not self._failing and self._guarded(self._upkeep.pressing):
            self._guarded(self._upkeep.step)
            steps -= 1

    def _serve(self, batch: Sequence[tuple[Command, Done]]) -> None:
        """Carry a batch out, and say how it went; while the storage fails, only now and then."""
        started = time.perf_counter()
        try:
            if self._failing:
                self._try_again(started)
            finished = self._carry_out(batch)
        except StorageFailure as failure:
            self._failed(failure)
            finished = [(done, Unavailable(str(failure))) for _, done in batch]
        else:
            if batch:
                self._observer.committed(len(batch), time.perf_counter() - started)
        if finished:
            self._hand_back(finished)

    def _failed(self, failure: StorageFailure) -> None:
        self._observer.commit_failed()
        if not self._failing:
            log("error", "store.failed", error=str(failure))
        self._failing = True
        self._failure = str(failure)

    def _try_again(self, now: float) -> None:
        """Open a new connection, as the old one may not know its own state, and write. Raises `StorageFailure`."""
        if now < self._try_at:
            raise StorageFailure(self._failure)
        self._try_at = now + RETRY_S
        try:
            self._db.close()
            self._open()
        except sqlite3.Error as error:
            raise StorageFailure(_name(error)) from None
        self._transaction([(Probe(at=self._clock()), _nobody_asks)])
        self._failing = False
        log("info", "store.recovered")

    def _guarded(self, work: Callable[[], bool | None]) -> bool:
        """Do some upkeep; False where it says so or fails. What fails is begun anew on a new connection."""
        if time.perf_counter() < self._upkeep_at:
            return False
        self._upkeep.keep = self.keep
        try:
            return work() is not False
        except sqlite3.Error as error:
            if not _is_storage_failure(error):
                log("error", "store.defect", error=error)
                self._upkeep_at = time.perf_counter() + _DEFECT_PAUSE_S
            self._failed(StorageFailure(_name(error)))
            return False

    def _carry_out(self, batch: Sequence[tuple[Command, Done]]) -> Finished:
        """Commit a batch. Where one of its commands breaks, commit them one by one, so that it fails alone."""
        if not batch:
            return []
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
            if self._failing:
                finished.append((entry[1], Unavailable(self._failure)))
                continue
            try:
                finished += self._carry_out([entry])
            except StorageFailure as failure:
                # Not raised for the whole batch: what was committed one by one stays committed.
                self._failed(failure)
                finished.append((entry[1], Unavailable(self._failure)))
        return finished

    def _transaction(self, batch: Sequence[tuple[Command, Done]]) -> Finished:
        """Carry commands out and commit them together; whatever is raised, nothing of them is left."""
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
        try:
            self._tail.committed(db, turn.sent, self._ids.last)
            self._caches.age()
        except Exception as error:
            # The batch is on disk and must be neither refused nor repeated: only what is remembered is read anew.
            log("error", "store.defect", error=error)
            self._failing, self._failure = True, type(error).__name__
        return finished

    def _roll_back(self) -> None:
        """Undo the transaction, and forget what was decided in it."""
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._read_state()
        except sqlite3.Error as error:
            raise StorageFailure(_name(error)) from None


def _nobody_asks(_: Outcome) -> None:
    """The probe's own outcome: that it was committed is all there is to know."""


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
