"""Filling the index tables behind the log: a run takes the messages of the tail and adds them in key order, in slices.

In key order, because then a page that takes several entries is written once; in slices, because nobody should wait
for a whole run. Until a run is finished its entries count for nothing: readers take them from the tail.
"""

from sqlite3 import Connection
from typing import Final, NamedTuple

_SIDE: Final = "CASE WHEN sender_seq IS NULL THEN receiver_id WHEN receiver_seq IS NULL THEN sender_id ELSE 0 END"


class _Index(NamedTuple):
    """One index table: what the messages of a span put into it, in its key order."""

    into: str
    columns: int
    entries: str


_INDEXES: Final = (
    _Index(
        "timeline(low, high, only_for, message, sender)",
        5,
        f"""SELECT min(sender_id, receiver_id), max(sender_id, receiver_id), {_SIDE}, id, sender_id
        FROM message WHERE id > :after AND id <= :last ORDER BY 1, 2, 3, 4""",
    ),
    _Index(
        "mailbox(account, seq, kind, message)",
        4,
        """SELECT sender_id, sender_seq, 0, id FROM message
        WHERE id > :after AND id <= :last AND sender_seq IS NOT NULL
        UNION ALL SELECT receiver_id, receiver_seq, 0, id FROM message
        WHERE id > :after AND id <= :last AND receiver_seq IS NOT NULL AND receiver_id <> sender_id
        ORDER BY 1, 2""",
    ),
    _Index(
        "sent(sender, client_message_id, message)",
        3,
        """SELECT sender_id, client_message_id, id FROM message
        WHERE id > :after AND id <= :last AND client_message_id IS NOT NULL ORDER BY 1, 2""",
    ),
)

_SPAN_END: Final = "SELECT max(id) FROM (SELECT id FROM message WHERE id > :after ORDER BY id LIMIT :limit)"

COUNT_SPAN: Final = """
    SELECT count(*), count(sender_seq) + count(CASE WHEN receiver_id <> sender_id THEN receiver_seq END)
    FROM message WHERE id > :after AND id <= :last"""


def index_at_once(db: Connection, after: int) -> int:
    """Index everything after a message, inside the caller's transaction; how far the indexes reach then."""
    last: int | None = db.execute("SELECT max(id) FROM message").fetchone()[0]
    if last is None or last <= after:
        return after
    span = {"after": after, "last": last}
    for index in _INDEXES:
        db.execute(f"INSERT OR IGNORE INTO {index.into} {index.entries}", span)
    _finish(db, span)
    return last


def _finish(db: Connection, span: dict[str, int]) -> None:
    messages, events = db.execute(COUNT_SPAN, span).fetchone()
    db.execute("UPDATE mark SET value = ? WHERE name = 'indexed'", (span["last"],))
    db.execute("UPDATE mark SET value = value + ? WHERE name = 'messages'", (messages,))
    db.execute("UPDATE mark SET value = value + ? WHERE name = 'mailbox_events'", (events,))


class IndexRun:
    """One run in work. It may be dropped at any time and begun anew: an entry that is there already is left alone."""

    def __init__(self, after: int) -> None:
        self.after = after
        self._span: dict[str, int] = {}
        self._waiting = list(_INDEXES)
        self._next = 1
        self._last = 0

    def step(self, db: Connection, run_max: int, slice_max: int) -> bool:
        """Do one slice, inside the caller's transaction; whether the run is finished.

        Args:
            db: the writer's connection; the run keeps the entries of one index in a temporary table of it.
            run_max: how many messages a run takes at most.
            slice_max: how many entries a slice adds at most.
        """
        if not self._span:
            last = db.execute(_SPAN_END, {"after": self.after, "limit": run_max}).fetchone()[0]
            if last is None:
                return True
            self._span = {"after": self.after, "last": last}
        if self._next > self._last:
            self._sort(db)
        index = self._waiting[0]
        columns = ", ".join(f"k{number}" for number in range(index.columns))
        db.execute(
            f"INSERT OR IGNORE INTO {index.into} SELECT {columns} FROM temp.run WHERE rowid >= ? AND rowid < ?",
            (self._next, self._next + slice_max),
        )
        self._next += slice_max
        if self._next <= self._last:
            return False
        self._waiting.pop(0)
        if self._waiting:
            return False
        db.execute("DELETE FROM temp.run")
        _finish(db, self._span)
        return True

    def _sort(self, db: Connection) -> None:
        index = self._waiting[0]
        db.execute("CREATE TEMP TABLE IF NOT EXISTS run(k0, k1, k2, k3, k4)")
        db.execute("DELETE FROM temp.run")
        columns = ", ".join(f"k{number}" for number in range(index.columns))
        db.execute(f"INSERT INTO temp.run({columns}) {index.entries}", self._span)
        self._next = 1
        self._last = db.execute("SELECT coalesce(max(rowid), 0) FROM temp.run").fetchone()[0]
