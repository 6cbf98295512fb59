"""The wire to a running daemon: one unix socket, one line each way. Blocking, so that no event loop is loaded."""

import socket
from pathlib import Path
from typing import TypeVar

import msgspec

from msgctl.failures import Failure
from msgd.admin.contract import MAX_ANSWER_BYTES, Request
from msgd.admin.wire import decode_answer, encode_request

R = TypeVar("R")

# The daemon gives a change 30 s; it is the first to say that this was not enough.
_ANSWER_S = 45.0
_CONNECT_S = 5.0
_CHUNK_BYTES = 65_536


class NobodyThere(Exception):
    """No process listens on the socket: the daemon is stopped."""


class Link:
    """A connection to the admin socket of a running daemon."""

    def __init__(self, path: Path) -> None:
        """Connect.

        Raises:
            NobodyThere: There is no socket, or no daemon behind it.
            Failure: `forbidden` by the rights of the socket, or `unreachable`.
        """
        self._path = path
        self._held = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_CONNECT_S)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise self._meaning(error) from error
        self._socket.settimeout(_ANSWER_S)

    def call(self, request: Request[R]) -> R:
        """Ask, and wait for the answer.

        Raises:
            Refused: The daemon did not do it.
            Failure: `unreachable`, when it cannot be told whether it did.
        """
        try:
            self._socket.sendall(encode_request(request))
            return decode_answer(type(request), self._line())
        except (OSError, msgspec.DecodeError) as error:
            raise Failure(
                "unreachable",
                f"The daemon at {self._path} took the request and gave no proper answer ({_reason(error)}): "
                "look whether it was done.",
            ) from error

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _line(self) -> bytes:
        while (end := self._held.find(b"\n")) < 0:
            chunk = self._socket.recv(_CHUNK_BYTES)
            if not chunk:
                raise ConnectionError("it closed the connection")
            self._held += chunk
            if len(self._held) > MAX_ANSWER_BYTES:
                raise ConnectionError("its answer is too long")
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line

    def _meaning(self, error: OSError) -> Exception:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            return NobodyThere()
        if isinstance(error, PermissionError):
            return Failure(
                "forbidden",
                f"You may not use {self._path}: become the daemon's user, or a member of the group that owns it.",
            )
        return Failure("unreachable", f"The daemon at {self._path} does not answer: {_reason(error)}.")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) and error.strerror else "") or str(error)
