"""Whether to believe a certificate: by the system's authorities, or pinned on first use like SSH's known_hosts."""

import hashlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import ProfileUnreadable
from .profile import replace_file


@dataclass(frozen=True, slots=True)
class CertificateQuestion:
    """What a person is asked before an unknown certificate is pinned.

    Attributes:
        host: the server, as `HOST:PORT`.
        fingerprint: SHA-256 of the certificate (DER), in hex with colons, to be compared with what the server's
            administrator reads out.
        reason: why the system does not trust it, as OpenSSL says.
    """

    host: str
    fingerprint: str
    reason: str


Ask = Callable[[CertificateQuestion], Awaitable[bool]]


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of a DER certificate, as `AA:BB:…` of 32 bytes."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


class KnownServers:
    """The file of pinned certificates: one line for each server, `HOST:PORT SHA256:AA:BB:…`.

    Raises `ProfileUnreadable` where a line is none: a file that protects must not be guessed at.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def pinned(self, host_port: str) -> str | None:
        """The pinned fingerprint of a server."""
        return self._read().get(host_port)

    def pin(self, host_port: str, fingerprint: str) -> None:
        """Pin a certificate, in place of an older one."""
        self._write({**self._read(), host_port: fingerprint})

    def forget(self, host_port: str) -> None:
        """Remove a pin; the system's authorities decide again."""
        self._write({host: pin for host, pin in self._read().items() if host != host_port})

    def _read(self) -> dict[str, str]:
        pins: dict[str, str] = {}
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return pins
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            host, _, pin = line.partition(" ")
            if not pin.startswith("SHA256:"):
                raise ProfileUnreadable(f"{self._path}, line {number}, is not HOST:PORT SHA256:FINGERPRINT.")
            pins[host] = pin.removeprefix("SHA256:").strip()
        return pins

    def _write(self, pins: dict[str, str]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [f"{host} SHA256:{pin}\n" for host, pin in sorted(pins.items())]
        replace_file(self._path, "".join(lines).encode())


class NotThePinnedOne(ssl.SSLCertVerificationError):
    """The handshake showed another certificate than the one that is allowed."""

    verify_message = "the certificate is not the pinned one"
    """What OpenSSL's own errors carry, and one that Python raises lacks."""


class PinnedContext(ssl.SSLContext):
    """A context that takes one certificate and no other, judged before the first byte of anything else is sent.

    The check sits in the handshake of `SSLObject`, which asyncio and trio share, so that neither can forget it.
    Names, dates and authorities are not looked at: the pin says more than they do.

    Attributes:
        presented: the fingerprint that the last handshake showed.
    """

    allowed: str | None
    presented: str | None

    @classmethod
    def allowing(cls, fingerprint: str | None) -> "PinnedContext":
        """A context for one fingerprint; with None it takes no certificate, and only looks."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.allowed = fingerprint
        context.presented = None
        context.sslobject_class = _PinnedObject
        return context


class _PinnedObject(ssl.SSLObject):
    def do_handshake(self) -> None:
        super().do_handshake()
        context = self.context
        assert isinstance(context, PinnedContext)
        certificate = self.getpeercert(binary_form=True)
        context.presented = None if certificate is None else fingerprint_of(certificate)
        if context.presented is None or context.presented != context.allowed:
            raise NotThePinnedOne("the certificate is not the pinned one")


def system_context() -> ssl.SSLContext:
    """A context that trusts the system's authorities, with all checks."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
