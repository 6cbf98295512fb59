"""The certificate of a first start, and how long a certificate lasts. cryptography is imported by this module alone."""

import datetime
import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE_DAYS = 825
"""The longest life that Apple's platforms accept of a certificate that is not from a public authority."""

# A clock that is a little behind must not find the certificate not yet valid.
_BACKDATED = datetime.timedelta(hours=1)
_ALWAYS = ("localhost", "127.0.0.1", "::1")
_COMMON_NAME_MAX = 64


class CertificateError(Exception):
    """A certificate cannot be read or made; the sentence says why."""


class MadeCertificate(msgspec.Struct, frozen=True):
    """A certificate and its key in PEM, and the SHA-256 of its DER form as people compare it."""

    certificate: bytes
    key: bytes
    fingerprint: str

    def __repr__(self) -> str:
        """Name it without the key."""
        return f"MadeCertificate({self.fingerprint})"


def make(names: Iterable[str], now_ms: int) -> MadeCertificate:
    """Make a self-signed server certificate (ECDSA P-256).

    Args:
        names: Host names and addresses that it stands for, the main one first; loopback is always added.
        now_ms: UTC epoch ms.

    Raises:
        CertificateError: A name is none.
    """
    wanted = tuple(dict.fromkeys((*names, *_ALWAYS)))
    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime.fromtimestamp(now_ms // 1000, datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted[0][:_COMMON_NAME_MAX])])
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATED)
        .not_valid_after(start + datetime.timedelta(days=LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName(list(_general_names(wanted))), critical=False)
        # Not an authority: whoever trusts it trusts this one server.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    return MadeCertificate(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        _fingerprint(certificate),
    )


def days_left(path: Path, now_ms: int) -> int:
    """Count the whole days until the first certificate of a PEM file ends; negative once it has.

    Raises:
        CertificateError: The file cannot be read or holds no certificate.
    """
    certificate = _load(path)
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    return (certificate.not_valid_after_utc - now).days


def own_fingerprint(path: Path) -> str | None:
    """Give the SHA-256 fingerprint of a self-signed certificate; None for one that an authority answers for.

    Raises:
        CertificateError: The file cannot be read or holds no certificate.
    """
    certificate = _load(path)
    return _fingerprint(certificate) if certificate.issuer == certificate.subject else None


def _load(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError:
        raise CertificateError(f"{path} holds no PEM certificate.") from None


def _fingerprint(certificate: x509.Certificate) -> str:
    """Write a fingerprint as clients show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _general_names(names: Iterable[str]) -> Iterator[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            yield x509.DNSName(_ascii_name(name))


def _ascii_name(name: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        raise CertificateError(f"{name!r} is no host name.") from None
