"""A client that knows only the protocol page: one WebSocket, requests and replies, pushes, events, and the end."""

import asyncio
import contextlib
import itertools
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .contract import SUBPROTOCOL, Frame
from .daemon import Daemon
from .transcript import Transcript

# How long something that must come may take on a busy machine.
DEADLINE_S: Final = float(os.environ.get("CONFORMANCE_DEADLINE_S", "15"))

# What people write or sign in with: the daemon's log is searched for every one of these.
SECRET_FIELDS: Final = (
    "password", "old_password", "new_password", "access_token", "refresh_token", "text", "note", "sdp", "nonce",
)  # fmt: skip


class Refused(Exception):
    """The server answered a request with `error`."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(f"{frame['code']}: {frame['message']}")
        self.frame = frame
        self.code: str = frame["code"]


class Ended(AssertionError):
    """The connection ended while something was waited for."""


class Device:
    """One connection of one client. Events are acknowledged as they come, unless `acks` is false."""

    def __init__(self, socket: ClientConnection, daemon: Daemon, *, acks: bool = True) -> None:
        self.socket = socket
        self.daemon = daemon
        self.acks = acks
        self.transcript = Transcript()
        self.session: Frame = {}
        self._ids = itertools.count(1)
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(
        cls, daemon: Daemon, *, acks: bool = True, headers: Iterable[tuple[str, str]] = (), greeted: bool = True
    ) -> Self:
        """Open a connection, and wait for `hello` unless `greeted` is false."""
        socket = await connect(
            daemon.url,
            ssl=daemon.tls() if daemon.url.startswith("wss:") else None,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            additional_headers=list(headers),
            compression=None,
            ping_interval=None,
            max_size=None,
            max_queue=None,
            proxy=None,
            open_timeout=DEADLINE_S,
            close_timeout=DEADLINE_S,
        )
        device = cls(socket, daemon, acks=acks)
        if greeted:
            await device.until(lambda: device.transcript.hello)
        return device

    @property
    def hello(self) -> Frame:
        return self.transcript.hello

    @property
    def limits(self) -> dict[str, int]:
        limits: dict[str, int] = self.hello["limits"]
        return limits

    @property
    def uid(self) -> str:
        uid: str = self.transcript.ready["uid"]
        return uid

    @property
    def device_id(self) -> str:
        device_id: str = self.transcript.ready["device_id"]
        return device_id

    # Sending

    async def send_raw(self, raw: str) -> None:
        """Put one text message on the wire as it is."""
        await self.socket.send(raw)

    async def send(self, *frames: Frame) -> None:
        """Put one frame on the wire, or several as an array."""
        for frame in frames:
            for field in SECRET_FIELDS:
                if isinstance(frame.get(field), str):
                    self.daemon.secrets.add(frame[field])
            if frame.get("type") == "ack" and isinstance(frame.get("seq"), int):
                self.transcript.acked(frame["seq"])
            if isinstance(frame.get("request_id"), str):
                self.transcript.asked(frame["request_id"])
        await self.send_raw(json.dumps(frames[0] if len(frames) == 1 else frames, ensure_ascii=False))

    async def tell(self, kind: str, **fields: Any) -> None:
        """Send a frame without a request id."""
        await self.send({"type": kind, **_spelled(fields)})

    async def ack(self, seq: int) -> None:
        """Acknowledge every event up to `seq`."""
        await self.tell("ack", seq=seq)

    # Requests

    async def post(self, kind: str, **fields: Any) -> str:
        """Send a request and go on; `reply` waits for what comes. Returns the request id."""
        request_id = f"r{next(self._ids)}"
        await self.send({"type": kind, "request_id": request_id, **_spelled(fields)})
        return request_id

    async def reply(self, request_id: str) -> Frame:
        """The reply to a request, an `error` too."""
        await self.until(lambda: request_id in self.transcript.replies, f"a reply to {request_id}")
        return self.transcript.replies.pop(request_id)

    async def ask(self, kind: str, **fields: Any) -> Frame:
        """The reply to a request that must go well."""
        frame = await self.reply(await self.post(kind, **fields))
        if frame["type"] == "error":
            raise Refused(frame)
        return frame

    async def refused(self, kind: str, *codes: str, **fields: Any) -> Frame:
        """The `error` to a request that must not go well, with one of these codes."""
        frame = await self.reply(await self.post(kind, **fields))
        assert frame["type"] == "error", f"{kind} was answered with {frame['type']}, not refused"
        assert frame["code"] in codes, f"{kind} was refused with {frame['code']}, not {' or '.join(codes)}"
        return frame

    # What comes unasked

    async def push(self, kind: str, **fields: Any) -> Frame:
        """The next push of this type with these fields."""
        wanted = _match(kind, "type", _spelled(fields))
        found: Frame = await self.until(lambda: self.transcript.take_push(wanted), f"the push {kind} {fields or ''}")
        return found

    async def event(self, kind: str, **fields: Any) -> Frame:
        """The body of the next event of this kind with these fields."""
        body: Frame = (await self.event_frame(kind, **fields))["event"]
        return body

    async def event_frame(self, kind: str, **fields: Any) -> Frame:
        """The next event of this kind with these fields, with its seq and time."""
        wanted = _match(kind, "kind", _spelled(fields))
        found: Frame = await self.until(lambda: self.transcript.take_event(wanted), f"the event {kind} {fields or ''}")
        return found

    async def barrier(self) -> None:
        """Everything that the server sent before it answers has come."""
        await self.ask("ping")

    async def no_push(self, kind: str, **fields: Any) -> None:
        """After a barrier, no such push has come."""
        await self.barrier()
        found = self.transcript.take_push(_match(kind, "type", _spelled(fields)))
        assert found is None, f"a push {kind} came: {found}"

    async def no_event(self, kind: str, **fields: Any) -> None:
        """After a barrier, no such event has come."""
        await self.barrier()
        found = self.transcript.take_event(_match(kind, "kind", _spelled(fields)))
        assert found is None, f"an event {kind} came: {found}"

    def forget(self, kind: str, **fields: Any) -> None:
        """Take every such push that came so far out of the inbox."""
        wanted = _match(kind, "type", _spelled(fields))
        while self.transcript.take_push(wanted):
            pass

    async def closed(self, *codes: int, within_s: float = DEADLINE_S) -> str:
        """The server ends the connection with one of these codes. Returns the reason."""
        await self.until(self._reader.done, f"the close {codes}", within_s)
        assert self.socket.close_code in codes, f"closed with {self.socket.close_code} {self.socket.close_reason!r}"
        return self.socket.close_reason or ""

    async def is_greeted(self) -> bool:
        """Whether `hello` came, and not the end of the connection."""
        await self.until(lambda: self.transcript.hello or self._reader.done())
        return bool(self.transcript.hello)

    async def until(self, ready: Callable[[], Any], what: str = "hello", within_s: float = DEADLINE_S) -> Any:
        """Wait until something is true of what has come, and return it."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._raise_failure()
                    if found := ready():
                        return found
                    if self._reader.done():
                        code, why = self.socket.close_code, self.socket.close_reason
                        raise Ended(f"closed with {code} {why!r} while waiting for {what}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{what} did not come within {within_s} s; in the inbox: {self._inbox()}") from None

    # The end

    async def close(self) -> None:
        """Close the connection from this side, and report what broke on it unseen."""
        await self.socket.close()
        await self._reader
        self._raise_failure()

    async def drop(self) -> None:
        """Lose the connection without a word, as a phone does in a tunnel."""
        self.socket.transport.abort()
        await self._reader

    async def _read(self) -> None:
        try:
            async for raw in self.socket:
                assert isinstance(raw, str), "the server sent a binary message"
                self.transcript.take(raw)
                self._changed.set()
                if self.acks and self.transcript.is_behind:
                    with contextlib.suppress(ConnectionClosed):  # what came before the end is still to be read
                        await self.ack(self.transcript.position)
        except ConnectionClosed:
            pass
        except (AssertionError, KeyError, TypeError, ValueError, RecursionError) as error:
            self._failure = error
        finally:
            self._changed.set()

    def _raise_failure(self) -> None:
        """Raise what broke while reading, once."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _inbox(self) -> list[str]:
        transcript = self.transcript
        return [
            *(f"re {request_id}: {frame['type']}" for request_id, frame in transcript.replies.items()),
            *(" ".join([frame["type"], frame.get("code", "")]) for frame in transcript.pushes),
            *(f"event {frame['seq']} {frame['event']['kind']}" for frame in transcript.events),
        ]


def _spelled(fields: dict[str, Any]) -> dict[str, Any]:
    """`from_` in Python is `from` on the wire; a field that is Ellipsis is left out."""
    return {re.sub(r"_$", "", key): value for key, value in fields.items() if value is not ...}


def _match(kind: str, key: str, fields: dict[str, Any]) -> Callable[[Frame], bool]:
    return lambda frame: frame[key] == kind and all(frame.get(field) == value for field, value in fields.items())


async def together(*waits: Awaitable[Any]) -> list[Any]:
    """Wait for several at once."""
    return await asyncio.gather(*waits)
