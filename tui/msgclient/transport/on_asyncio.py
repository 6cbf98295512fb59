"""The adapter to websockets' asyncio client."""

import logging
import ssl

import anyio
from anyio.abc import TaskGroup
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

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

_logger = logging.getLogger("msgclient.websocket")
# The library writes whole frames to its debug log, and text never goes into a log.
_logger.setLevel(logging.INFO)


class AsyncioTransport:
    """One WebSocket of the websockets library."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    async def send(self, payload: bytes) -> None:
        """Send one text message."""
        try:
            await self._websocket.send(payload, text=True)
        except ConnectionClosed as closed:
            raise _translated(closed) from None

    async def receive(self) -> bytes:
        """The next message, as bytes."""
        try:
            return await self._websocket.recv(decode=False)
        except ConnectionClosed as closed:
            raise _translated(closed) from None

    async def close(self, code: int = 1000) -> None:
        """Close, and cut the stream where the server does not answer in time."""
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await self._websocket.close(code)
            return
        self._websocket.transport.abort()


def _translated(closed: ConnectionClosed) -> TransportClosed:
    if closed.rcvd is None:
        return TransportClosed(ABNORMAL_CLOSE)
    return TransportClosed(closed.rcvd.code, closed.rcvd.reason)


async def connect(address: ServerAddress, context: ssl.SSLContext | None, tasks: TaskGroup) -> AsyncioTransport:
    """Open a WebSocket; `tasks` is not needed, because asyncio's tasks have no home."""
    try:
        websocket = await open_websocket(
            address.url,
            subprotocols=[Subprotocol(msgwire.SUBPROTOCOL)],
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=None,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_INCOMING_BYTES,
            user_agent_header="msgclient",
            logger=_logger,
            # Named, they also forbid a redirect to another server.
            host=address.host,
            port=address.port,
            ssl=context,
        )
    except ssl.SSLCertVerificationError as error:
        raise CertificateRejected(error.verify_message or str(error)) from None
    except ssl.SSLError as error:
        raise DialFailed(f"The TLS handshake failed: {error.reason or 'unknown reason'}.") from None
    except OSError as error:
        raise unreachable(error) from None
    except (InvalidHandshake, ValueError) as error:
        raise DialFailed("The server does not speak this protocol.") from error
    if websocket.subprotocol != msgwire.SUBPROTOCOL:
        await AsyncioTransport(websocket).close()
        raise DialFailed(f"The server does not speak {msgwire.SUBPROTOCOL}.")
    return AsyncioTransport(websocket)
