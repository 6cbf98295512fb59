"""Reads of mailboxes: the events after a place, with each message as it is now."""

from collections.abc import Collection, Mapping
from sqlite3 import Connection
from typing import Any, Final, cast

import msgspec

from msgwire import (
    AnyEvent,
    CallEvent,
    CallItem,
    Item,
    MessageDeleted,
    MessageEdited,
    MessageEvent,
    MessageItem,
)

from ..commands import AccountId
from ..ids import encode_id
from ..interface import StoredEvent
from .turn import BODY, DELETED, EDITED, MESSAGE

ITEM_COLUMNS: Final = """m.id, m.kind, m.client_message_id, s.uid, s.login, r.uid, m.text, m.timestamp, m.reply_to,
    m.edited_at, m.deleted_at, m.sender_id, c.call_id, c.caller_outcome, c.callee_outcome,
    c.started_at, c.duration_ms"""
ITEM_TABLES: Final = """message m JOIN account s ON s.id = m.sender_id JOIN account r ON r.id = m.receiver_id
    LEFT JOIN call c ON m.kind = 1 AND c.message = m.id"""
INDEXED: Final = "(SELECT value FROM mark WHERE name = 'indexed')"

_INDEX_ARM: Final = f"""
    SELECT seq, kind, at, body, message FROM mailbox
    WHERE account = :account AND seq > :seq AND (kind <> 0 OR message <= {INDEXED})"""
_TAIL_ARMS: Final = f"""
    UNION ALL
    SELECT sender_seq, 0, NULL, NULL, id FROM message
    WHERE id > {INDEXED} AND sender_id = :account AND sender_seq > :seq
    UNION ALL
    SELECT receiver_seq, 0, NULL, NULL, id FROM message
    WHERE id > {INDEXED} AND receiver_id = :account AND receiver_seq > :seq AND sender_id <> :account"""


def _events_from(arms: str) -> str:
    return f"""
    SELECT b.seq, b.kind, b.at, b.body, {ITEM_COLUMNS} FROM ({arms} ORDER BY 1 LIMIT :limit) b
    LEFT JOIN message m ON m.id = b.message
    LEFT JOIN account s ON s.id = m.sender_id
    LEFT JOIN account r ON r.id = m.receiver_id
    LEFT JOIN call c ON m.kind = 1 AND c.message = m.id
    ORDER BY b.seq"""


_FROM_INDEX: Final = _events_from(_INDEX_ARM)
_FROM_ALL: Final = _events_from(_INDEX_ARM + _TAIL_ARMS)

_bodies: Final = msgspec.json.Decoder[AnyEvent](AnyEvent)

ItemRow = tuple[Any, ...]


def item(row: ItemRow, viewer: AccountId) -> Item:
    """A row of `ITEM_COLUMNS` as `viewer` sees it."""
    if row[1] == 1:
        outgoing = row[11] == viewer
        return CallItem(
            message_id=encode_id(row[0]),
            call_id=row[12],
            peer=row[5] if outgoing else row[3],
            direction="outgoing" if outgoing else "incoming",
            outcome=row[13] if outgoing else row[14],
            started_at=row[15],
            duration_ms=row[16],
        )
    return MessageItem(
        message_id=encode_id(row[0]),
        client_message_id=row[2],
        sender=row[3],
        from_login=row[4],
        to=row[5],
        text=row[6],
        sent_at=row[7],
        reply_to=None if row[8] is None else encode_id(row[8]),
        edited_at=row[9],
        deleted=row[10] is not None,
    )


def _event(kind: int, at: int | None, body: bytes | None, row: ItemRow, viewer: AccountId) -> AnyEvent:
    """The event that a mailbox row stands for. An edit or a deletion of a message that is gone has its own body."""
    if kind == BODY or (kind != MESSAGE and row[0] is None):
        assert body is not None, "the writer gives every such row a body"
        return cast("AnyEvent", _bodies.decode(body))
    if kind == EDITED:
        return MessageEdited(
            message_id=encode_id(row[0]), sender=row[3], to=row[5], text=row[6], edited_at=row[9] or at or 0
        )
    if kind == DELETED:
        return MessageDeleted(message_id=encode_id(row[0]), sender=row[3], to=row[5], deleted_at=row[10] or at or 0)
    assert kind == MESSAGE, "there is no other kind"
    seen = item(row, viewer)
    event_type = CallEvent if isinstance(seen, CallItem) else MessageEvent
    return event_type(**{name: getattr(seen, name) for name in event_type.__struct_fields__})


def mailbox_after(db: Connection, wanted: Mapping[AccountId, int], limit: int) -> list[StoredEvent]:
    """For each account, its events after a seq, in order."""
    found: list[StoredEvent] = []
    for account, seq in wanted.items():
        row = db.execute("SELECT head, floor FROM mailbox_head WHERE account = ?", (account,)).fetchone()
        if row is None:
            continue
        head, start = row[0], max(seq, row[1])
        if head <= start:
            continue
        span = {"account": account, "seq": start, "limit": limit}
        rows = db.execute(_FROM_INDEX, span).fetchall()
        # The seqs are dense, so what is missing tells whether the tail has to be scanned.
        if len(rows) < min(limit, head - start) or rows[-1][0] != start + len(rows):
            rows = db.execute(_FROM_ALL, span).fetchall()
        found += [
            StoredEvent(
                account, row[0], row[11] if row[2] is None else row[2], _event(row[1], row[2], row[3], row[4:], account)
            )
            for row in rows
        ]
    return found


def heads(db: Connection, accounts: Collection[AccountId], column: str = "head") -> dict[AccountId, int]:
    """The newest seq of each mailbox, or another column of `mailbox_head`; 0 for an unknown account."""
    found = dict.fromkeys(accounts, 0)
    for account in found:
        row = db.execute(f"SELECT {column} FROM mailbox_head WHERE account = ?", (account,)).fetchone()
        if row is not None:
            found[account] = row[0]
    return found
