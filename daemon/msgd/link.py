"""One connection with what it stands for: who is signed in, where its event stream is, which requests wait.

Frames are handled in the order in which they came. A handler that can answer at once does so in the reader's turn;
one that has to wait goes on in a task of its own, and the frames behind it wait in the inbox.
"""

import enum
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import trio

from msgd.alarms import Alarm
from msgd.core.floods import Bucket
from msgd.core.stream import Stream
from msgd.net import Connection
from msgd.people import Here, Person
from msgwire import (
    BEFORE_SIGN_IN,
    SENTENCES,
    ClientFrame,
    CloseCode,
    Error,
    ErrorCode,
    FrameError,
    Reply,
    ServerFrame,
    decode_client_frame,
    encode,
    split,
    tag,
)

if TYPE_CHECKING:
    from msgd.service import Service

FRAMES_PER_TURN = 256
"""Frames handled before the other connections have their turn."""


class Hold(enum.Enum):
    """Why a connection's messages have to wait."""

    INBOX = "inbox"
    """Too many of its own requests wait for their replies."""
    STORE = "store"
    """Too many commands of all connections wait for the writer."""


class Refused(Exception):
    """A request that cannot be granted; becomes an `error` frame."""

    def __init__(self, code: ErrorCode, sentence: str | None = None, *, retry_after_ms: int | None = None) -> None:
        super().__init__(code.value)
        self.code = code
        self.sentence = sentence
        self.retry_after_ms = retry_after_ms


