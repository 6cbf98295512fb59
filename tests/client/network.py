"""A network in memory between the SDK and the model server, whose faults the test decides."""

import ssl
from collections import deque
from collections.abc import Callable

import anyio
from anyio.abc import TaskGroup

import msgwire
from msgclient.profile import ServerAddress
from msgclient.transport import DialFailed, TransportClosed

from .model_connection import ServerConnection
from .model_server import ModelServer


class MemoryTransport:
    """One WebSocket. What the server has said but the client has not read is lost when the line is cut."""

    def __init__(self, network: "Network", connection: ServerConnection) -> None:
        self.network = network
        self.connection = connection
        self.incoming: deque[bytes] = deque()
        self.closed: TransportClosed | None = None
        self.wake = anyio.Event()
        self.is_deaf = False
        self.flush()

    async def send(self, payload: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        if self.closed is not None:
            raise self.closed
        if self.is_deaf:
            return
        for raw in msgwire.split(payload, 131072):
            frame = msgwire.decode_client_frame(raw)
            if self.network.cut_before is not None and self.network.cut_before(frame):
                self.network.cut_before = None
                self.cut()
                return
            self.connection.handle(frame)
            if self.network.cut_after is not None and self.network.cut_after(frame):
                self.network.cut_after = None
                self.cut()
                return
        self.network.flush()
        self.network.heard.set()

    async def receive(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        while not self.incoming:
            if self.closed is not None:
                raise self.closed
            self.wake = anyio.Event()
            await self.wake.wait()
        return self.incoming.popleft()

    async def close(self, code: int = 1000) -> None:
        await anyio.lowlevel.checkpoint()
        self.cut(code)

    def cut(self, code: int = 1006, reason: str = "") -> None:
        if self.closed is None:
            self.closed = TransportClosed(code, reason)
        self.incoming.clear()
        self.connection.end()
        self.wake.set()

    def flush(self) -> None:
        frames = self.connection.take()
        if frames and self.closed is None and not self.is_deaf:
            self.incoming.append(msgwire.join(msgwire.encode(frame) for frame in frames))
            self.wake.set()
        if self.connection.close_code is not None and self.closed is None:
            self.closed = TransportClosed(self.connection.close_code)
            self.connection.end()
            self.wake.set()


class Network:
    """Gives the SDK its `connect`; `cut` and the hooks are the faults."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.is_down = False
        self.dials = 0
        self.cut_before: Callable[[msgwire.ClientFrame], bool] | None = None
        self.cut_after: Callable[[msgwire.ClientFrame], bool] | None = None
        self.transports: list[MemoryTransport] = []
        self.heard = anyio.Event()

    async def until(self, wanted: Callable[[], object]) -> None:
        """Wait until something holds of the server, looking after each message that it has heard."""
        with anyio.fail_after(5):
            while not wanted():
                self.heard = anyio.Event()
                await self.heard.wait()

    async def __call__(
        self, address: ServerAddress, context: ssl.SSLContext | None, tasks: TaskGroup
    ) -> MemoryTransport:
        await anyio.lowlevel.checkpoint()
        self.dials += 1
        if self.is_down:
            raise DialFailed("The server cannot be reached: it is down.")
        transport = MemoryTransport(self, ServerConnection(self.server))
        self.transports.append(transport)
        return transport

    def flush(self) -> None:
        for transport in self.transports:
            transport.flush()

    def cut(self, code: int = 1006, reason: str = "") -> None:
        for transport in self.transports:
            transport.cut(code, reason)
        self.transports.clear()
