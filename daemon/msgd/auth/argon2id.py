"""Password hashes by argon2id (RFC 9106), computed in the calling thread."""

import base64
import os
import unicodedata
from collections.abc import Callable

import argon2
import msgspec

from msgd.config import Auth

_SALT_BYTES = 16
_DIGEST_BYTES = 32


class Verdict(msgspec.Struct, frozen=True):
    """What a verification found.

    Attributes:
        matches: The password is the right one.
        needs_rehash: It is, and its hash has other parameters than those in force: hash again while it is at hand.
    """

    matches: bool
    needs_rehash: bool = False


class Argon2id:
    """Hash and verify with the parameters of the configuration; each call takes 10 ms to 200 ms of CPU."""

    def __init__(self, settings: Auth, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        """Prepare the parameters.

        Args:
            settings: Time, memory and parallelism.
            random_bytes: Source of salts and of the hash that unknown logins are checked against.
        """
        self._random_bytes = random_bytes
        self._hasher = argon2.PasswordHasher(
            time_cost=settings.argon2_time,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
            hash_len=_DIGEST_BYTES,
            salt_len=_SALT_BYTES,
        )
        # A hash that nothing matches needs no computing: a random digest verifies as slowly as a real one.
        parameters = f"m={settings.argon2_memory_kib},t={settings.argon2_time},p={settings.argon2_parallelism}"
        salt, digest = (_unpadded(random_bytes(size)) for size in (_SALT_BYTES, _DIGEST_BYTES))
        self._unmatchable = f"$argon2id$v=19${parameters}${salt}${digest}"

    def hash(self, password: str) -> str:
        """Give the encoded hash to store, parameters and salt included."""
        return self._hasher.hash(_prepared(password), salt=self._random_bytes(_SALT_BYTES))

    def verify(self, stored: str | None, password: str) -> Verdict:
        """Check a password; None, and a stored text that is no hash, cost as much as a wrong password.

        Args:
            stored: What `hash` gave once; None for an account that does not exist.
            password: What was presented.
        """
        if stored is not None:
            try:
                self._hasher.verify(stored, _prepared(password))
                return Verdict(matches=True, needs_rehash=self._hasher.check_needs_rehash(stored))
            except argon2.exceptions.VerifyMismatchError:
                return Verdict(matches=False)
            except (argon2.exceptions.VerificationError, ValueError):
                pass
        self._fail(password)
        return Verdict(matches=False)

    def _fail(self, password: str) -> None:
        try:
            self._hasher.verify(self._unmatchable, _prepared(password))
        except argon2.exceptions.VerifyMismatchError:
            return
        raise AssertionError("a random digest of 32 bytes has matched")


def _prepared(password: str) -> bytes:
    """Normalize to NFC, so that every keyboard gives the same bytes (RFC 8265, section 4.2.2)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _unpadded(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")
