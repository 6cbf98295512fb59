"""One WebSocket as the layer above sees it: send, pause, close, and what comes in goes to its peer."""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from select import EPOLLIN, EPOLLOUT
from typing import TYPE_CHECKING, Final

import trio

from msgd.net.closing import LISTENING, Event, State, after
from msgd.net.frames import PING, PONG, Close, FrameReader, Item, Ping, Pong, Violation, close_frame, control_frame
from msgd.net.inbox import Inbox
from msgd.net.liveness import Signs, Verdict, judge
from msgd.net.outbox import Outbox
from msgd.net.peer import Peer
from msgd.net.wire import BUSY, Wire

if TYPE_CHECKING:
    from msgd.net.hub import Hub

ABNORMAL: Final = 1006
"""The code of a connection that ended without a close frame (RFC 6455 section 7.1.5)."""


class Connection:
    """One WebSocket, from the end of its handshake until its socket is gone.

    Everything here is called from the event loop's thread. No method blocks except `wait_drained`, and none raises.
    """

    __slots__ = (
        "_attentive",
        "_close_code",
        "_dirty",
        "_drained",
        "_end_of_stream",
        "_hub",
        "_inbox",
        "_interest",
        "_outbox",
        "_paused",
        "_peer",
        "_reader",
        "_signs",
        "_state",
        "_timer",
        "_wire",
        "closing",
        "fd",
        "headers",
        "id",
        "path",
        "remote",
    )

    def __init__(
        self, hub: "Hub", number: int, wire: Wire, *, remote: str, path: str, headers: Mapping[str, str]
    ) -> None:
        self.id: Final = number
        """Unique in this process; the name of the connection in logs."""
        self.remote: Final = remote
        """The client's address without its port."""
        self.path: Final = path
        self.headers: Final = headers
        """The handshake's headers, names in lower case. They may hold a token: never log them."""
        self.closing = False
        """True from the first sign of an end: what is sent from then on goes nowhere."""
        self.fd: Final = wire.fd
        self._hub: Final = hub
        self._wire: Final = wire
        self._peer: Peer | None = None
        self._state = State.OPEN
        self._close_code = ABNORMAL
        self._reader: Final = FrameReader(hub.settings.max_message_bytes)
        self._attentive = True  # open, and not paused: messages go straight to the peer
        self._paused = False
        self._inbox: Final = Inbox()
        self._end_of_stream = False
        self._outbox: Final = Outbox()
        self._dirty = False
        self._drained: trio.Event | None = None
        self._signs: Final = Signs(hub.now)
        self._interest = EPOLLIN
        self._timer = hub.wheel.arm(self._look, hub.now + hub.settings.ping_interval_s)

    def __repr__(self) -> str:
        return f"<Connection {self.id} {self._state.name.lower()}>"

    # For the layer above.

    @property
    def queued_bytes(self) -> int:
        """Bytes that were sent and that the kernel does not have yet."""
        return self._outbox.queued_bytes

    def send(self, frame: bytes) -> None:
        """Queue one encoded JSON object; it leaves at the end of this turn of the event loop, with what else is queued.

        Where more than `outbox_bytes` wait ahead of it, the connection is aborted instead: one frame, however large,
        always finds room in an outbox that is not full. Does nothing once `closing`.
        """
        if self.closing:
            return
        if self._outbox.put(frame) - len(frame) > self._hub.settings.outbox_bytes:
            self._overflow()
        elif not self._dirty:
            self._dirty = True
            self._hub.mark(self)

    async def wait_drained(self) -> None:
        """Wait until less than a quarter of the outbox's bound is queued, or until the connection is over."""
        if self._state is State.GONE or self.queued_bytes < self._low_water():
            await trio.lowlevel.checkpoint()
            return
        if self._drained is None:
            self._drained = trio.Event()
        await self._drained.wait()

    def close(self, code: int, reason: str = "") -> None:
        """Send what is queued, then a close frame; the peer has `close_timeout_s` to answer it. Idempotent.

        No message is delivered after this call. `reason` is cut to 123 bytes of UTF-8.
        """
        self._end_with(code, reason)
        self._step(Event.CLOSE)

    def abort(self) -> None:
        """End the connection at once, whatever is queued; `Peer.closed` follows within this turn of the event loop."""
        self._wire.reset()
        self._step(Event.LOST)

    def pause(self) -> None:
        """Deliver no messages until `resume`. Pings are still answered while `input_buffer_bytes` has room."""
        self._paused = True
        self._attentive = False

    def resume(self) -> None:
        """Go on delivering, beginning with what was held, within this turn of the event loop."""
        if self._paused:
            self._paused = False
            self._hub.resume(self)

    # For the hub.

    def start(self, peer: Peer, first: bytes) -> None:
        """Begin with `first`, the bytes that came right behind the opening handshake."""
        self._peer = peer
        if first:
            self._take(first)

    def readable(self) -> None:
        """Take what the socket has, once, and deliver what it completes."""
        hub = self._hub
        try:
            data = self._wire.read()
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except ssl.SSLWantWriteError:
            self._watch(self._interest | EPOLLOUT)
            return
        except OSError:
            self._step(Event.LOST)
            return
        self._signs.heard_at = hub.now
        if data:
            hub.counters.bytes_received += len(data)
            if self._state in LISTENING:
                self._take(data)
        elif self._inbox:
            self._end_of_stream = True  # what is held came before it
            self._signs.ending_since = hub.now
            self._rewatch()
            self._rearm()
        else:
            self._step(Event.LOST)

    def writable(self) -> None:
        """Go on with what the kernel refused before."""
        since, self._signs.writing_since = self._signs.writing_since, None
        self._write(since)
        self._rewatch()

    def flush(self) -> None:
        """Give the kernel what is queued, unless it has refused already."""
        self._dirty = False
        if self._signs.writing_since is None and self._state is not State.GONE:
            self._write()

    def deliver_held(self) -> None:
        """Deliver what was held while paused."""
        if self._paused or self._state is not State.OPEN:
            return
        self._attentive = True
        self._deliver(self._inbox.take_all())
        if self._end_of_stream and not self._inbox:
            self._step(Event.LOST)
        self._signs.heard_at = self._hub.now  # while it was paused, perhaps nobody listened
        self._rewatch()

    def bury(self) -> None:
        """Close the socket and tell the peer: the last thing that happens to a connection."""
        self._hub.wheel.disarm(self._timer)
        if self._close_code != ABNORMAL:
            self._wire.say_goodbye()
        self._wire.close()
        self._outbox.clear()
        if self._drained is not None:
            self._drained.set()
        self._hub.counters.count_close(self._close_code)
        peer, self._peer = self._peer, None
        if peer is not None:
            try:
                peer.closed(self._close_code)
            except Exception as error:
                self._hub.fence(self, error)

    # Incoming.

    def _take(self, data: bytes) -> None:
        items = self._reader.feed(data)
        if self._attentive:
            self._deliver(items)
        else:
            self._divert(iter(items))

    def _deliver(self, items: Iterable[Item]) -> None:
        """Hand items to the peer for as long as it wants them."""
        peer = self._peer
        assert peer is not None
        rest = iter(items)
        count = 0
        try:
            for item in rest:
                if type(item) is bytes:
                    count += 1
                    peer.message(item)
                    if not self._attentive:
                        self._divert(rest)
                else:
                    self._obey(item)
        except Exception as error:
            self._hub.fence(self, error)
            self._fail(1011, "internal error")
        self._hub.counters.messages_received += count

    def _divert(self, rest: Iterator[Item]) -> None:
        """Deal with what comes while nothing may be delivered: answer pings, and hold the rest if only paused."""
        for item in rest:
            if isinstance(item, Ping | Pong) or (self.closing and not isinstance(item, bytes)):
                self._obey(item)
            elif not self.closing:
                self._inbox.hold(item)
        self._rewatch()

    def _obey(self, item: Item) -> None:
        """Do what a control frame or a violation asks for."""
        match item:
            case Ping(payload) if self._state is State.OPEN:
                self._send_control(control_frame(PONG, payload))
            case Close(code):
                self._end_with(code)  # section 5.5.1: the answer typically echoes the code
                self._step(Event.PEER_CLOSE)
            case Violation(code, reason):
                self._fail(code, reason)

    def _fail(self, code: int, reason: str) -> None:
        """Fail the connection (RFC 6455 section 7.1.7), unless our close frame is on its way already."""
        self._end_with(code, reason)
        self._step(Event.FAIL)

    # Outgoing.

    def _send_control(self, frame: bytes) -> None:
        self._outbox.put_control(frame)
        if not self._dirty:
            self._dirty = True
            self._hub.mark(self)

    def _end_with(self, code: int, reason: str = "") -> None:
        """Put our close frame behind what is queued, unless the end has begun."""
        if self._state is State.OPEN:
            self._close_code = code
            self._outbox.finish(close_frame(code, reason))

    def _overflow(self) -> None:
        counters = self._hub.counters
        counters.outbox_overflows += 1
        counters.largest_outbox_bytes = max(counters.largest_outbox_bytes, self.queued_bytes)
        self._hub.log("warning", "connection.outbox_overflow", conn=self.id, queued_bytes=self.queued_bytes)
        self.abort()

    def _write(self, since: float | None = None) -> None:
        """Give the kernel everything, or as much as it takes.

        `since` is when it first refused what is next, if it has; a chunk must go whole within the write deadline.
        """
        counters = self._hub.counters
        outbox = self._outbox
        if outbox.queued_bytes > counters.largest_outbox_bytes:  # noqa: PLR1730  # a call costs more, on this path
            counters.largest_outbox_bytes = outbox.queued_bytes
        while data := outbox.take():
            if outbox.frames_taken:
                counters.messages_sent += 1
                counters.frames_sent += outbox.frames_taken
            try:
                sent = self._wire.write(data)
            except BUSY:
                sent = 0
            except OSError:
                self._step(Event.LOST)
                return
            counters.bytes_sent += sent
            if sent < len(data):
                outbox.give_back(data[sent:])
                self._signs.writing_since = self._hub.now if since is None else since
                self._rewatch()
                self._rearm()
                break
            since = None
        if self._drained is not None and outbox.queued_bytes < self._low_water():
            self._drained.set()
            self._drained = None
        if self.closing and self._signs.writing_since is None:
            self._step(Event.DRAINED)

    def _low_water(self) -> int:
        return self._hub.settings.outbox_bytes // 4

    # The end.

    def _step(self, event: Event) -> None:
        """Go where the table says, and do what belongs to the new state."""
        before, self._state = self._state, after(self._state, event)
        if self._state is before:
            return
        self.closing = True
        self._attentive = False
        match self._state:
            case State.DRAINING | State.ANSWERING | State.FAILING:
                self._inbox.take_all()  # nothing is delivered any more
                if not self._dirty:
                    self._dirty = True
                    self._hub.mark(self)
            case State.AWAITING | State.LINGERING:
                self._signs.ending_since = self._hub.now
                self._rearm()
                if self._state is State.LINGERING:
                    try:
                        self._wire.finish()
                    except OSError:
                        self._step(Event.LOST)
            case State.GONE:
                self._hub.end(self)
        self._rewatch()

    # Epoll and time.

    def _rewatch(self) -> None:
        """Have the hub watch for what this connection waits for now."""
        wanted = 0 if self._signs.writing_since is None else EPOLLOUT
        if not self._end_of_stream and self._inbox.held_bytes < self._hub.settings.input_buffer_bytes:
            wanted |= EPOLLIN
        if wanted != self._interest:
            self._watch(wanted)

    def _watch(self, wanted: int) -> None:
        self._interest = wanted
        if self._state is not State.GONE:
            self._hub.watch(self.fd, wanted)

    def _rearm(self) -> None:
        """Have the timer look again at what has changed."""
        self._hub.wheel.disarm(self._timer)
        self._look(self._hub.now)

    def _look(self, now: float) -> None:
        """Do what is due, and arm the timer for what will be."""
        hub = self._hub
        verdict, at = judge(now, self._signs, hub.settings, listening=bool(self._interest & EPOLLIN))
        match verdict:
            case Verdict.PING:
                self._signs.pinged_at = now
                if self._state is State.OPEN:
                    hub.counters.pings_sent += 1
                    self._send_control(control_frame(PING))
            case Verdict.IDLE if self._state is State.OPEN:
                self.close(4408, "idle")
                at = now + hub.settings.close_timeout_s
            case Verdict.STUCK:
                hub.counters.write_deadlines += 1
                hub.log("warning", "connection.write_deadline", conn=self.id, queued_bytes=self.queued_bytes)
                self.abort()
            case Verdict.IDLE | Verdict.UNANSWERED:
                self.abort()
        if self._state is not State.GONE:
            self._timer = hub.wheel.arm(self._look, at)
