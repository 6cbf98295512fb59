"""The contact list. Presence is of the moment and stands in memory, not here."""

import sqlite3
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One stored contact; `since` is UTC epoch ms."""

    uid: str
    login: str
    state: str
    since: int
    note: str | None = field(default=None, repr=False)


class People:
    """Reads and writes of contacts."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def all(self) -> list[ContactRow]:
        """Every contact, request and block, by login."""
        rows = self._db.execute("SELECT uid, login, state, since, note FROM contacts ORDER BY login")
        return [ContactRow(*row) for row in rows]

    def get(self, uid: str) -> ContactRow | None:
        """One contact."""
        row = self._db.execute("SELECT uid, login, state, since, note FROM contacts WHERE uid = ?", (uid,)).fetchone()
        return None if row is None else ContactRow(*row)

    def put(self, row: ContactRow) -> bool:
        """Store a contact; the state `none` removes it. Returns whether anything changed."""
        known = self.get(row.uid)
        if row.state == "none":
            self._db.execute("DELETE FROM contacts WHERE uid = ?", (row.uid,))
            return known is not None
        self._db.execute(
            "INSERT OR REPLACE INTO contacts (uid, login, state, since, note) VALUES (?, ?, ?, ?, ?)",
            (row.uid, row.login, row.state, row.since, row.note),
        )
        self._db.execute("UPDATE conversations SET login = ? WHERE peer = ?", (row.login, row.uid))
        return known != row

    def replace(self, rows: list[ContactRow]) -> list[ContactRow]:
        """Make this the whole list; returns what changed, removed ones with the state `none`."""
        kept = {row.uid for row in rows}
        gone = [ContactRow(old.uid, old.login, "none", old.since) for old in self.all() if old.uid not in kept]
        return [row for row in (*rows, *gone) if self.put(row)]
