"""The signing keys of the access tokens: the newest signs, the others still verify, so rotation logs nobody out."""

import base64
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import msgspec

from msgd.config import Secret

_SECRET_BYTES = 32
_KID_BYTES = 6
# A key file holds a few keys; more than this is the wrong file.
_MOST_BYTES = 65_536


class KeyRingError(Exception):
    """The key file cannot be used; the sentence says why and never shows a key."""


class SigningKey(msgspec.Struct, frozen=True):
    """One key for HMAC-SHA256.

    Attributes:
        kid: Its name in the header of a token.
        secret: 32 random bytes in base64url.
        created_at: UTC epoch ms.
        retired_at: UTC epoch ms from which its tokens count as expired; None while it stays.
    """

    kid: str
    secret: Secret
    created_at: int
    retired_at: int | None = None

    def is_retired(self, now_ms: int) -> bool:
        """Tell whether its tokens count as expired by now."""
        return self.retired_at is not None and now_ms >= self.retired_at

    @property
    def raw(self) -> bytes:
        """The bytes to sign with."""
        return base64.urlsafe_b64decode(self.secret.reveal() + "=")


class _StoredKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key as `keys.json` holds it."""

    kid: str
    secret: str
    created_at: int
    retired_at: int | None = None

    def __repr__(self) -> str:
        """Hide the key, also from the error of a decoder."""
        return f"_StoredKey({self.kid!r})"


class KeyRing:
    """A set of keys, never empty, that does not change: rotation gives a new one."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        """Order the keys by age.

        Raises:
            KeyRingError: There is none, or two have one name.
        """
        self.keys = tuple(sorted(keys, key=lambda key: key.created_at))
        self._by_kid = {key.kid: key for key in self.keys}
        if not self.keys:
            raise KeyRingError("there is no key")
        if len(self._by_kid) < len(self.keys):
            raise KeyRingError("two keys have the same kid")

    @classmethod
    def generate(cls, now_ms: int, random_bytes: Callable[[int], bytes] = os.urandom) -> Self:
        """Make a ring of one new key."""
        return cls([_new_key(now_ms, random_bytes)])

    @property
    def signing(self) -> SigningKey:
        """The newest key that is not being retired, else the newest of all."""
        return next((key for key in reversed(self.keys) if key.retired_at is None), self.keys[-1])

    def find(self, kid: str) -> SigningKey | None:
        """Find the key of a token, retired or not."""
        return self._by_kid.get(kid)

    def rotated(self, now_ms: int, overlap_ms: int, random_bytes: Callable[[int], bytes] = os.urandom) -> Self:
        """Add a key that signs from now on; the others verify for `overlap_ms` more, and long retired ones go.

        Args:
            now_ms: UTC epoch ms.
            overlap_ms: At least the life of an access token, or people have to refresh early.
            random_bytes: Source of the key and its name.
        """
        new = _new_key(max(now_ms, self.keys[-1].created_at + 1), random_bytes)
        kept = (key for key in self.keys if not key.is_retired(now_ms))
        return type(self)(
            [
                *(
                    key if key.retired_at else msgspec.structs.replace(key, retired_at=now_ms + overlap_ms)
                    for key in kept
                ),
                new,
            ]
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `keys.json`: a JSON list of `kid`, `secret`, `created_at` and perhaps `retired_at`.

        Raises:
            KeyRingError: It cannot be read, is open to other users, or holds no usable keys.
        """
        try:
            with path.open("rb") as file:
                _require_private(path, os.fstat(file.fileno()))
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise KeyRingError(f"{path} cannot be read: {error.strerror}") from error
        if len(content) > _MOST_BYTES:
            raise KeyRingError(f"{path} is too long for a key file")
        try:
            stored = msgspec.json.decode(content, type=list[_StoredKey])
            return cls([_checked(key) for key in stored])
        except (msgspec.DecodeError, KeyRingError, ValueError) as error:
            # The decoder's sentence names types and places, never values.
            raise KeyRingError(f"{path} is no key file: {error}") from None

    def save(self, path: Path) -> None:
        """Write the file so that a crash leaves the old one or the new one, readable by its owner only.

        Raises:
            KeyRingError: It cannot be written.
        """
        stored = [_StoredKey(key.kid, key.secret.reveal(), key.created_at, key.retired_at) for key in self.keys]
        content = msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"
        beside = path.with_name(path.name + ".new")
        try:
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_directory(path.parent)
        except OSError as error:
            raise KeyRingError(f"{path} cannot be written: {error.strerror}") from error


def _new_key(now_ms: int, random_bytes: Callable[[int], bytes]) -> SigningKey:
    kid, secret = (
        base64.urlsafe_b64encode(random_bytes(size)).decode().rstrip("=") for size in (_KID_BYTES, _SECRET_BYTES)
    )
    return SigningKey(kid, Secret(secret), now_ms)


def _checked(stored: _StoredKey) -> SigningKey:
    key = SigningKey(stored.kid, Secret(stored.secret), stored.created_at, stored.retired_at)
    try:
        whole = len(key.raw) == _SECRET_BYTES
    except ValueError:
        whole = False
    if not whole or not key.kid:
        raise KeyRingError(f"the secret of key {key.kid!r} is not {_SECRET_BYTES} bytes in base64url")
    return key


def _require_private(path: Path, status: os.stat_result) -> None:
    """Refuse a file that others may read; systemd's credentials belong to root and let our group or an ACL in."""
    others = stat.S_IRWXG | stat.S_IRWXO
    if status.st_uid == 0 and os.geteuid() != 0:
        others = stat.S_IWGRP | stat.S_IRWXO
    if stat.S_IMODE(status.st_mode) & others:
        raise KeyRingError(f"{path} may be read by other users: chmod 600 it")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
