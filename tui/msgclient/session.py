"""The stream of one device over any number of connections: requests and replies, events in order, acknowledgments.

Pure: frames in, outputs out. The rules:

1. An event is given out once, in the order of `seq`, without a hole. One whose `seq` is known is ignored.
2. `sent` stands for its event where its `seq` directly follows; otherwise it only says that the message is safe.
3. Nothing is acknowledged before the shell has said `stored`. Acknowledgments are cumulative and coalesced; an event
   that comes again is acknowledged again.
4. A hole in the stream breaks the connection: the next one starts after the last event that was stored.
5. A request gets one answer: a reply, or `Unanswered` when the connection ends.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import msgwire

from .errors import TooManyRequests


@dataclass(frozen=True, slots=True)
class Happened:
    """The next event of the stream."""

    seq: int
    at: int
    event: msgwire.AnyEvent = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message of this device is on the server's stable storage; with `takes_seq` it is the next event as well."""

    message: msgwire.Send = field(repr=False)
    sent: msgwire.Sent
    takes_seq: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The server has refused a message of this device."""

    message: msgwire.Send = field(repr=False)
    error: msgwire.Error


@dataclass(frozen=True, slots=True)
class Answered:
    """A request has its reply, which may be an `error`."""

    request_id: str
    reply: msgwire.Reply = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The connection ended before the reply came."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A hint of the moment."""

    frame: msgwire.ServerFrame = field(repr=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """The server broke the contract: end this connection and start another."""

    reason: str


Output = Happened | Accepted | Refused | Answered | Unanswered | Pushed | Broken


class Session:
    """The pure core of a client.

    Args:
        max_pending: how many requests may wait for their replies; messages have a bound of their own in the outbox.
    """

    def __init__(self, max_pending: int = 256) -> None:
        self.cursor: int | None = None
        self._max_pending = max_pending
        self._messages = 0
        self._pending: OrderedDict[str, msgwire.ClientFrame] = OrderedDict()
        self._requests = 0
        self._stored = 0
        self._acknowledged = 0

    @property
    def pending(self) -> int:
        """How many requests wait for their replies, messages not counted."""
        return len(self._pending) - self._messages

    def ask(self, frame: msgwire.ClientFrame) -> str:
        """Give a frame its `request_id`, and return it; raises `TooManyRequests`."""
        if isinstance(frame, msgwire.Send):
            self._messages += 1
        elif self.pending >= self._max_pending:
            raise TooManyRequests(f"{self._max_pending} requests wait for their replies.", self._max_pending)
        self._requests += 1
        frame.request_id = f"r{self._requests}"
        self._pending[frame.request_id] = frame
        return frame.request_id

    def forget(self, request_id: str) -> None:
        """Nobody waits for this reply any more."""
        self._pending.pop(request_id, None)

    def opened(self, ready: msgwire.Ready, before: int | None) -> bool:
        """A new connection is authenticated; `before` is the last event stored, None when there has never been one.

        Returns whether the stream goes on elsewhere than it was left: what is stored of the past may have holes.
        """
        self.cursor = before
        # A head behind us is a mailbox that was restored from an older copy: its numbers mean other events now.
        restored = before is not None and ready.head < before
        if before is None or restored or ready.cursor > before:
            self.cursor = ready.cursor
        self._stored = self._acknowledged = ready.cursor
        return before is not None and self.cursor != before

    def receive(self, frame: msgwire.ServerFrame) -> list[Output]:
        """What follows from a frame on an open connection."""
        match frame:
            case msgwire.Event():
                return self._event(frame)
            case msgwire.Ready():
                return []  # the answer to a refresh on a live connection; the stream goes on
            case msgwire.Reply(re=str() as request_id):
                asked = self._pending.pop(request_id, None)
                return [] if asked is None else self._answer(asked, request_id, frame)
        return [Pushed(frame)]

    def stored(self, seq: int) -> None:
        """Every event up to `seq` is on this device's stable storage and may be acknowledged."""
        self._stored = max(self._stored, seq)

    def ack_due(self) -> msgwire.Ack | None:
        """The acknowledgment to send now, if any."""
        if self._stored <= self._acknowledged:
            return None
        self._acknowledged = self._stored
        return msgwire.Ack(seq=self._stored)

    def lost(self) -> list[Output]:
        """The connection has ended. Messages without an answer stay in the outbox; other requests are given up."""
        unanswered: list[Output] = [
            Unanswered(request_id) for request_id, frame in self._pending.items() if not isinstance(frame, msgwire.Send)
        ]
        self._pending.clear()
        self._messages = 0
        return unanswered

    def _event(self, frame: msgwire.Event) -> list[Output]:
        assert self.cursor is not None  # `opened` has set it
        if frame.seq <= self.cursor:
            # An acknowledgment that was ahead of what the server had pushed did not count, so say it again.
            self._acknowledged = min(self._acknowledged, frame.seq - 1)
            return []
        if frame.seq != self.cursor + 1:
            return [Broken(f"event {frame.seq} came where {self.cursor + 1} was due")]
        self.cursor = frame.seq
        return [Happened(frame.seq, frame.at, frame.event)]

    def _answer(self, asked: msgwire.ClientFrame, request_id: str, reply: msgwire.Reply) -> list[Output]:
        if not isinstance(asked, msgwire.Send):
            return [Answered(request_id, reply)]
        self._messages -= 1
        if isinstance(reply, msgwire.Error):
            return [Refused(asked, reply)]
        if not isinstance(reply, msgwire.Sent):
            return [Broken("a message got an answer that is not one")]
        assert self.cursor is not None
        takes_seq = reply.seq == self.cursor + 1
        if takes_seq:
            self.cursor = reply.seq
        return [Accepted(asked, reply, takes_seq)]
