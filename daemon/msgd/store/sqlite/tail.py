"""The tail of the message log: what the index tables do not hold yet, and the runs that carry it over."""

from collections.abc import Iterable, Mapping
from sqlite3 import Connection
from typing import Final

from ..commands import AccountId
from .rows import run_values
from .search import index_words

_SIDE: Final = "CASE WHEN sender_seq IS NULL THEN receiver_id WHEN receiver_seq IS NULL THEN sender_id ELSE 0 END"

_RUNS: Final = (
    f"""INSERT OR IGNORE INTO timeline(low, high, only_for, message, sender)
        SELECT min(sender_id, receiver_id), max(sender_id, receiver_id), {_SIDE}, id, sender_id
        FROM message WHERE id > :from_id AND id <= :to_id ORDER BY 1, 2, 3, 4""",
    """INSERT OR IGNORE INTO mailbox(account, seq, kind, message)
        SELECT sender_id, sender_seq, 0, id FROM message
        WHERE id > :from_id AND id <= :to_id AND sender_seq IS NOT NULL
        UNION ALL SELECT receiver_id, receiver_seq, 0, id FROM message
        WHERE id > :from_id AND id <= :to_id AND receiver_seq IS NOT NULL AND receiver_id <> sender_id
        ORDER BY 1, 2""",
    """INSERT OR IGNORE INTO sent(sender, client_message_id, message)
        SELECT sender_id, client_message_id, id FROM message
        WHERE id > :from_id AND id <= :to_id AND client_message_id IS NOT NULL ORDER BY 1, 2""",
)

_COUNTS: Final = """
    SELECT count(*), count(sender_seq) + count(CASE WHEN receiver_id <> sender_id THEN receiver_seq END)
    FROM message WHERE id > :from_id AND id <= :to_id"""

_SENT: Final = ") SELECT w.sender, w.cmid, sent.message FROM w CROSS JOIN sent ON sent.sender = w.sender" + (
    " AND sent.client_message_id = w.cmid"
)

Key = tuple[AccountId, str]


class Tail:
    """Which client message ids stand in the tail, and how long it is; bounded by how far runs may fall behind."""

    def __init__(self, db: Connection) -> None:
        self.indexed: int = _mark(db, "indexed")
        self.searchable: int = _mark(db, "searchable")
        self._worked = False
        self._keys: dict[Key, int] = {
            (sender, key): message
            for sender, key, message in db.execute(
                "SELECT sender_id, client_message_id, id FROM message WHERE id > ? AND client_message_id IS NOT NULL",
                (self.indexed,),
            )
        }

    def __len__(self) -> int:
        return len(self._keys)

    def committed(self, db: Connection, sent: Mapping[Key, int]) -> None:
        """Take note of a turn that was committed: the messages that it added, and the work on the indexes it did."""
        self._keys.update(sent)
        if self._worked:
            self._worked = False
            self.indexed = _mark(db, "indexed")
            self.searchable = _mark(db, "searchable")
            self._keys = {key: message for key, message in self._keys.items() if message > self.indexed}

    def sent_before(self, db: Connection, keys: Iterable[Key]) -> dict[Key, int]:
        """Which of these were used already, and by which message."""
        rows = list(keys)
        found = {key: self._keys[key] for key in rows if key in self._keys}
        for sender, key, message in run_values(db, "WITH w(sender, cmid) AS (VALUES ", rows, _SENT):
            found[sender, key] = message
        return found

    def carry_over(self, db: Connection) -> int:
        """Index the whole tail, inside the caller's transaction; how many messages."""
        self._worked = True
        to_id = db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        if to_id <= self.indexed:
            return 0
        span = {"from_id": self.indexed, "to_id": to_id}
        for run in _RUNS:
            db.execute(run, span)
        messages, events = db.execute(_COUNTS, span).fetchone()
        db.execute("UPDATE mark SET value = ? WHERE name = 'indexed'", (to_id,))
        db.execute("UPDATE mark SET value = value + ? WHERE name = 'messages'", (messages,))
        db.execute("UPDATE mark SET value = value + ? WHERE name = 'mailbox_events'", (events,))
        return int(messages)

    def index_words(self, db: Connection, limit: int) -> bool:
        """Index the words of at most `limit` messages, inside the caller's transaction; whether all are indexed now."""
        self._worked = True
        newest = db.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        return index_words(db, _mark(db, "searchable"), limit) >= int(newest)


def _mark(db: Connection, name: str) -> int:
    return int(db.execute("SELECT value FROM mark WHERE name = ?", (name,)).fetchone()[0])
