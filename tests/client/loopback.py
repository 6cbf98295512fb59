"""The model server on a real socket: websockets in a thread of its own, with or without TLS."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

import msgwire

from .model_connection import ServerConnection as ModelConnection
from .model_server import ModelServer

T = TypeVar("T")


class Loopback:
    """Serves a model on 127.0.0.1. `do` runs something in the server's thread, where the model may be touched."""

    def __init__(self, model: ModelServer, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.model = model
        self.port = port
        self._context = context
        self._sockets: set[ServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._heard = threading.Condition()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        return f"{'ws' if self._context is None else 'wss'}://localhost:{self.port}/v1/ws"

    def do(self, act: Callable[[ModelServer], T]) -> T:
        """Run `act` on the model, then send what it made the server say."""

        async def run() -> T:
            result = act(self.model)
            await self._flush()
            return result

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def until(self, wanted: Callable[[ModelServer], object]) -> None:
        """Block until something holds of the model, looking after each message that the server has heard."""
        with self._heard:
            assert self._heard.wait_for(lambda: wanted(self.model), 10)

    def close_all(self, code: int, reason: str) -> None:
        async def run() -> None:
            for socket in list(self._sockets):
                await socket.close(code, reason)

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server: Server
        async with serve(
            self._handle,
            "127.0.0.1",
            self.port,
            ssl=self._context,
            subprotocols=[msgwire.SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            compression=None,
            close_timeout=1,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _handle(self, socket: ServerConnection) -> None:
        connection = ModelConnection(self.model)
        connection.socket = socket
        self._sockets.add(socket)
        try:
            await self._flush()
            async for payload in socket:
                assert isinstance(payload, str)
                with self._heard:
                    for raw in msgwire.split(payload.encode(), 131072):
                        connection.handle(msgwire.decode_client_frame(raw))
                    self._heard.notify_all()
                await self._flush()
        except ConnectionClosed:
            pass
        finally:
            self._sockets.discard(socket)
            connection.end()

    async def _flush(self) -> None:
        for connection in list(self.model.connections):
            frames = connection.take()
            if frames:
                message = msgwire.join(msgwire.encode(frame) for frame in frames)
                try:
                    await connection.socket.send(message, text=True)
                except ConnectionClosed:
                    continue
            if connection.close_code is not None:
                await connection.socket.close(connection.close_code)
