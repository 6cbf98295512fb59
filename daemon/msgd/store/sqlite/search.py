"""The word index of messages: filled behind the log, corrected by edits, emptied by deletions, and asked by members."""

from collections.abc import Iterable
from sqlite3 import Connection
from typing import Final

from ..commands import AccountId

_MEMBERS: Final = (
    "CASE WHEN sender_seq IS NULL THEN '' ELSE 'a' || sender_id END || ' ' ||"
    " CASE WHEN receiver_seq IS NULL THEN '' ELSE 'a' || receiver_id END"
)


def index_words(db: Connection, after: int, limit: int) -> int:
    """Index the words of the next messages of the log, inside the caller's transaction; the last one's id."""
    last = db.execute(
        "SELECT max(id) FROM (SELECT id FROM message WHERE id > ? ORDER BY id LIMIT ?)", (after, limit)
    ).fetchone()[0]
    if last is None:
        return after
    db.execute(
        f"INSERT INTO message_words(rowid, who, text) SELECT id, {_MEMBERS}, text FROM message"
        " WHERE id > ? AND id <= ? AND kind = 0 AND deleted_at IS NULL",
        (after, last),
    )
    db.execute("UPDATE mark SET value = ? WHERE name = 'searchable'", (last,))
    return int(last)


def replace_words(db: Connection, message: int, members: Iterable[AccountId], old: str, new: str | None) -> None:
    """Take the words of `old` out of the index and those of `new` in, for a message that is indexed."""
    who = member_words(members)
    db.execute(
        "INSERT INTO message_words(message_words, rowid, who, text) VALUES ('delete', ?, ?, ?)", (message, who, old)
    )
    db.execute("UPDATE mark SET value = value + 1 WHERE name = 'words_erased'")
    if new is not None:
        db.execute("INSERT INTO message_words(rowid, who, text) VALUES (?, ?, ?)", (message, who, new))


def merge_words(db: Connection, pages: int) -> bool:
    """Merge the index by some pages, inside the caller's transaction; whether nothing is left to merge.

    Only a merge drops the words that were taken out (FTS5, section 6.8: a negative number takes in all segments).
    """
    before = db.total_changes
    db.execute("INSERT INTO message_words(message_words, rank) VALUES ('merge', ?)", (-pages,))
    if db.total_changes - before >= 2:
        return False
    db.execute("UPDATE mark SET value = 0 WHERE name = 'words_erased'")
    return True


def member_words(members: Iterable[AccountId]) -> str:
    """The tokens that stand for the accounts that see a message."""
    return " ".join(f"a{account}" for account in members)


def match_expression(query: str, account: AccountId, peer: AccountId | None) -> str | None:
    """The FTS5 expression for every word of `query`, the last as a prefix; None where it holds no word.

    Each word is quoted (FTS5, section 3.1), so nothing in it is syntax.
    """
    words = [word for word in query.replace("\0", " ").split() if any(map(str.isalnum, word))]
    if not words:
        return None
    quoted = ['"' + word.replace('"', '""') + '"' for word in words]
    quoted[-1] += " *"
    members = f"who : a{account}" + ("" if peer is None or peer == account else f" AND who : a{peer}")
    return f"{members} AND text : (" + " AND ".join(quoted) + ")"
