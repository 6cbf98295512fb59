"""Presence and typing: what is true of the moment, kept in memory and forgotten when the connection ends."""

from dataclasses import dataclass, field

import msgwire

from .cache.people import ContactRow
from .views import ContactView

TYPING_S = 8.0
"""Typing that is not said again ends by itself, because the push that ends it may be lost."""


@dataclass(frozen=True, slots=True)
class _Known:
    status: str
    text: str | None = field(default=None, repr=False)
    last_seen_at: int | None = None


class Presences:
    """The presence of contacts, as last heard of. Bounded by the contact list: of others nothing is kept."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def heard(self, push: msgwire.Presence) -> None:
        """A push came."""
        self._known[push.uid] = _Known(push.status, push.text, push.last_seen_at)

    def listed(self, uid: str, status: str, text: str | None = None) -> None:
        """The contact list, or the reply to a change of it, says so."""
        known = self._known.get(uid)
        self._known[uid] = _Known(status, text, known.last_seen_at if known else None)

    def clear(self) -> None:
        """Nothing is known while there is no connection."""
        self._known.clear()

    def view(self, row: ContactRow) -> ContactView:
        """A contact with its presence."""
        known = self._known.get(row.uid, _Known("offline"))
        return ContactView(
            row.uid, row.login, row.state, known.status, row.since, row.note, known.text, known.last_seen_at
        )


class TypingPeers:
    """Who types. Times are seconds of a monotonic clock."""

    def __init__(self, max_peers: int = 256) -> None:
        self._max_peers = max_peers
        self._until: dict[str, float] = {}

    def heard(self, peer: str, active: bool, now: float) -> bool:
        """The peer types, or has stopped; returns whether that is news."""
        if not active:
            return self._until.pop(peer, None) is not None
        if peer not in self._until and len(self._until) >= self._max_peers:
            return False
        is_news = peer not in self._until
        self._until[peer] = now + TYPING_S
        return is_news

    def is_typing(self, peer: str) -> bool:
        """Whether the peer types."""
        return peer in self._until

    def next_end(self) -> float | None:
        """When the next one has to be looked at."""
        return min(self._until.values(), default=None)

    def ended(self, now: float) -> list[str]:
        """Remove and return those who have not said it again."""
        over = [peer for peer, until in self._until.items() if until <= now]
        for peer in over:
            del self._until[peer]
        return over

    def clear(self) -> list[str]:
        """Remove and return all."""
        over = list(self._until)
        self._until.clear()
        return over
