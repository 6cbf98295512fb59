"""One non-blocking socket, plain or TLS, as bytes that come and go without a task.

TLS is done by OpenSSL on the socket itself (`ssl.SSLSocket`): a record is encrypted and written in the same call, with
no buffers besides OpenSSL's own, which it releases when they are empty.
"""

import socket
import ssl
import struct
from typing import Final

READ_BYTES: Final = 16 * 1024
"""What one read takes at most, which bounds the work that one client can cause in one turn. Not less than a TLS record:
what OpenSSL holds decrypted does not wake epoll, so a read must take all of it."""
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Wire:
    """A connected socket whose TLS handshake, if any, is done. It must be non-blocking."""

    __slots__ = ("_receive", "_socket", "fd", "write")

    def __init__(self, sock: socket.socket) -> None:
        self.fd: Final = sock.fileno()
        self._socket: Final = sock
        self._receive: Final = sock.recv
        self.write: Final = sock.send
        """Give the kernel what it takes, and return how many bytes that was; see `BUSY`."""

    def read(self) -> bytes:
        """Return what has come, empty at the end of the stream.

        Raises:
            BlockingIOError, ssl.SSLWantReadError: nothing has come.
            ssl.SSLWantWriteError: OpenSSL must write a record of its own first, and the kernel has no room.
            OSError: the connection broke.
        """
        return self._receive(READ_BYTES)

    def say_goodbye(self) -> None:
        """Send TLS's close_notify, so that no peer takes the end for a truncation (RFC 8446 section 6.1)."""
        if isinstance(self._socket, ssl.SSLSocket):
            try:
                self._socket.unwrap()
            except (OSError, ValueError):
                pass  # it waits for the peer's, or the peer is gone: ours is on its way, or pointless

    def finish(self) -> None:
        """Shut our side: the peer reads what is on its way, then the end of the stream.

        Raises:
            OSError: the connection is broken.
        """
        self.say_goodbye()
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket; what the kernel has is still delivered."""
        self._socket.close()

    def reset(self) -> None:
        """Have the coming `close` drop what the kernel has, too."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            pass  # broken already, so nothing is held back


BUSY: Final = (BlockingIOError, ssl.SSLWantWriteError)
"""What `Wire.write` raises when the kernel has no room. The same bytes must be offered again, before any others."""
