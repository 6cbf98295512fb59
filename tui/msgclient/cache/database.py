"""The cache's file: one writer on a worker thread, quick reads on the loop's own thread, every write a transaction."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from ..errors import CacheFailed, ProfileUnreadable
from .conversations import Conversations
from .inbox import Inbox
from .messages import Messages
from .meta import Meta
from .people import People
from .schema import upgrade

T = TypeVar("T")

_BUSY_TIMEOUT_S = 10.0
"""Only this process writes, so a lock is never held longer than a checkpoint."""


class Tables:
    """All tables over one connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.meta = Meta(db)
        self.messages = Messages(db)
        self.conversations = Conversations(db)
        self.people = People(db)
        self.inbox = Inbox(db)


class Cache:
    """An open cache.

    Reads go through `reading`, in the thread that opened the cache. A page of messages costs one index range however
    long the conversation is, so they need no thread. Writes go through `write`, one after the other, and are on
    stable storage (`synchronous=FULL`) when it returns.
    """

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._writing = Tables(writer)
        self._limiter = anyio.CapacityLimiter(1)
        self.reading = Tables(reader)

    @classmethod
    def open(cls, path: Path) -> "Cache":
        """Open a cache, or make one with mode 0600; raises `CacheTooNew` and `ProfileUnreadable`."""
        # Made before SQLite does, which would follow the umask; its -wal and -shm files take the mode of this one.
        path.touch(mode=0o600, exist_ok=True)
        try:
            writer = _connect(path)
            try:
                writer.execute("PRAGMA journal_mode = WAL")
                writer.execute("PRAGMA synchronous = FULL")
                # What was deleted is overwritten, not only unlinked.
                writer.execute("PRAGMA secure_delete = ON")
                upgrade(writer)
                reader = _connect(path)
                reader.execute("PRAGMA query_only = ON")
            except BaseException:
                writer.close()
                raise
        except sqlite3.DatabaseError as error:
            raise ProfileUnreadable(f"{path} cannot be read: {error}.") from error
        return cls(writer, reader)

    async def aclose(self) -> None:
        """Close both connections, after the write that is under way."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close, limiter=self._limiter)

    def close(self) -> None:
        """Close both connections; for where nothing has been written yet."""
        self._reader.close()
        self._writer.close()

    async def write(self, act: Callable[[Tables], T]) -> T:
        """Run `act` in one transaction on the worker thread; what it raises rolls back.

        A cancelled caller waits for the commit, so that memory and disk never disagree. Raises `CacheFailed`.
        """
        return await anyio.to_thread.run_sync(self._transact, act, limiter=self._limiter)

    def _transact(self, act: Callable[[Tables], T]) -> T:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            result = act(self._writing)
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise CacheFailed(f"This computer cannot store messages now: {error}.") from error
        finally:
            # On some errors, a full disk among them, SQLite has rolled back by itself.
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        return result


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions begin and end where this module says so.
    # check_same_thread off: the limiter lets one thread in at a time.
    return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
