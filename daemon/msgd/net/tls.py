"""The server's TLS: its context, the box that lets a reload put a new one in its place, and the handshake."""

import socket
import ssl
from dataclasses import dataclass
from os import PathLike

import trio


@dataclass(slots=True)
class TlsBox:
    """Holds the context for handshakes to come; connections that are open keep the one they started with."""

    context: ssl.SSLContext


def make_ssl_context(certificate: str | PathLike[str], key: str | PathLike[str]) -> ssl.SSLContext:
    """Load a certificate chain and its key, both PEM, for servers: TLS 1.2 or later, forward secrecy only.

    Raises:
        OSError: a file cannot be read; or, as ssl.SSLError, it is not PEM, or the key is not the certificate's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # For TLS 1.2 (RFC 9325 section 4.2); the suites of TLS 1.3 are all of this kind.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    # Renegotiation would let a peer stop our writes until it reads (and was dropped by TLS 1.3); compression leaks.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key)
    return context


async def start_tls(sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Do the server's side of the TLS handshake on a non-blocking socket, which belongs to the result from then on.

    Raises:
        OSError: the peer spoke no TLS, or no version or cipher that we do, or went away. The socket is closed.
    """
    secured = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    try:
        while True:
            try:
                secured.do_handshake()
                return secured
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(secured)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(secured)
    except BaseException:
        secured.close()
        raise
