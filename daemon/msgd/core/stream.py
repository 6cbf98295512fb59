"""The event stream of one session: what may be pushed next, what is acknowledged, who is to hear of it.

Rule 1: a session pushes `last + 1` or nothing. It can neither skip nor repeat.
Rule 2: events in flight are `last - acked`, for the numbers have no holes; they stay within the window.
Rule 3: an acknowledgment of more than was pushed counts as the events go out: a client may know more than its cursor
        says, where its last acknowledgments before a crash were not written. What it has not had it still gets.
Rule 4: a `sent` reply may stand for the event where its number is `last + 1`; it does not wait for the window.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class Delivery(NamedTuple):
    """A message in flight to this session: whose it is, and when it was pushed (monotonic seconds)."""

    seq: int
    sender_uid: str
    message_id: str
    pushed_at: float


class Stream:
    """One session's place in its account's mailbox. Positions are `seq` numbers."""

    __slots__ = ("_claimed", "_in_flight", "acked", "head", "last", "window")

    def __init__(self, cursor: int, head: int, window: int) -> None:
        self.last = cursor
        self.acked = cursor
        self.head = max(head, cursor)
        self.window = window
        self._claimed = cursor
        # Bounded by the window, and by what the session itself sends.
        self._in_flight: deque[Delivery] = deque()

    @property
    def room(self) -> int:
        """How many events may be pushed now."""
        return max(0, self.window - (self.last - self.acked))

    @property
    def behind(self) -> bool:
        """Whether the mailbox holds events that were not pushed."""
        return self.head > self.last

    def see(self, seq: int) -> None:
        """A mailbox event exists, and is not to be pushed now."""
        self.head = max(self.head, seq)

    def offer(self, seq: int) -> bool:
        """A mailbox event exists: True where it is to be pushed now, and then counts as pushed."""
        self.head = max(self.head, seq)
        if seq != self.last + 1 or self.last - self.acked >= self.window:
            return False
        self._advance(seq)
        return True

    def sent(self, seq: int) -> bool:
        """This session is told of its own event by a `sent` reply: True where the reply stands for the event."""
        self.head = max(self.head, seq)
        if seq != self.last + 1:
            return False
        self._advance(seq)
        return True

    def _advance(self, seq: int) -> None:
        self.last = seq
        if seq <= self._claimed:
            self.acked = seq

    def track(self, seq: int, sender_uid: str, message_id: str, now: float) -> None:
        """Remember a pushed message, for the receipt that its acknowledgment is worth."""
        self._in_flight.append(Delivery(seq, sender_uid, message_id, now))

    def ack(self, seq: int) -> Iterator[Delivery]:
        """Take an acknowledgment; the messages in flight that it covers, oldest first."""
        self._claimed = max(self._claimed, min(seq, self.head))
        self.acked = max(self.acked, min(seq, self.last))
        while self._in_flight and self._in_flight[0].seq <= self.acked:
            yield self._in_flight.popleft()

    def rewind(self, cursor: int) -> None:
        """Start over after `cursor` (at most the head), on the client's word."""
        self.last = self.acked = self._claimed = min(cursor, self.head)
        self._in_flight.clear()
