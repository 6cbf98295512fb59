"""The opening handshake, done by trio-websocket over a socket of ours. No other module knows that library.

trio-websocket reads the request, checks it and writes the answer (RFC 6455 section 4.2). Its reader is never given a
byte behind the request: those are the first frames, and belong to `FrameReader`.
"""

import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, wrap_server_stream

from msgd.net.settings import GatewaySettings
from msgd.net.wire import READ_BYTES

_HEAD_END: Final = re.compile(rb"\n\r?\n")


class Refusal(StrEnum):
    """Why a socket never became a connection."""

    ADDRESS = "address"
    """Too many from one address."""
    TLS = "tls"
    """No TLS handshake came about."""
    TIMEOUT = "timeout"
    """The handshakes took too long."""
    LOST = "lost"
    """The client went away."""
    BAD_REQUEST = "bad_request"
    """What came was no WebSocket handshake."""
    PATH = "path"
    """A WebSocket handshake for another path."""
    SUBPROTOCOL = "subprotocol"
    """Our subprotocol was not offered."""
    FULL = "full"
    """`max_connections` are open."""
    ERROR = "error"
    """Our side failed."""


class HandshakeRefused(Exception):
    """No connection came about; the client has been told as far as it could be."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason: Final = reason


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening handshake that succeeded."""

    path: str
    headers: dict[str, str] = field(repr=False)
    """Names in lower case; where one came more than once, the last one counts."""
    first: bytes = field(repr=False)
    """What came right behind the request."""


class _RequestStream(trio.abc.Stream):
    """Gives the bytes of the request, up to the blank line that ends it, and then nothing more.

    `over` is cancelled as soon as the handshake can come to nothing: trio-websocket would wait on.
    """

    def __init__(self, sock: socket.socket, over: trio.CancelScope) -> None:
        self._socket = sock
        self._over = over
        self._head_tail = b""
        self._complete = False
        self.first = b""
        self.heard = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._complete:
            await trio.sleep_forever()
        data = b""
        while not data:
            try:
                data = self._socket.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                await trio.lowlevel.wait_readable(self._socket)
                continue
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._socket)
                continue
            except OSError:
                data = b""
            if not data:
                self._over.cancel()
                await trio.lowlevel.checkpoint()
        self.heard = True
        seen = self._head_tail + data
        end = _HEAD_END.search(seen)
        if end is None:
            self._head_tail = seen[-2:]
            return data
        self._complete = True
        cut = end.end() - len(self._head_tail)
        self.first = data[cut:]
        return data[:cut]

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._socket)
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.wait_writable(self._socket)

    async def aclose(self) -> None:
        """End the handshake; the socket stays with its owner."""
        self._over.cancel()
        await trio.lowlevel.checkpoint()


async def open_websocket(sock: socket.socket, settings: GatewaySettings, is_full: Callable[[], bool]) -> Opening:
    """Answer one opening handshake on a non-blocking socket, whose TLS is up if it has any.

    Args:
        sock: stays open, and the caller's, whatever happens.
        settings: the path and the subprotocol that are served.
        is_full: asked once the request is there; True refuses it with 503.

    Raises:
        HandshakeRefused: the client was refused, or went away.
    """
    opening: Opening | None = None
    refusal = Refusal.BAD_REQUEST
    try:
        async with trio.open_nursery() as nursery:
            stream = _RequestStream(sock, nursery.cancel_scope)
            request = await wrap_server_stream(nursery, stream)
            path = request.path.partition("?")[0]
            if path != settings.path:
                refusal = Refusal.PATH
                await _reject(request, 404, f"WebSocket is served at {settings.path}")
            elif settings.subprotocol not in request.proposed_subprotocols:
                refusal = Refusal.SUBPROTOCOL
                await _reject(request, 400, f"the subprotocol {settings.subprotocol} is required")
            elif is_full():
                refusal = Refusal.FULL
                await _reject(request, 503, "too many connections, try again later")
            else:
                await request.accept(subprotocol=settings.subprotocol)
                headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in request.headers}
                opening = Opening(path, headers, stream.first)
            nursery.cancel_scope.cancel()  # trio-websocket's reader has nothing more to do
    except* (ConnectionClosed, UnicodeError):
        pass  # the client went away before our answer, or its request was not even text
    if opening is None:
        raise HandshakeRefused(refusal if stream.heard else Refusal.LOST)
    return opening


async def _reject(request: WebSocketRequest, status: int, sentence: str) -> None:
    headers = [(b"Content-Type", b"text/plain"), (b"Connection", b"close")]
    if status == 503:
        headers.append((b"Retry-After", b"5"))
    await request.reject(status, extra_headers=headers, body=f"{sentence}\n".encode())
