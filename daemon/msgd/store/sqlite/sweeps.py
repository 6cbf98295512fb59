"""Retention: what is too old or too much goes, a bounded step at a time, each in the caller's transaction.

A message that goes takes its index entries along. The mailboxes keep their numbering: an event whose message is gone
reads as a deletion, and only a mailbox's oldest part is dropped, behind which no stream starts any more.
"""

from collections.abc import Callable, Iterator
from sqlite3 import Connection
from typing import Final

import msgspec

from msgwire import MessageDeleted

from ..ids import COUNTER_BITS, encode_id
from .limits import Keep
from .search import merge_words, replace_words
from .tail import Tail
from .turn import BODY

STEP_ROWS: Final = 200
"""Rows that one step removes at most: a few milliseconds."""

_CONVERSATIONS: Final = 20
_ACCOUNTS: Final = 20
_MERGE_PAGES: Final = 64
_VACUUM_PAGES: Final = 256

_encode = msgspec.json.Encoder().encode

_GOING: Final = """
    SELECT m.id, m.kind, m.sender_id, m.receiver_id, m.sender_seq, m.receiver_seq, m.client_message_id, m.text,
        m.deleted_at, s.uid, r.uid
    FROM message m JOIN account s ON s.id = m.sender_id JOIN account r ON r.id = m.receiver_id
    WHERE m.id IN (SELECT value FROM json_each(?))"""

_PAST: Final = """
    SELECT message FROM timeline WHERE low = ? AND high = ? AND only_for = ? ORDER BY message DESC LIMIT ? OFFSET ?"""

Sweep = Callable[[Connection, Tail, Keep, int], Iterator[int]]
"""Yields after each step how many rows it removed. Before each, the caller begins a transaction and has the whole tail
indexed; after each it commits."""


def remove_messages(db: Connection, tail: Tail, messages: list[int], at: int) -> None:
    """Remove messages that are indexed, with everything that points to them."""
    rows = db.execute(_GOING, (msgspec.json.encode(messages).decode(),)).fetchall()
    for number, kind, sender, receiver, sender_seq, receiver_seq, key, text, deleted_at, from_uid, to_uid in rows:
        body = _encode(MessageDeleted(message_id=encode_id(number), sender=from_uid, to=to_uid, deleted_at=at))
        seats = [seat for seat in {(sender, sender_seq), (receiver, receiver_seq)} if seat[1] is not None]
        for account, seq in seats:
            db.execute(
                "UPDATE mailbox SET kind = ?, message = NULL, at = ?, body = ?"
                " WHERE account = ? AND seq = ? AND message = ?",
                (BODY, at, body, account, seq, number),
            )
        only_for = receiver if sender_seq is None else sender if receiver_seq is None else 0
        db.execute(
            "DELETE FROM timeline WHERE low = ? AND high = ? AND only_for = ? AND message = ?",
            (min(sender, receiver), max(sender, receiver), only_for, number),
        )
        if kind == 1:
            db.execute("DELETE FROM call WHERE message = ?", (number,))
        else:
            db.execute("DELETE FROM sent WHERE sender = ? AND client_message_id = ?", (sender, key))
            if deleted_at is None and number <= tail.searchable:
                members = [account for account, _ in sorted(seats, key=lambda seat: seat[0] != sender)]
                replace_words(db, number, members, text, None)
        db.execute("DELETE FROM message WHERE id = ?", (number,))
    db.execute("UPDATE mark SET value = value - ? WHERE name = 'messages'", (len(rows),))
    tail.worked()


