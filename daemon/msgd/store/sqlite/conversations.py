"""Reads of conversations: pages of history, search, the list with unread counts, and receipts."""

from sqlite3 import Connection
from typing import Any, Final

from msgwire import Conversation, ErrorCode

from ..commands import AccountId
from ..ids import decode_id, encode_id
from ..interface import Page, Rejected
from .mailbox import INDEXED, ITEM_COLUMNS, ITEM_TABLES, item
from .search import match_expression

UNREAD_MAX: Final = 1000
"""Unread messages are counted up to here."""

_ALL: Final = 2**63 - 1


def _timeline(only_for: str) -> str:
    return f"""SELECT message, sender FROM timeline WHERE low = :low AND high = :high AND only_for = {only_for}
        AND message > :after AND message < :before AND message <= {INDEXED}"""


_ENTRIES: Final = f"""{_timeline("0")} UNION ALL {_timeline(":account")} UNION ALL
    SELECT id, sender_id FROM message WHERE id > {INDEXED} AND id > :after AND id < :before
    AND (sender_id = :account AND receiver_id = :peer AND sender_seq IS NOT NULL
        OR sender_id = :peer AND receiver_id = :account AND receiver_seq IS NOT NULL)"""

_NEWEST: Final = f"SELECT message, sender FROM ({_ENTRIES}) ORDER BY message DESC LIMIT :limit"
_OLDEST: Final = f"SELECT message, sender FROM ({_ENTRIES}) ORDER BY message ASC LIMIT :limit"
_ITEMS: Final = f"""
    SELECT {ITEM_COLUMNS} FROM (%s) e CROSS JOIN {ITEM_TABLES} WHERE m.id = e.message ORDER BY m.id"""
_UNREAD: Final = f"SELECT count(*) FROM ({_NEWEST}) WHERE sender = :peer"

_FOUND: Final = f"""
    SELECT {ITEM_COLUMNS} FROM (
        SELECT rowid AS message FROM message_words WHERE message_words MATCH :match AND rowid < :before
        ORDER BY rowid DESC LIMIT :limit
    ) e CROSS JOIN {ITEM_TABLES} WHERE m.id = e.message ORDER BY m.id"""

_LAST: Final = f"""
    WITH tail(peer, message) AS MATERIALIZED (
        SELECT CASE WHEN sender_id = :account THEN receiver_id ELSE sender_id END, max(id) FROM message
        WHERE id > {INDEXED} AND (sender_id = :account AND sender_seq IS NOT NULL
            OR receiver_id = :account AND receiver_seq IS NOT NULL)
        GROUP BY 1
    ), each(peer, read_up_to, message) AS (
        SELECT peer, read_up_to, max(
            coalesce((SELECT max(message) FROM timeline WHERE low = min(c.account, c.peer)
                AND high = max(c.account, c.peer) AND only_for = 0 AND message <= {INDEXED}), 0),
            coalesce((SELECT max(message) FROM timeline WHERE low = min(c.account, c.peer)
                AND high = max(c.account, c.peer) AND only_for = c.account AND message <= {INDEXED}), 0),
            coalesce((SELECT message FROM tail WHERE tail.peer = c.peer), 0))
        FROM conversation c WHERE account = :account
    )
    SELECT each.peer, account.uid, account.login, read_up_to, message FROM each
    JOIN account ON account.id = each.peer
    WHERE message > 0 AND message < :before ORDER BY message DESC LIMIT :limit"""

_OWN_PAGE: Final = 256
_OWN: Final = f"""
    SELECT m.id, m.receiver_seq FROM (
        SELECT message FROM ({_timeline("0")} UNION ALL
            SELECT id, sender_id FROM message WHERE id > {INDEXED} AND id < :before AND sender_id = :account
            AND receiver_id = :peer AND sender_seq IS NOT NULL AND receiver_seq IS NOT NULL)
        WHERE sender = :account ORDER BY message DESC LIMIT :limit
    ) e CROSS JOIN message m WHERE m.id = e.message ORDER BY m.id DESC"""


