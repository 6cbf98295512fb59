"""Opening a store: the lock that keeps it to one process, its files, its connections."""

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from .errors import StoreLocked, StoreUnusable
from .schema import migrate

SYNCHRONOUS: Final = "FULL"
"""Each commit is on stable storage before it is acknowledged; anything less loses acknowledged messages."""

_PAGE_BYTES: Final = 4096
_CACHE_KIB: Final = 65_536
_STATEMENTS: Final = 256


class StoreFile:
    """A database file that this process has for itself from `lock` to `unlock`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def locked(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    @property
    def shm(self) -> Path:
        """The index of the write-ahead log."""
        return self.path.with_name(self.path.name + "-shm")

    def size(self) -> int:
        """Bytes on disk, with what is not checkpointed yet."""
        names = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(name.stat().st_size for name in names if name.exists())

    def lock(self) -> None:
        """Take the lock (flock on a file beside the database; the kernel drops it when the process ends).

        Makes the directory where it is missing. Raises `StoreLocked`, saying who holds it, or `StoreUnusable`.
        """
        lock_path = self.path.with_name(self.path.name + ".lock")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnusable(
                f"The store's directory {self.path.parent} cannot be used: {error.strerror}. "
                "It must belong to the user that the daemon runs as."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreLocked(
                f"The store {self.path} is open in another process (pid {holder}). "
                "A running msgd is spoken to through its admin socket; else stop that process first."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def unlock(self) -> None:
        """Give the lock up. The lock file stays: removing it would let two processes lock two files of one name."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def prepare(self) -> list[str]:
        """Make the file and bring its schema up to date; the names of the migrations applied.

        Raises `SchemaTooNew` or `StoreUnusable`.
        """
        try:
            # SQLite gives its -wal and -shm files the permissions of the database.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with closing(self._connection()) as db:
                db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                db.execute("PRAGMA auto_vacuum = INCREMENTAL")
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                return migrate(db)
        except OSError as error:
            raise StoreUnusable(f"The store {self.path} cannot be opened: {error.strerror}.") from error
        except sqlite3.Error as error:
            reason = getattr(error, "sqlite_errorname", type(error).__name__)
            raise StoreUnusable(
                f"The store {self.path} cannot be used ({reason}): is it a store of msgd, is the disk full or failing? "
                "Look with `sqlite3 FILE 'PRAGMA integrity_check'`, or restore a backup."
            ) from error

    def writing(self) -> sqlite3.Connection:
        """The one connection that writes."""
        db = self._connection()
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        # The writer checkpoints by itself, when nobody waits for it.
        db.execute("PRAGMA wal_autocheckpoint = 0")
        # What is deleted is overwritten, free pages too.
        db.execute("PRAGMA secure_delete = ON")
        return db

    def reading(self) -> sqlite3.Connection:
        """A connection that cannot write."""
        db = self._connection()
        db.execute("PRAGMA query_only = ON")
        return db

    def _connection(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS, timeout=5.0
        )
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return db
