"""What the writer does between batches: fill the indexes, checkpoint, sweep; one short step at a time."""

from collections.abc import Callable, Iterator
from sqlite3 import Connection

from msgd.logs import log

from .checkpoint import Checkpoints
from .indexing import IndexRun
from .limits import Keep, Pace
from .sweeps import SWEEPS
from .tail import Tail


class Upkeep:
    """Decides which step comes next, and carries it out on the writer's connection.

    Its commits are not synced: they change nothing that was acknowledged, and what a power cut takes of them is done
    again. The write-ahead log keeps the order, so nothing that was synced later can be there without them.
    """

    def __init__(
        self, db: Connection, tail: Tail, checkpoints: Checkpoints, keep: Keep, pace: Pace, clock: Callable[[], int]
    ) -> None:
        self.keep = keep
        self._pace = pace
        self._db = db
        self._tail = tail
        self._checkpoints = checkpoints
        self._clock = clock
        self._run: IndexRun | None = None
        self._sweep_at = clock()
        self._sweep: Iterator[int] | None = None
        self._removed = 0

    def pressing(self) -> bool:
        """Whether something should not wait for a quiet moment."""
        return (
            self._run is not None
            or len(self._tail) >= self._pace.run_min
            or self._tail.searchable < self._tail.indexed
            or self._checkpoints.due()
        )

    def step(self) -> None:
        """Do one step of what presses. Raises `sqlite3.Error`; nothing of the step is left then."""
        if self._checkpoints.due():
            self._checkpoints.step(self._db)
        elif self._run is not None:
            self._index()
        elif self._tail.searchable < self._tail.indexed:
            self._unsynced(self._index_words)
        else:
            self._run = IndexRun(self._tail.indexed)
            self._index()

    def quiet_step(self) -> bool:
        """Do one step of what can wait, in a quiet moment; whether there is more. Raises as `step`."""
        if self.pressing():
            self.step()
        elif self._tail.newest > self._tail.indexed:
            self._unsynced(self._carry_over)
        elif self._sweep is not None or self._clock() - self._sweep_at >= self.keep.every_ms:
            self._sweep_on()
        else:
            self._checkpoints.finish(self._db)
            return False
        return True

    def _unsynced(self, work: Callable[[], object]) -> None:
        db = self._db
        db.execute("PRAGMA synchronous = NORMAL")
        try:
            db.execute("BEGIN IMMEDIATE")
            work()
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        finally:
            db.execute("PRAGMA synchronous = FULL")
        self._tail.committed(db, {}, self._tail.newest)

    def _index(self) -> None:
        run = self._run
        assert run is not None, "there is a run in work"
        if run.after != self._tail.indexed:
            # A command had the whole tail indexed at once meanwhile.
            self._run = None
            return

        def work() -> None:
            if run.step(self._db, self._pace.run_max, self._pace.slice_entries):
                self._tail.worked()
                self._run = None

        self._unsynced(work)

    def _index_words(self) -> None:
        self._tail.index_words(self._db, self._pace.words_messages)

    def _carry_over(self) -> None:
        self._tail.carry_over(self._db)

    def _sweep_on(self) -> None:
        if self._sweep is None:
            self._sweep = self._sweep_all(self._clock())

        def work() -> None:
            assert self._sweep is not None, "it was just begun"
            self._tail.carry_over(self._db)
            removed = next(self._sweep, None)
            if removed is None:
                self._sweep = None
            else:
                self._removed += removed

        self._unsynced(work)
        if self._sweep is None:
            self._sweep_at = self._clock()
            if self._removed:
                log("info", "store.retention", count=self._removed)
            self._removed = 0

    def _sweep_all(self, now: int) -> Iterator[int]:
        for sweep in SWEEPS.values():
            yield from sweep(self._db, self._tail, self.keep, now)