class Link:
    """A connection's peer: takes its messages, and holds what belongs to it."""

    __slots__ = (
        "_bucket",
        "_busy",
        "_frames_unauthenticated",
        "_held_for",
        "_inbox",
        "_on_gone",
        "_pending",
        "_settled",
        "alarms",
        "attaching",
        "connection",
        "device_id",
        "expires_at",
        "gone",
        "here",
        "person",
        "service",
        "stream",
    )

    def __init__(self, service: "Service", connection: Connection, on_gone: Callable[["Link"], None]) -> None:
        self.service = service
        self.connection = connection
        self._on_gone = on_gone
        self.person: Person | None = None
        self.device_id = ""
        self.stream: Stream | None = None
        self.here: Here | None = None
        self.expires_at = 0
        self.alarms: list[Alarm] = []
        # A sign-in is under way: what comes behind it is not held to the bound of strangers.
        self.attaching = False
        self.gone = False
        limits = service.settings.limits
        self._bucket = Bucket(limits.frames_per_s, limits.frames_burst, trio.current_time())
        self._frames_unauthenticated = 0
        # Bounded: past `inbox_frames` no further message is taken, so it holds that many and one message's frames.
        self._inbox: deque[bytes | msgspec.Raw] = deque()
        self._busy = False
        self._held_for: set[Hold] = set()
        self._pending = 0
        self._settled: trio.Event | None = None

    @property
    def account(self) -> int:
        """The account that is signed in here."""
        assert self.person is not None, "only handlers for those who are signed in ask"
        return self.person.account

    @property
    def waiting(self) -> int:
        """Frames in the inbox."""
        return len(self._inbox)

    # What the connection calls.

    def message(self, payload: bytes) -> None:
        """Take one WebSocket message."""
        service = self.service
        try:
            frames = split(payload, service.settings.limits.max_message_bytes)
        except FrameError as error:
            frames = []
            self.fail(error.re, error.code, error.sentence)
        if not self._may_send(max(1, len(frames))):
            return
        if self._busy or self._held_for or len(frames) > FRAMES_PER_TURN or service.is_congested():
            self._inbox.extend(frames)
            self._work()
            return
        for place, raw in enumerate(frames):
            waiting = self._handle(raw)
            if waiting is not None or self.connection.queued_bytes > service.high_water_bytes:
                self._inbox.extend(frames[place + 1 :])
                self._work(waiting)
                return

    def closed(self, code: int | None) -> None:
        """The socket is gone; what was not handled yet is not."""
        self.gone = True
        self._inbox.clear()
        self.service.log("info", "connection.closed", conn=self.connection.id, device=self.device_id or None, code=code)
        self._on_gone(self)

    # What handlers call.

    def send(self, frame: ServerFrame) -> None:
        """Push a frame."""
        self.connection.send(encode(frame))

    def reply(self, request: ClientFrame, frame: Reply) -> None:
        """Answer a request, if it asked for an answer."""
        if request.request_id is not None:
            frame.re = request.request_id
            self.connection.send(encode(frame))

    def fail(
        self, re: str | None, code: ErrorCode, sentence: str | None = None, retry_after_ms: int | None = None
    ) -> None:
        """Send an error."""
        self.service.metrics.error(code)
        self.send(Error(re=re, code=code, message=sentence or SENTENCES[code], retry_after_ms=retry_after_ms))

    def pending(self) -> None:
        """A command of this connection is on its way to the store."""
        self._pending += 1

    def settled(self) -> None:
        """A command of this connection has its outcome."""
        self._pending -= 1
        if not self._pending and self._settled is not None:
            self._settled.set()
            self._settled = None

    async def wait_settled(self) -> None:
        """Wait for the outcomes of what this connection has sent so far: a read then sees its own writes."""
        while self._pending:
            if self._settled is None:
                self._settled = trio.Event()
            await self._settled.wait()

    def hold(self, reason: "Hold") -> None:
        """Take no further message for now; pings are answered all the same."""
        if not self._held_for:
            self.connection.pause()
        self._held_for.add(reason)

    def release(self, reason: "Hold") -> None:
        """One reason less to hold."""
        if reason in self._held_for:
            self._held_for.discard(reason)
            if not self._held_for:
                self.connection.resume()
                if self._inbox:
                    self._work()

    def cancel_alarms(self) -> None:
        """Let none of this connection's alarms ring."""
        for alarm in self.alarms:
            alarm.cancel()
        self.alarms.clear()

    # Inside.

    def _may_send(self, count: int) -> bool:
        limits = self.service.settings.limits
        if self.person is None and not self.attaching:
            self._frames_unauthenticated += count
            within = self._frames_unauthenticated <= limits.unauthenticated_frames
        else:
            within = True
        if within and self._bucket.take(count, trio.current_time()):
            return True
        self.service.metrics.flooded()
        self.service.log("warning", "connection.flooded", conn=self.connection.id, device=self.device_id or None)
        self.fail(None, ErrorCode.RATE_LIMITED, "This connection sends more frames than it may.", 1000)
        self.connection.close(CloseCode.FLOODING, "flooding")
        return False

    def _handle(self, raw: bytes | msgspec.Raw) -> Awaitable[None] | None:
        """Handle one frame; what is returned has still to be awaited."""
        try:
            frame = decode_client_frame(raw)
        except FrameError as error:
            told = error.code is ErrorCode.UNKNOWN_TYPE or error.frame_type is not None
            if self.person is None and told and error.frame_type not in BEFORE_SIGN_IN:
                self.fail(error.re, ErrorCode.UNAUTHENTICATED)
            else:
                self.fail(error.re, error.code, error.sentence)
            return None
        frame_type = tag(type(frame))
        self.service.metrics.received(frame_type)
        if self.person is None and frame_type not in BEFORE_SIGN_IN:
            self.fail(frame.request_id, ErrorCode.UNAUTHENTICATED)
            return None
        try:
            waiting = self.service.handlers[type(frame)](self.service, self, frame)
        except Exception as error:
            self._explain(frame, error)
            return None
        return None if waiting is None else self._wait_for(frame, waiting)

    async def _wait_for(self, frame: ClientFrame, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:
            self._explain(frame, error)

    def _explain(self, frame: ClientFrame, error: Exception) -> None:
        if self.person is None:
            self.attaching = False
        self.service.explain(self, frame, error)

    def _work(self, first: Awaitable[None] | None = None) -> None:
        if len(self._inbox) > self.service.settings.limits.inbox_frames:
            self.hold(Hold.INBOX)
        if first is None and self.service.is_congested():
            self.service.put_off(self)
        elif not self._busy:
            self._busy = True
            self.service.nursery.start_soon(self._worker, first)

    async def _worker(self, first: Awaitable[None] | None) -> None:
        """Handle what waits in the inbox, in order, with a turn for others in between."""
        limit = self.service.settings.limits.inbox_frames
        if first is not None:
            await first
        count = 0
        while self._inbox and not self.service.is_congested():
            if self.connection.queued_bytes > self.service.high_water_bytes:
                await self.connection.wait_drained()
            waiting = self._handle(self._inbox.popleft())
            if waiting is not None:
                await waiting
            if len(self._inbox) <= limit // 2:
                self.release(Hold.INBOX)
            count += 1
            if count % FRAMES_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
        self._busy = False
        self.release(Hold.INBOX)
        if self._inbox:
            self.service.put_off(self)
