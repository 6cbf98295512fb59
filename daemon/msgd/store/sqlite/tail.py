"""The tail of the message log as the writer remembers it: how far the indexes reach, and which keys they lack."""

from collections.abc import Iterable, Mapping
from sqlite3 import Connection
from typing import Final

from ..commands import AccountId
from .indexing import index_at_once
from .rows import run_values
from .search import index_words

_SENT: Final = ") SELECT w.sender, w.cmid, sent.message FROM w CROSS JOIN sent ON sent.sender = w.sender" + (
    " AND sent.client_message_id = w.cmid"
)

Key = tuple[AccountId, str]
"""A sender and its client_message_id."""


class Tail:
    """The messages that the indexes lack. Bounded, because runs take more than what comes in."""

    def __init__(self, db: Connection) -> None:
        self._worked = False
        self._keys: dict[Key, int] = {}
        self._read_marks(db)
        self._keys_after = self.indexed
        rows = db.execute(
            "SELECT sender_id, client_message_id, id FROM message WHERE id > ? AND client_message_id IS NOT NULL",
            (self.indexed,),
        )
        self._keys = {(sender, key): message for sender, key, message in rows.fetchall()}

    def _read_marks(self, db: Connection) -> None:
        marks: dict[str, int] = dict(db.execute("SELECT name, value FROM mark").fetchall())
        self.indexed = marks["indexed"]
        self.searchable = marks["searchable"]
        self.words_erased = marks["words_erased"]
        # Not before the mark, even where retention took the newest messages and the clock was set back.
        last: int = db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        self.newest = max(last, self.indexed)

    def __len__(self) -> int:
        """How many texts the indexes lack."""
        return len(self._keys)

    def committed(self, db: Connection, sent: Mapping[Key, int], newest: int) -> None:
        """Take note of a transaction that was committed: what it added, and the work on the indexes that it did."""
        self._keys.update(sent)
        self.newest = newest
        if self._worked:
            self._worked = False
            before = self._keys_after
            self._read_marks(db)
            if self.indexed != before:
                self._keys_after = self.indexed
                self._keys = {key: message for key, message in self._keys.items() if message > self.indexed}

    def sent_before(self, db: Connection, keys: Iterable[Key]) -> dict[Key, int]:
        """Which of these were used already, and by which message."""
        rows = list(keys)
        found = {key: self._keys[key] for key in rows if key in self._keys}
        for sender, key, message in run_values(db, "WITH w(sender, cmid) AS (VALUES ", rows, _SENT):
            found[sender, key] = message
        return found

    def worked(self) -> None:
        """The transaction in work changes marks: they are read again after its commit."""
        self._worked = True

    def carry_over(self, db: Connection) -> None:
        """Index the whole tail, inside the caller's transaction."""
        self.worked()
        self.indexed = index_at_once(db, self.indexed)

    def index_words(self, db: Connection, limit: int) -> bool:
        """Index the words of at most `limit` messages, inside the caller's transaction; whether that was all."""
        self.worked()
        newest: int = db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        self.searchable = index_words(db, self.searchable, limit)
        return self.searchable >= newest
