"""Conversations: who, how many unread, how far delivered and read, and the draft."""

import sqlite3

import msgwire

from ..views import ConversationView
from .messages import Messages


class Conversations:
    """Reads and writes of conversations. Positions are message ids and only ever move forward."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._messages = Messages(db)

    def all(self, limit: int) -> list[ConversationView]:
        """The most recent conversations, newest first."""
        peers = self._db.execute("SELECT peer FROM conversations ORDER BY last_at DESC, peer LIMIT ?", (limit,))
        return [view for (peer,) in peers.fetchall() if (view := self.get(peer)) is not None]

    def get(self, peer: str) -> ConversationView | None:
        """One conversation."""
        row = self._db.execute(
            "SELECT login, unread, delivered_up_to, read_up_to, my_read_up_to, reaches_start, draft"
            " FROM conversations WHERE peer = ?",
            (peer,),
        ).fetchone()
        if row is None:
            return None
        login, unread, delivered_up_to, read_up_to, my_read_up_to, reaches_start, draft = row
        newest = self._messages.page(peer, None, 1)
        return ConversationView(
            peer=peer,
            login=login,
            last=newest[0] if newest else None,
            unread=unread,
            delivered_up_to=delivered_up_to,
            read_up_to=read_up_to,
            my_read_up_to=my_read_up_to,
            reaches_start=bool(reaches_start),
            draft=draft,
        )

    def login(self, peer: str) -> str:
        """The peer's login; empty while it is not known."""
        (login,) = self._db.execute(
            "SELECT coalesce((SELECT login FROM contacts WHERE uid = ?1),"
            " (SELECT login FROM conversations WHERE peer = ?1), '')",
            (peer,),
        ).fetchone()
        return str(login)

    def nameless(self) -> list[str]:
        """Peers whose login is not known."""
        rows = self._db.execute("SELECT peer FROM conversations WHERE login = ''")
        return [peer for (peer,) in rows]

    def touch(self, peer: str, login: str, at: int) -> None:
        """Something stands in the conversation since `at` (UTC epoch ms); an empty `login` leaves the known one."""
        self._db.execute(
            "INSERT INTO conversations (peer, login, last_at) VALUES (?1, ?2, ?3) ON CONFLICT (peer) DO UPDATE SET"
            " last_at = max(last_at, ?3), login = CASE WHEN ?2 = '' THEN login ELSE ?2 END",
            (peer, login or self.login(peer), at),
        )

    def count_unread(self, peer: str, message_id: str) -> None:
        """A message of the peer has come; one that is counted or read already does not count."""
        self._db.execute(
            "UPDATE conversations SET unread = unread + 1, counted_to = ?2"
            " WHERE peer = ?1 AND counted_to < ?2 AND coalesce(my_read_up_to, '') < ?2",
            (peer, message_id),
        )

    def put(self, page: msgwire.Conversation, at: int) -> None:
        """What the server says of a conversation."""
        self.touch(page.peer, page.login, at)
        self._db.execute(
            "UPDATE conversations SET unread = ?, counted_to = max(counted_to, ?) WHERE peer = ?"
            # A read position that the server has not heard of yet knows better than its count.
            " AND coalesce(my_read_up_to, '') <= coalesce(?, '')",
            (page.unread, page.last.message_id, page.peer, page.my_read_up_to),
        )
        self.receipt(page.peer, page.delivered_up_to, page.read_up_to)
        if page.my_read_up_to is not None:
            self._db.execute(
                "UPDATE conversations SET my_read_up_to = max(coalesce(my_read_up_to, ''), ?1),"
                " read_told_up_to = max(coalesce(read_told_up_to, ''), ?1) WHERE peer = ?2",
                (page.my_read_up_to, page.peer),
            )

    def receipt(self, peer: str, delivered_up_to: str | None, read_up_to: str | None) -> bool:
        """Own messages are delivered or read up to here; returns whether that is news."""
        changed = self._db.execute(
            "UPDATE conversations SET delivered_up_to = nullif(max(coalesce(delivered_up_to, ''), ?2), ''),"
            " read_up_to = nullif(max(coalesce(read_up_to, ''), ?3), '')"
            " WHERE peer = ?1 AND (coalesce(delivered_up_to, '') < ?2 OR coalesce(read_up_to, '') < ?3)",
            (peer, delivered_up_to or "", read_up_to or ""),
        )
        return changed.rowcount > 0

    def mark_read(self, peer: str, message_id: str, *, told: bool) -> bool:
        """The person has read up to here; `told` when the server knows it. Returns whether that is news."""
        if told:
            self._db.execute(
                "UPDATE conversations SET read_told_up_to = max(coalesce(read_told_up_to, ''), ?2) WHERE peer = ?1",
                (peer, message_id),
            )
        changed = self._db.execute(
            "UPDATE conversations SET my_read_up_to = ?2 WHERE peer = ?1 AND coalesce(my_read_up_to, '') < ?2",
            (peer, message_id),
        )
        if changed.rowcount == 0:
            return False
        unread = self._messages.unread_after(peer, message_id)
        self._db.execute(
            "UPDATE conversations SET unread = ?2, counted_to = max(counted_to, ?3) WHERE peer = ?1",
            (peer, unread, self._messages.newest_id(peer) or message_id),
        )
        return True

    def untold_reads(self) -> list[tuple[str, str]]:
        """Read positions that the server has not confirmed: peer and message id."""
        rows = self._db.execute(
            "SELECT peer, my_read_up_to FROM conversations WHERE coalesce(read_told_up_to, '') < my_read_up_to"
        )
        return [(peer, message_id) for peer, message_id in rows]

    def set_reaches_start(self, peer: str) -> None:
        """The cache holds the conversation from its first message."""
        self._db.execute("UPDATE conversations SET reaches_start = 1 WHERE peer = ?", (peer,))

    def set_draft(self, peer: str, text: str) -> bool:
        """Keep what stands in the composer; returns whether it changed."""
        if self.get(peer) is None:
            if not text:
                return False
            self.touch(peer, "", 0)
        changed = self._db.execute("UPDATE conversations SET draft = ?2 WHERE peer = ?1 AND draft != ?2", (peer, text))
        return changed.rowcount > 0
