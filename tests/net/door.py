"""A whole gateway on loopback, and raw clients for it."""

import socket
import ssl
from typing import Any

import trio
import trustme

from msgd.net.connection import Connection
from msgd.net.counters import GatewayCounters
from msgd.net.listen import listening_sockets
from msgd.net.serve import Gateway, serve
from msgd.net.settings import GatewaySettings
from msgd.net.tls import TlsBox

from .rig import Lines, Recorder, frames, settle

REQUEST = (
    "GET /v1/ws HTTP/1.1",
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: msgd.v1",
)


def request(*lines: str, without: str = "no such line") -> bytes:
    """Encode an opening handshake; `lines` replace those of the same name, or come after the others."""
    kept = [line for line in REQUEST if not line.startswith((*(own.split(":")[0] + ":" for own in lines), without))]
    if lines and lines[0].endswith("HTTP/1.1"):
        kept = kept[1:] if kept[0].startswith("GET") else kept
        return "\r\n".join([lines[0], *kept, *lines[1:], "", ""]).encode("latin-1")
    return "\r\n".join([*kept, *lines, "", ""]).encode("latin-1")


class RawClient:
    """A client that sends what it is told to."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.rest = b""

    async def shake_hands(self, data: bytes | None = None) -> str:
        """Send an opening handshake, and return the head of the answer."""
        await self.stream.send_all(request() if data is None else data)
        while b"\r\n\r\n" not in self.rest:
            part = await self.stream.receive_some()
            assert part, f"the server hung up after {self.rest!r}"
            self.rest += part
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        await settle()  # the answer is written a moment before the peer is made
        return head.decode("latin-1")

    async def message(self) -> bytes:
        """Return the payload of the next frame."""
        while True:
            try:
                opcode, payload = frames(self.rest[: self._first_frame_bytes()])[0]
            except (AssertionError, IndexError):
                part = await self.stream.receive_some()
                assert part, "the server hung up"
                self.rest += part
                continue
            self.rest = self.rest[self._first_frame_bytes() :]
            assert opcode != 8, f"closed with {payload!r}"
            return payload

    def _first_frame_bytes(self) -> int:
        if len(self.rest) < 10:
            return 2 + self.rest[1] if len(self.rest) > 1 and self.rest[1] < 126 else len(self.rest)
        size = self.rest[1]
        if size == 126:
            return 4 + int.from_bytes(self.rest[2:4], "big")
        return 10 + int.from_bytes(self.rest[2:10], "big") if size == 127 else 2 + size

    async def to_the_end(self) -> bytes:
        """Return everything up to the end of the stream, however it comes."""
        try:
            while part := await self.stream.receive_some():
                self.rest += part
        except (trio.BrokenResourceError, ssl.SSLError):
            pass
        return self.rest


class Door:
    """A gateway that runs; its peers echo."""

    def __init__(self, authority: trustme.CA | None, tls: TlsBox | None, settings: dict[str, Any]) -> None:
        self.counters = GatewayCounters()
        self.log = Lines()
        self.peers: list[Recorder] = []
        self.scope = trio.CancelScope()
        self.sockets = listening_sockets("127.0.0.1", 0)
        self.port = self.sockets[0].getsockname()[1]
        self.tls = tls
        self.gateway: Gateway
        self._authority = authority
        self._settings = GatewaySettings(**settings)
        self._clients: list[trio.socket.SocketType] = []

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        try:
            with self.scope:
                async with trio.open_nursery() as nursery:
                    self.gateway = await nursery.start(
                        serve, self.sockets, self.tls, self.make_peer, self._settings, self.counters, self.log
                    )
                    task_status.started()
        finally:
            for client in self._clients:
                client.close()

    def make_peer(self, connection: Connection) -> Recorder:
        peer = Recorder(connection)
        peer.on_message = connection.send
        self.peers.append(peer)
        return peer

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        assert self._authority is not None
        self._authority.configure_trust(context)
        return context

    async def connect(self, *, receive_buffer: int = 0, tls: bool | None = None) -> RawClient:
        """Connect without an opening handshake; with TLS if the gateway has it, unless told otherwise."""
        sock = trio.socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._clients.append(sock)
        await sock.connect(("127.0.0.1", self.port))
        stream: trio.abc.Stream = trio.SocketStream(sock)
        if self.tls is not None if tls is None else tls:
            stream = trio.SSLStream(
                trio.SocketStream(sock), self.client_context(), server_hostname="127.0.0.1", https_compatible=True
            )
        return RawClient(stream)

    async def enter(self) -> tuple[RawClient, Recorder]:
        """Connect with an opening handshake."""
        client = await self.connect()
        assert (await client.shake_hands()).startswith("HTTP/1.1 101")
        return client, self.peers[-1]
