"""The one certificate of a device, by which others know it again: made once, kept in the profile, mode 0600."""

import datetime
import os
from pathlib import Path

from aiortc import RTCCertificate, RTCPeerConnection
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ..profile import replace_file

_LIFE = datetime.timedelta(days=365 * 50)
"""DTLS in WebRTC looks at the fingerprint only (RFC 8827 section 6.5); an end would break every pin for nothing."""


class IdentityUnreadable(Exception):
    """The file of the device's certificate is damaged."""


def load_or_make(path: Path) -> RTCCertificate:
    """The certificate in `path`, which is made where there is none; raises `IdentityUnreadable`, `OSError`."""
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        pem = _make()
        replace_file(path, pem)
    try:
        key = serialization.load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise IdentityUnreadable(f"{path} cannot be read; remove it to be a new device for everybody.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityUnreadable(f"{path} holds another kind of key than calls use.")
    return RTCCertificate(key=key, cert=certificate)


def fingerprint_of(certificate: RTCCertificate) -> bytes:
    """SHA-256 of the certificate, 32 bytes."""
    value = next(print_.value for print_ in certificate.getFingerprints() if print_.algorithm == "sha-256")
    return bytes.fromhex(value.replace(":", ""))


def use(connection: RTCPeerConnection, certificate: RTCCertificate) -> None:
    """Let a new connection use this certificate; aiortc has no public way, and makes one of its own each time."""
    connection._RTCPeerConnection__certificates = [certificate]  # type: ignore[attr-defined]  # private


def _make() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    # A random name, as browsers do it: the certificate is seen on the way and should say nothing.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, os.urandom(16).hex())])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
