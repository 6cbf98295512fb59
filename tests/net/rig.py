"""A hub with clients on socket pairs, and the client's half of RFC 6455 written out by hand."""

import socket
import struct
from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from msgd.net.connection import Connection
from msgd.net.counters import GatewayCounters
from msgd.net.hub import Hub
from msgd.net.settings import GatewaySettings
from msgd.net.wire import Wire

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def masked(
    payload: bytes | str, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, mask: bytes = b"\x01\x80z\xff"
) -> bytes:
    """Encode one client frame."""
    payload = payload.encode() if isinstance(payload, str) else payload
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return header(len(payload), opcode, fin=fin, rsv=rsv) + mask + body


def header(size: int, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Encode the header of a frame, without its mask."""
    first = fin << 7 | rsv << 4 | opcode
    if size < 126:
        return bytes((first, masked << 7 | size))
    if size < 1 << 16:
        return struct.pack("!BBH", first, masked << 7 | 126, size)
    return struct.pack("!BBQ", first, masked << 7 | 127, size)


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    """Encode a client's close frame."""
    return masked(b"" if code is None else code.to_bytes(2, "big") + reason, CLOSE)


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Decode a server's frames into opcodes and payloads; they must be whole, final and not masked."""
    found = []
    while data:
        assert data[0] & 0xF0 == 0x80, "a server's frame is final and has no reserved bit"
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        assert size < 1 << 32, "a server's frame is not masked"
        assert len(data) >= start + size, "a whole frame"
        found.append((data[0] & 0x0F, data[start : start + size]))
        data = data[start + size :]
    return found


def closing(data: bytes) -> int:
    """Return the code of the one close frame that `data` ends with."""
    opcode, payload = frames(data)[-1]
    assert opcode == CLOSE
    return int.from_bytes(payload[:2], "big")


class Recorder:
    """A peer that remembers what it is told; `on_message` may do more."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.messages: list[bytes] = []
        self.codes: list[int | None] = []
        self.on_message: Callable[[bytes], None] = lambda _: None
        self.over = trio.Event()

    def message(self, payload: bytes) -> None:
        self.messages.append(payload)
        self.on_message(payload)

    def closed(self, code: int | None) -> None:
        self.codes.append(code)
        self.over.set()


class Lines:
    """A log that remembers its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def __call__(self, level: str, event: str, /, **fields: object) -> None:
        self.lines.append((level, event, fields))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.lines]


class Client:
    """The other end of a socket pair."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    async def say(self, data: bytes) -> None:
        """Send bytes, and let the hub do all that follows from them."""
        self.sock.sendall(data)
        await settle()

    def heard(self) -> bytes:
        """Return what has come, without waiting; empty also at the end of the stream."""
        data = b""
        while True:
            try:
                part = self.sock.recv(1 << 16)
            except (BlockingIOError, ConnectionResetError):
                return data
            if not part:
                return data
            data += part

    def at_end(self) -> bool:
        """True when the server has shut its side, and nothing is left to read."""
        try:
            return self.sock.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


class Rig:
    """A running hub."""

    def __init__(self, **settings: Any) -> None:
        self.counters = GatewayCounters()
        self.log = Lines()
        self.hub = Hub(GatewaySettings(**settings), self.counters, self.log)
        self.clients: list[socket.socket] = []

    def connect(self, first: bytes = b"", *, send_buffer: int = 0) -> tuple[Connection, Recorder, Client]:
        """Make a connection whose handshake is done."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        if send_buffer:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self.clients.append(theirs)
        peers: list[Recorder] = []

        def make_peer(connection: Connection) -> Recorder:
            peers.append(Recorder(connection))
            return peers[0]

        connection = self.hub.adopt(Wire(ours), make_peer, remote="192.0.2.1", path="/v1/ws", headers={}, first=first)
        return connection, peers[0], Client(theirs)

    def close(self) -> None:
        for sock in self.clients:
            sock.close()


async def settle() -> None:
    """Wait until nothing in this process has anything left to do."""
    await trio.testing.wait_all_tasks_blocked()
