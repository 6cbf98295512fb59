"""What a client needs of a WebSocket, whichever library brings it."""

import os
import socket
import ssl
from typing import Protocol

from anyio.abc import TaskGroup

from ..profile import ServerAddress

MAX_INCOMING_BYTES = 32 * 1024 * 1024
"""The largest message taken from a server: a history page of 200 texts of the greatest length, all escaped, fits."""

CLOSE_TIMEOUT_S = 2.0
"""How long the closing handshake (RFC 6455 section 7) may take before the stream is cut."""

ABNORMAL_CLOSE = 1006


class TransportClosed(Exception):
    """The WebSocket has ended.

    Attributes:
        code: the close code; 1006 where none came (RFC 6455 section 7.1.5).
        reason: the close reason, as the server put it.
    """

    def __init__(self, code: int = ABNORMAL_CLOSE, reason: str = "") -> None:
        super().__init__(f"closed with {code}")
        self.code = code
        self.reason = reason


class DialFailed(Exception):
    """No connection came about; the text is a sentence for a person."""


class CertificateRejected(DialFailed):
    """The TLS handshake was broken off over the server's certificate; nothing was sent."""


def unreachable(error: OSError) -> DialFailed:
    """What to say of a TCP connection that did not come about; both libraries wrap the reason in words of theirs."""
    cause = error.__cause__
    inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    known = inner if isinstance(inner, OSError) else error
    if isinstance(known, socket.gaierror):
        why = known.strerror
    else:
        why = os.strerror(known.errno) if known.errno else "no address of it answers"
    return DialFailed(f"The server cannot be reached: {why}.")


class Transport(Protocol):
    """One open WebSocket."""

    async def send(self, payload: bytes) -> None:
        """Send one text message of UTF-8; one task at a time. Raises `TransportClosed`."""

    async def receive(self) -> bytes:
        """The next message; one task at a time. Raises `TransportClosed`."""

    async def close(self, code: int = 1000) -> None:
        """Close it, within `CLOSE_TIMEOUT_S`. May be called twice."""


class Connect(Protocol):
    """Opens a WebSocket. The transport's tasks, where it has any, live in `tasks` until it is closed."""

    async def __call__(self, address: ServerAddress, context: ssl.SSLContext | None, tasks: TaskGroup) -> Transport:
        """Connect. Raises `CertificateRejected` and `DialFailed`."""
