"""One live connection: a reader, a writer that coalesces, and a watch for silence."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator

import anyio

import msgwire

from .errors import TooManyRequests
from .transport import Transport, TransportClosed

SILENT = 4408
"""The close code that this side gives itself for a server that has fallen silent."""

CONTRACT_BROKEN = 1002

CACHE_FAILED = 4500
"""The close code that this side gives itself when its own disk fails; the reason is a sentence for a person."""

_MAX_HINTS = 512
"""Past so many waiting frames, one that may be lost is refused."""

_MAX_QUEUED = 2048
"""Past so many, the server does not read. Requests, messages and acknowledgments have smaller bounds of their own."""

_WRITE_TIMEOUT_S = 30.0
_ANSWER_TIMEOUT_S = 10.0


def pack(frames: Iterable[bytes], max_message_bytes: int) -> Iterator[bytes]:
    """Join encoded frames into as few messages as the server's limit allows, in order."""
    parts: list[bytes] = []
    size = 2  # the brackets
    for frame in frames:
        if parts and size + len(frame) + 1 > max_message_bytes:
            yield msgwire.join(parts)
            parts, size = [], 2
        parts.append(frame)
        size += len(frame) + 1
    if parts:
        yield msgwire.join(parts)


class Link:
    """One connection after the WebSocket handshake."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._arrived: deque[msgwire.ServerFrame] = deque()
        self._queued: deque[bytes] = deque()
        self._work = anyio.Event()
        self._scope = anyio.CancelScope()
        self._ended: TransportClosed | None = None
        self._limits: msgwire.HelloLimits | None = None
        self._heard_at = 0.0
        self._spoke_at = 0.0

    # The opening: frames one by one.

    async def next_frame(self) -> msgwire.ServerFrame:
        """The next frame; raises `TransportClosed`."""
        while not self._arrived:
            self._arrived.extend(await self._receive())
        return self._arrived.popleft()

    async def say(self, frame: msgwire.ClientFrame) -> None:
        """Send one frame at once; raises `TransportClosed`. Not once `run` has started."""
        await self._transport.send(msgwire.encode(frame))

    # The live connection.

    def post(self, frame: msgwire.ClientFrame) -> None:
        """Queue a frame for the writer. Never waits; after the end it does nothing, because `run` tells of that."""
        if len(self._queued) >= _MAX_QUEUED:
            self.end(SILENT, "the server does not read")
        if self._ended is None:
            self._queued.append(msgwire.encode(frame))
            self._work.set()

    def hint(self, frame: msgwire.ClientFrame) -> None:
        """Queue a frame that may be lost; raises `TooManyRequests` where too many wait already."""
        if len(self._queued) >= _MAX_HINTS:
            raise TooManyRequests(f"{_MAX_HINTS} frames wait to be written.", _MAX_HINTS)
        self.post(frame)

    def end(self, code: int, reason: str) -> None:
        """End the connection from this side; `run` returns."""
        if self._ended is None:
            self._ended = TransportClosed(code, reason)
        self._scope.cancel()

    async def run(
        self, limits: msgwire.HelloLimits, on_frames: Callable[[list[msgwire.ServerFrame]], Awaitable[None]]
    ) -> TransportClosed:
        """Read, write and watch until the connection ends; returns how it did."""
        self._limits = limits
        self._heard_at = self._spoke_at = anyio.current_time()
        with self._scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write)
                tasks.start_soon(self._watch, min(25.0, limits.idle_timeout_s / 3))
                await self._read(on_frames)
        assert self._ended is not None  # only `end` cancels the scope
        return self._ended

    async def close(self) -> None:
        """Close the WebSocket, from whatever state it is in."""
        await self._transport.close()

    async def _read(self, on_frames: Callable[[list[msgwire.ServerFrame]], Awaitable[None]]) -> None:
        try:
            while True:
                frames = list(self._arrived) or await self._receive()
                self._arrived.clear()
                self._heard_at = anyio.current_time()
                await on_frames(frames)
        except TransportClosed as closed:
            self.end(closed.code, closed.reason)

    async def _write(self) -> None:
        assert self._limits is not None
        try:
            while True:
                await self._work.wait()
                self._work = anyio.Event()
                while self._queued:
                    frames = list(self._queued)
                    self._queued.clear()
                    for message in pack(frames, self._limits.max_message_bytes):
                        with anyio.fail_after(_WRITE_TIMEOUT_S):
                            await self._transport.send(message)
                    self._spoke_at = anyio.current_time()
        except TransportClosed as closed:
            self.end(closed.code, closed.reason)
        except TimeoutError:
            self.end(SILENT, "the server does not read")

    async def _watch(self, interval_s: float) -> None:
        """Ask for a sign of life after `interval_s` without one, and give one as often."""
        while True:
            due = min(self._heard_at, self._spoke_at) + interval_s
            if due > anyio.current_time():
                await anyio.sleep_until(due)
                continue
            asked_at = anyio.current_time()
            self.post(msgwire.Ping(request_id="ping"))
            await anyio.sleep(_ANSWER_TIMEOUT_S)
            if self._heard_at < asked_at:
                self.end(SILENT, "the server has fallen silent")

    async def _receive(self) -> list[msgwire.ServerFrame]:
        payload = await self._transport.receive()
        try:
            return msgwire.decode_server_message(payload)
        except msgwire.FrameError as error:
            raise TransportClosed(CONTRACT_BROKEN, error.sentence) from None
