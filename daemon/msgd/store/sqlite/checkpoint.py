"""Carrying the write-ahead log over into the database, in a thread of its own, so that no commit waits for it."""

import os
import queue
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection, Error
from typing import Final, NamedTuple

_LENGTH_MAX: Final = 8
"""At this many times its usual length the log is carried over by the writer itself: the thread cannot keep up."""


class Log(NamedTuple):
    """How many frames the write-ahead log has, and how many of them wait to be carried over."""

    length: int
    waiting: int


def read_log(shm: Path) -> Log:
    """The state of the log: mxFrame and nBackfill of the WAL index (sqlite.org/walformat.html, sections 2.1, 2.2.1).

    Read from the -shm file, because asking SQLite for it checkpoints.
    """
    try:
        with shm.open("rb", buffering=0) as file:
            head = os.pread(file.fileno(), 100, 0)
    except FileNotFoundError:
        return Log(0, 0)
    if len(head) < 100:
        return Log(0, 0)
    length: int = struct.unpack_from("=I", head, 16)[0]
    carried: int = struct.unpack_from("=I", head, 96)[0]
    return Log(length, max(0, length - carried))


class Checkpoints:
    """Decides when to checkpoint, and has it done; every method but the thread's own is for the writer's thread.

    The log begins anew only when all of it is carried over, which the thread never gets to while the writer goes on.
    So the writer does the small rest itself. A checkpoint that fails is left at that: the next commit meets the same
    disk.
    """

    def __init__(self, connect: Callable[[], Connection], shm: Path, frames_max: int) -> None:
        self._connect = connect
        self._shm = shm
        self._frames_max = frames_max
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-checkpoint", daemon=True)
        self._busy = False
        self._rest_to_do = False
        self._left = 0
        """Frames that the last checkpoint could not carry over because somebody read them."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for it."""
        self._asked.put(False)
        self._thread.join()

    def due(self) -> bool:
        """Whether there is a step to do now."""
        if self._busy:
            return False
        return self._rest_to_do or read_log(self._shm).waiting >= self._left + self._frames_max

    def step(self, db: Connection) -> None:
        """Ask the thread for a checkpoint, or do the rest that it left."""
        log = read_log(self._shm)
        if log.waiting >= self._frames_max and log.length < _LENGTH_MAX * self._frames_max and self._thread.is_alive():
            self._busy = self._rest_to_do = True
            self._asked.put(True)
        else:
            self.finish(db)

    def finish(self, db: Connection) -> None:
        """Carry over everything that nobody reads, now; in a quiet moment, or where little is left."""
        if not self._busy:
            _carry_over(db)
            self._left = read_log(self._shm).waiting
            self._rest_to_do = False

    def _run(self) -> None:
        try:
            with closing(self._connect()) as db:
                while self._asked.get():
                    _carry_over(db)
                    self._busy = False
        except Error:
            # Without a connection the thread ends, and the writer checkpoints by itself.
            self._busy = False


def _carry_over(db: Connection) -> None:
    try:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except Error:
        pass
