"""Opaque tokens: random texts with a prefix that names their kind, of which the store keeps only a digest."""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable

import msgspec

from msgd.config import Secret


class OpaqueKind(msgspec.Struct, frozen=True):
    """A kind of opaque token.

    Attributes:
        prefix: What its texts begin with, so that people and secret scanners know a leaked one.
        random_bytes: Entropy; 16 bytes cannot be guessed, 32 leave no question.
    """

    prefix: str
    random_bytes: int


REFRESH = OpaqueKind("msgd_rt_", 32)
INVITE = OpaqueKind("msgd_inv_", 16)


class OpaqueToken(msgspec.Struct, frozen=True):
    """A new token: the text for its owner, the digest for the store."""

    text: Secret
    digest: bytes


def mint(kind: OpaqueKind, random_bytes: Callable[[int], bytes] = os.urandom) -> OpaqueToken:
    """Make a token of a kind."""
    text = kind.prefix + base64.urlsafe_b64encode(random_bytes(kind.random_bytes)).decode().rstrip("=")
    return OpaqueToken(Secret(text), _digest(text))


def digest_of(kind: OpaqueKind, text: str) -> bytes | None:
    """Give the digest (SHA-256, 32 bytes) to look a presented token up by; None when it is no token of this kind.

    A plain hash is right here: the token is random, so there is no dictionary to try. The lookup by digest leaks no
    useful timing, as nobody can choose the digest of a text.
    """
    body = text.removeprefix(kind.prefix)
    if body == text or not text.isascii():
        return None
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return _digest(text) if len(raw) == kind.random_bytes else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
