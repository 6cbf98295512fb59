"""Messages of all conversations, the outbox among them."""

import sqlite3
from typing import Any

import msgspec

import msgwire

from ..views import Account, LocalMessage, MessageState

_SELECT = """
    SELECT m.local_id, m.peer, m.message_id, m.client_message_id, m.sender, m.sender_login, m.outgoing, m.text,
        m.sent_at, m.pending, m.reply_to, m.edited_at, m.deleted, m.failure, m.failure_text, m.call,
        c.delivered_up_to, c.read_up_to
    FROM messages m LEFT JOIN conversations c ON c.peer = m.peer
"""


class Messages:
    """Reads and writes of messages. Pages are oldest first."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def get(self, local_id: int) -> LocalMessage | None:
        """One message by its local number."""
        return self._one("WHERE m.local_id = ?", local_id)

    def by_message_id(self, message_id: str) -> LocalMessage | None:
        """One message by the server's id."""
        return self._one("WHERE m.message_id = ?", message_id)

    def page(self, peer: str, before: int | None, limit: int) -> list[LocalMessage]:
        """The newest `limit` messages of a conversation, or those before the one of local number `before`.

        Queued and failed ones stand after all others, in the order in which they were written.
        """
        # Pending is 0 or 1, so 2 stands after everything.
        start = (2, "") if before is None else self._position(before)
        rows = self._db.execute(
            f"{_SELECT} WHERE m.peer = ? AND (m.pending, m.place) < (?, ?)"
            " ORDER BY m.pending DESC, m.place DESC LIMIT ?",
            (peer, *start, limit),
        ).fetchall()
        return [_message(row) for row in reversed(rows)]

    def page_after(self, peer: str, after: int, limit: int) -> list[LocalMessage]:
        """The `limit` messages that follow the one of local number `after`."""
        rows = self._db.execute(
            f"{_SELECT} WHERE m.peer = ? AND (m.pending, m.place) > (?, ?) ORDER BY m.pending, m.place LIMIT ?",
            (peer, *self._position(after), limit),
        )
        return [_message(row) for row in rows]

    def _position(self, local_id: int) -> tuple[int, str]:
        """Where a message stands; for one that is gone, before everything."""
        row = self._db.execute("SELECT pending, place FROM messages WHERE local_id = ?", (local_id,)).fetchone()
        return (-1, "") if row is None else (int(row[0]), str(row[1]))

    def oldest_id(self, peer: str) -> str | None:
        """The server's id of the oldest cached message of a conversation."""
        row = self._db.execute(
            "SELECT message_id FROM messages WHERE peer = ? AND pending = 0 ORDER BY place LIMIT 1", (peer,)
        ).fetchone()
        return None if row is None else str(row[0])

    def newest_id(self, peer: str) -> str | None:
        """The server's id of the newest cached message of a conversation."""
        row = self._db.execute(
            "SELECT message_id FROM messages WHERE peer = ? AND pending = 0 ORDER BY place DESC LIMIT 1", (peer,)
        ).fetchone()
        return None if row is None else str(row[0])

    def unread_after(self, peer: str, message_id: str) -> int:
        """How many cached messages of the peer stand after `message_id`."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM messages WHERE peer = ? AND pending = 0 AND place > ?"
            " AND outgoing = 0 AND deleted = 0 AND call IS NULL",
            (peer, message_id),
        ).fetchone()
        return int(count)

    def put(self, item: msgwire.MessageItem, me: str) -> int:
        """Store a message that has its place; returns its local number.

        An older form of a message does not undo an edit or a deletion that is known.
        """
        outgoing = item.sender == me
        row = self._db.execute(
            "SELECT local_id, edited_at, deleted, pending FROM messages WHERE message_id = ?", (item.message_id,)
        ).fetchone()
        if row is None and outgoing:
            row = self._db.execute(
                "SELECT local_id, edited_at, deleted, pending FROM messages"
                " WHERE client_message_id = ? AND outgoing = 1 AND call IS NULL",
                (item.client_message_id,),
            ).fetchone()
        if row is None:
            return self._insert(item, me)
        local_id, edited_at, deleted, pending = row
        if pending or (not deleted and (edited_at or 0) <= (item.edited_at or 0)):
            self._db.execute(
                "UPDATE messages SET pending = 0, place = ?1, message_id = ?1, text = ?2, sent_at = ?3, edited_at = ?4,"
                " deleted = ?5, reply_to = ?6, failure = NULL, failure_text = NULL WHERE local_id = ?7",
                (item.message_id, item.text, item.sent_at, item.edited_at, item.deleted, item.reply_to, local_id),
            )
        return int(local_id)

    def put_call(self, item: msgwire.CallItem, me: Account, login: str) -> int:
        """Store a call that has ended; returns its local number."""
        row = self._db.execute("SELECT local_id FROM messages WHERE message_id = ?", (item.message_id,)).fetchone()
        if row is not None:
            return int(row[0])
        outgoing = item.direction == "outgoing"
        added = self._db.execute(
            "INSERT INTO messages (peer, pending, place, message_id, sender, sender_login, outgoing, text, sent_at,"
            " call) VALUES (?1, 0, ?2, ?2, ?3, ?4, ?5, '', ?6, ?7)",
            (
                item.peer,
                item.message_id,
                me.uid if outgoing else item.peer,
                me.login if outgoing else login,
                outgoing,
                item.started_at,
                msgspec.json.encode(item),
            ),
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def edit(self, message_id: str, text: str, edited_at: int) -> int | None:
        """A message has a new text; returns its local number where it is cached."""
        return self._change(
            "UPDATE messages SET text = ?2, edited_at = ?3 WHERE message_id = ?1 AND deleted = 0"
            " AND coalesce(edited_at, 0) <= ?3 RETURNING local_id",
            message_id,
            text,
            edited_at,
        )

    def delete(self, message_id: str) -> int | None:
        """A message was deleted; returns its local number where it is cached."""
        return self._change(
            "UPDATE messages SET text = '', deleted = 1 WHERE message_id = ?1 RETURNING local_id", message_id
        )

    def queue(self, peer: str, text: str, client_message_id: str, reply_to: str | None, me: Account, now: int) -> int:
        """Put a message into the outbox; returns its local number."""
        added = self._db.execute(
            "INSERT INTO messages (peer, pending, place, client_message_id, sender, sender_login, outgoing, text,"
            " sent_at, reply_to) VALUES (?, 1, '', ?, ?, ?, 1, ?, ?, ?)",
            (peer, client_message_id, me.uid, me.login, text, now, reply_to),
        )
        local_id = added.lastrowid
        assert local_id is not None
        # No other row can stand at the empty place: this one leaves it in the same transaction.
        self._db.execute("UPDATE messages SET place = ? WHERE local_id = ?", (f"{local_id:020}", local_id))
        return local_id

    def outbox_size(self) -> int:
        """How many messages wait for the server."""
        (count,) = self._db.execute("SELECT count(*) FROM messages WHERE pending = 1 AND failure IS NULL").fetchone()
        return int(count)

    def outbox_heads(self, limit: int) -> list[msgwire.Send]:
        """The oldest waiting message of each conversation, the oldest first."""
        rows = self._db.execute(
            "SELECT peer, text, client_message_id, reply_to FROM messages WHERE local_id IN"
            " (SELECT min(local_id) FROM messages WHERE pending = 1 AND failure IS NULL GROUP BY peer)"
            " ORDER BY local_id LIMIT ?",
            (limit,),
        )
        return [
            msgwire.Send(to=peer, text=text, client_message_id=client_message_id, reply_to=reply_to)
            for peer, text, client_message_id, reply_to in rows
        ]

    def fail(self, client_message_id: str, code: str, sentence: str) -> int | None:
        """The server has refused a message for good; returns its local number."""
        return self._change(
            "UPDATE messages SET failure = ?2, failure_text = ?3"
            " WHERE client_message_id = ?1 AND outgoing = 1 AND pending = 1 RETURNING local_id",
            client_message_id,
            code,
            sentence,
        )

    def requeue(self, local_id: int, client_message_id: str) -> int | None:
        """Put a failed message back into the outbox; returns its local number if it was failed.

        It keeps its id, so that it is sent once even if the failure was a lie, unless the id itself was refused.
        """
        return self._change(
            "UPDATE messages SET failure = NULL, failure_text = NULL,"
            " client_message_id = CASE failure WHEN 'conflict' THEN ?2 ELSE client_message_id END"
            " WHERE local_id = ?1 AND pending = 1 AND failure IS NOT NULL RETURNING local_id",
            local_id,
            client_message_id,
        )

    def discard(self, local_id: int) -> bool:
        """Remove a failed message."""
        return (
            self._change(
                "DELETE FROM messages WHERE local_id = ?1 AND pending = 1 AND failure IS NOT NULL RETURNING local_id",
                local_id,
            )
            is not None
        )

    def _insert(self, item: msgwire.MessageItem, me: str) -> int:
        outgoing = item.sender == me
        added = self._db.execute(
            "INSERT INTO messages (peer, pending, place, message_id, client_message_id, sender, sender_login, outgoing,"
            " text, sent_at, reply_to, edited_at, deleted)"
            " VALUES (?1, 0, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            (
                item.to if outgoing else item.sender,
                item.message_id,
                item.client_message_id,
                item.sender,
                item.from_login,
                outgoing,
                item.text,
                item.sent_at,
                item.reply_to,
                item.edited_at,
                item.deleted,
            ),
        )
        assert added.lastrowid is not None
        return added.lastrowid

    def _one(self, where: str, *values: object) -> LocalMessage | None:
        row = self._db.execute(f"{_SELECT} {where}", values).fetchone()
        return None if row is None else _message(row)

    def _change(self, statement: str, *values: object) -> int | None:
        row = self._db.execute(statement, values).fetchone()
        return None if row is None else int(row[0])


def _message(row: tuple[Any, ...]) -> LocalMessage:
    (local_id, peer, message_id, client_message_id, sender, login, outgoing, text, sent_at, pending, *rest) = row
    reply_to, edited_at, deleted, failure, failure_text, call, delivered_up_to, read_up_to = rest
    return LocalMessage(
        local_id=local_id,
        peer=peer,
        message_id=message_id,
        client_message_id=client_message_id,
        sender=sender,
        sender_login=login,
        outgoing=bool(outgoing),
        text=text,
        sent_at=sent_at,
        state=_state(bool(outgoing), bool(pending), failure, message_id, delivered_up_to, read_up_to),
        reply_to=reply_to,
        edited_at=edited_at,
        deleted=bool(deleted),
        failure=failure,
        failure_text=failure_text,
        call=None if call is None else msgspec.json.decode(call, type=msgwire.CallItem),
    )


def _state(
    outgoing: bool,
    pending: bool,
    failure: str | None,
    message_id: str | None,
    delivered_up_to: str | None,
    read_up_to: str | None,
) -> MessageState:
    """Delivered and read are positions in the conversation, so a receipt changes one row and not a thousand."""
    if not outgoing:
        return MessageState.RECEIVED
    if failure is not None:
        return MessageState.FAILED
    if pending or message_id is None:
        return MessageState.QUEUED
    if read_up_to is not None and message_id <= read_up_to:
        return MessageState.READ
    if delivered_up_to is not None and message_id <= delivered_up_to:
        return MessageState.DELIVERED
    return MessageState.SENT