def _span(account: AccountId, peer: AccountId, *, limit: int, after: int = 0, before: int = _ALL) -> dict[str, int]:
    return {
        "account": account,
        "peer": peer,
        "low": min(account, peer),
        "high": max(account, peer),
        "after": after,
        "before": before,
        "limit": limit,
    }


def _place(message_id: str) -> int:
    """The place in the order of ages that an id stands for. Raises `Rejected` (`not_found`) where it is no id."""
    number = decode_id(message_id)
    if number is None:
        raise Rejected(ErrorCode.NOT_FOUND, "There is no such message.")
    return number


def history(
    db: Connection, account: AccountId, peer: AccountId, before: str | None, after: str | None, limit: int
) -> Page:
    """A page of one conversation: the one after `after`, else the newest one (before `before`).

    An id is a place in the order: the page is right even where the message itself was dropped meanwhile.
    """
    span = _span(
        account,
        peer,
        limit=limit + 1,
        after=0 if after is None else _place(after),
        before=_ALL if before is None else _place(before),
    )
    forward = after is not None
    rows = db.execute(_ITEMS % (_OLDEST if forward else _NEWEST), span).fetchall()
    more = len(rows) > limit
    if more:
        rows = rows[:limit] if forward else rows[1:]
    return Page([item(row, account) for row in rows], more)


def search_messages(
    db: Connection, account: AccountId, query: str, peer: AccountId | None, before: str | None, limit: int
) -> Page:
    """The newest messages that hold every word of `query`, oldest first."""
    span = {"before": _ALL if before is None else _place(before), "limit": limit + 1}
    match = match_expression(query, account, peer)
    if match is None:
        return Page([], more=False)
    rows = db.execute(_FOUND, {**span, "match": match}).fetchall()
    more = len(rows) > limit
    return Page([item(row, account) for row in rows[more:]], more)


def conversations(
    db: Connection, account: AccountId, before: str | None, limit: int
) -> tuple[list[Conversation], bool]:
    """Conversations with their last item, the most recent first."""
    span: dict[str, Any] = {
        "account": account,
        "before": _ALL if before is None else _place(before),
        "limit": limit + 1,
    }
    rows = db.execute(_LAST, span).fetchall()
    page: list[Conversation] = []
    for peer, uid, login, read_up_to, last in rows[:limit]:
        unread = 0
        if peer != account and read_up_to < last:
            unread = db.execute(_UNREAD, _span(account, peer, after=read_up_to, limit=UNREAD_MAX)).fetchone()[0]
        delivered, read = receipts(db, account, peer)
        page.append(
            Conversation(
                peer=uid,
                login=login,
                last=item(db.execute(_ITEMS % "SELECT :last AS message", {"last": last}).fetchone(), account),
                unread=unread,
                delivered_up_to=delivered,
                read_up_to=read,
                my_read_up_to=encode_id(read_up_to) if read_up_to else None,
            )
        )
    return page, len(rows) > limit


def receipts(db: Connection, account: AccountId, peer: AccountId) -> tuple[str | None, str | None]:
    """How far the messages from `account` to `peer` were delivered and read; what was read was delivered."""
    acked, read = db.execute(
        "SELECT coalesce((SELECT acked FROM mailbox_head WHERE account = :peer), 0),"
        " coalesce((SELECT read_up_to FROM conversation WHERE account = :peer AND peer = :account), 0)",
        {"account": account, "peer": peer},
    ).fetchone()
    read_row = db.execute(_OWN, _span(account, peer, before=read + 1, limit=1)).fetchone()
    read_up_to = read_row[0] if read_row else 0
    delivered_up_to = max(read_up_to, _delivered(db, account, peer, acked))
    return encode_id(delivered_up_to) if delivered_up_to else None, encode_id(read_up_to) if read_up_to else None


def _delivered(db: Connection, account: AccountId, peer: AccountId, acked: int) -> int:
    """The newest message from `account` at or below the peer's acknowledged seq; what is above is bounded by it."""
    before = _ALL
    while True:
        rows = db.execute(_OWN, _span(account, peer, before=before, limit=_OWN_PAGE)).fetchall()
        for message, seq in rows:
            if seq <= acked:
                return int(message)
        if len(rows) < _OWN_PAGE:
            return 0
        before = rows[-1][0]
