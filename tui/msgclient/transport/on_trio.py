"""The adapter to trio-websocket's client."""

import ssl
from collections.abc import Awaitable, Callable
from typing import cast

import trio
from anyio.abc import TaskGroup, TaskStatus
from trio_websocket import CloseReason, ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

import msgwire

from ..profile import ServerAddress
from .interface import (
    ABNORMAL_CLOSE,
    CLOSE_TIMEOUT_S,
    MAX_INCOMING_BYTES,
    CertificateRejected,
    DialFailed,
    TransportClosed,
    unreachable,
)

_Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class TrioTransport:
    """One WebSocket of the trio-websocket library."""

    def __init__(self, websocket: WebSocketConnection, scope: trio.CancelScope) -> None:
        self._websocket = websocket
        self._scope = scope

    @property
    def subprotocol(self) -> str | None:
        """What the server has chosen."""
        return self._websocket.subprotocol

    async def send(self, payload: bytes) -> None:
        """Send one text message."""
        try:
            await self._websocket.send_message(payload.decode())
        except ConnectionClosed as closed:
            raise _translated(closed.reason) from None

    async def receive(self) -> bytes:
        """The next message, as bytes."""
        try:
            message = await self._websocket.get_message()
        except ConnectionClosed as closed:
            raise _translated(closed.reason) from None
        return message.encode() if isinstance(message, str) else message

    async def close(self, code: int = 1000) -> None:
        """Close; the library cuts the stream when its closing handshake is cancelled."""
        with trio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await self._websocket.aclose(code)
        self._scope.cancel()


def _translated(reason: CloseReason | None) -> TransportClosed:
    if reason is None:
        return TransportClosed(ABNORMAL_CLOSE)
    return TransportClosed(reason.code, reason.reason or "")


async def connect(address: ServerAddress, context: ssl.SSLContext | None, tasks: TaskGroup) -> TrioTransport:
    """Open a WebSocket; its reader lives in `tasks`."""
    stream = await _open_stream(address, context)
    try:
        transport = cast("TrioTransport", await tasks.start(_host, stream, address))
    except (HandshakeError, ConnectionClosed):
        raise DialFailed("The server does not speak this protocol.") from None
    if transport.subprotocol != msgwire.SUBPROTOCOL:
        await transport.close()
        raise DialFailed(f"The server does not speak {msgwire.SUBPROTOCOL}.")
    return transport


async def _open_stream(address: ServerAddress, context: ssl.SSLContext | None) -> _Stream:
    try:
        tcp = await trio.open_tcp_stream(address.host, address.port)
    except OSError as error:
        raise unreachable(error) from None
    if context is None:
        return tcp
    stream = trio.SSLStream(tcp, context, server_hostname=address.host, https_compatible=True)
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(tcp)
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise CertificateRejected(error.__cause__.verify_message or str(error.__cause__)) from None
        why = error.__cause__.reason if isinstance(error.__cause__, ssl.SSLError) else None
        raise DialFailed(f"The TLS handshake failed: {why or 'the server hung up'}.") from None
    except BaseException:
        await trio.aclose_forcefully(tcp)
        raise
    return stream


async def _host(stream: _Stream, address: ServerAddress, *, task_status: TaskStatus[TrioTransport]) -> None:
    """The library's reader raises into its nursery; this one is its own, so that only this connection ends."""
    scope = trio.CancelScope()
    try:
        with scope:
            async with trio.open_nursery() as nursery:
                reader = _Reader(nursery)
                websocket = await wrap_client_stream(
                    cast("trio.Nursery", reader),
                    stream,
                    address.host_port,
                    address.path,
                    subprotocols=[msgwire.SUBPROTOCOL],
                    extra_headers=[(b"User-Agent", b"msgclient")],
                    max_message_size=MAX_INCOMING_BYTES,
                    message_queue_size=16,
                    receive_buffer_size=65536,
                )
                # From here on `close` ends it: the closing handshake needs the reader, also when all is cancelled.
                reader.is_open = scope.shield = True
                task_status.started(TrioTransport(websocket, scope))
    except* Exception as group:
        if not scope.shield:
            raise HandshakeError from group
    finally:
        await trio.aclose_forcefully(stream)


class _Reader:
    """Stands in the nursery's place for the library, which waits without end where its reader ends too early."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.is_open = False
        self._nursery = nursery

    def start_soon(self, read: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(self._run, read)

    async def _run(self, read: Callable[[], Awaitable[None]]) -> None:
        await read()
        if not self.is_open:
            raise HandshakeError