def _old_messages(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    if not keep.messages_ms:
        return
    before = max(0, now - keep.messages_ms) << COUNTER_BITS
    while True:
        rows = db.execute("SELECT id FROM message WHERE id < ? ORDER BY id LIMIT ?", (before, STEP_ROWS)).fetchall()
        if not rows:
            return
        remove_messages(db, tail, [message for (message,) in rows], now)
        yield len(rows)


def _long_conversations(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    most = keep.messages_per_conversation
    if not most:
        return
    at = (-1, -1)
    while True:
        sides = db.execute(
            "SELECT account, peer FROM conversation WHERE (account, peer) > (?, ?) ORDER BY account, peer LIMIT ?",
            (*at, _CONVERSATIONS),
        ).fetchall()
        if not sides:
            return
        for account, peer in sides:
            for only_for in (0, account):
                part = (min(account, peer), max(account, peer), only_for)
                while rows := db.execute(_PAST, (*part, STEP_ROWS, most)).fetchall():
                    remove_messages(db, tail, [message for (message,) in rows], now)
                    yield len(rows)
        at = sides[-1]
        yield 0


def _doomed(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    del keep
    while True:
        part = db.execute("SELECT low, high, only_for FROM doomed LIMIT 1").fetchone()
        if part is None:
            return
        rows = db.execute(
            "SELECT message FROM timeline WHERE low = ? AND high = ? AND only_for = ? LIMIT ?", (*part, STEP_ROWS)
        ).fetchall()
        remove_messages(db, tail, [message for (message,) in rows], now)
        if len(rows) < STEP_ROWS:
            db.execute("DELETE FROM doomed WHERE low = ? AND high = ? AND only_for = ?", part)
        yield len(rows)


_FLOORS: Final = """
    SELECT account, floor, coalesce(
        (SELECT min(seq) FROM device JOIN device_cursor ON device = device.id
            WHERE device.account = mailbox_head.account AND revoked_at IS NULL AND last_seen_at >= :alive), acked)
    FROM mailbox_head WHERE account > :after ORDER BY account LIMIT :limit"""
_YOUNGEST: Final = """
    SELECT max(seq), count(*) FROM (
        SELECT seq, kind, message, at FROM mailbox WHERE account = :account AND seq <= :upto ORDER BY seq LIMIT :limit)
    WHERE (kind = 0 AND message < :message) OR at < :at"""


def _acknowledged(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    del tail
    if not keep.acknowledged_ms:
        return
    before = max(0, now - keep.acknowledged_ms)
    span = {"at": before, "message": before << COUNTER_BITS, "limit": STEP_ROWS}
    after = 0
    while True:
        accounts = db.execute(
            _FLOORS, {"alive": now - keep.idle_device_ms, "after": after, "limit": _ACCOUNTS}
        ).fetchall()
        if not accounts:
            return
        for account, floor, upto in accounts:
            dropped = floor
            while upto > dropped:
                last, count = db.execute(_YOUNGEST, {**span, "account": account, "upto": upto}).fetchone()
                if last is None:
                    break
                db.execute("DELETE FROM mailbox WHERE account = ? AND seq <= ?", (account, last))
                db.execute("UPDATE mailbox_head SET floor = ? WHERE account = ?", (last, account))
                db.execute("UPDATE mark SET value = value - ? WHERE name = 'mailbox_events'", (count,))
                dropped = last
                yield count
        after = accounts[-1][0]
        yield 0


def _expired(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    del tail
    idle = now - keep.idle_device_ms
    gone = "SELECT id FROM device WHERE revoked_at < :idle LIMIT :limit"
    for statement in (
        "DELETE FROM refresh_token WHERE hash IN (SELECT hash FROM refresh_token WHERE expires_at < :now LIMIT :limit)",
        f"DELETE FROM device_cursor WHERE device IN ({gone})",
        f"DELETE FROM device WHERE id IN ({gone}) AND id NOT IN (SELECT device FROM device_cursor)",
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < :audit LIMIT :limit)",
    ):
        while True:
            audit = now - keep.audit_ms if keep.audit_ms else 0
            span = {"now": now, "idle": idle, "audit": audit, "limit": STEP_ROWS}
            count = db.execute(statement, span).rowcount
            yield count
            if count < STEP_ROWS:
                break


def _erased_words(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    del keep, now
    while tail.words_erased:
        tail.worked()
        finished = merge_words(db, _MERGE_PAGES)
        yield 0
        if finished:
            return


def _free_pages(db: Connection, tail: Tail, keep: Keep, now: int) -> Iterator[int]:
    del tail, keep, now
    while db.execute("PRAGMA freelist_count").fetchone()[0] > _VACUUM_PAGES:
        db.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
        yield 0


SWEEPS: Final[dict[str, Sweep]] = {
    "messages": _old_messages,
    "conversations": _long_conversations,
    "doomed": _doomed,
    "mailboxes": _acknowledged,
    "expired": _expired,
    "words": _erased_words,
    "pages": _free_pages,
}
