"""Whose cache it is, and how far the event stream has been stored."""

import sqlite3


class Meta:
    """The few values that stand alone."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @property
    def uid(self) -> str | None:
        """The account whose data this is."""
        value = self._get("uid")
        return None if value is None else str(value)

    @property
    def cursor(self) -> int | None:
        """The last event that is stored here; None before the first connection."""
        value = self._get("cursor")
        return None if value is None else int(str(value))

    @property
    def is_filled(self) -> bool:
        """Whether the conversations of before this device's time have been fetched."""
        return self._get("filled") is not None

    def set_cursor(self, seq: int) -> None:
        """The stream is stored up to `seq`, in the transaction that stores the events."""
        self._set("cursor", seq)

    def set_filled(self) -> None:
        """The past has been fetched."""
        self._set("filled", 1)

    def belong_to(self, uid: str) -> bool:
        """Make this the cache of an account; another account's data is erased. Returns whether it was."""
        foreign = self.uid not in (None, uid)
        if foreign:
            self.erase()
        self._set("uid", uid)
        return foreign

    def erase(self) -> None:
        """Forget everything."""
        for table in ("messages", "conversations", "contacts", "inbox", "meta"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the line above

    def forget_past(self, cursor: int) -> None:
        """The stream goes on at `cursor` with a hole before it: drop what could have holes, keep what was not sent."""
        self._db.execute("DELETE FROM messages WHERE pending = 0")
        self._db.execute("UPDATE conversations SET reaches_start = 0, counted_to = ''")
        self._db.execute("DELETE FROM meta WHERE key = 'filled'")
        self.set_cursor(cursor)

    def _get(self, key: str) -> object:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def _set(self, key: str, value: str | int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
