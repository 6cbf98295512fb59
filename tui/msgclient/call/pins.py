"""The call keys that people have verified, kept beside the profile: whoever shows another one is announced loudly."""

import enum
from pathlib import Path

import msgspec

from ..profile import replace_file

_MAX_PEERS = 10_000
_MAX_DEVICES = 16
"""Verified devices of one peer; past it the oldest goes, and has to be verified again."""


class Trust(enum.StrEnum):
    """What the pins say of a key.

    `NEW`: nobody of that account was ever verified here. `PINNED`: this very device was. `CHANGED`: another device of
    that account was, this one was not.
    """

    NEW = "new"
    PINNED = "pinned"
    CHANGED = "changed"


class _File(msgspec.Struct):
    version: int
    peers: dict[str, list[str]]


class PinsUnreadable(Exception):
    """The file of verified keys is damaged; without it a changed key would pass for a new one."""


class Pins:
    """The verified keys of one profile.

    Args:
        path: the file; it is made with the first pin.

    Raises `PinsUnreadable`, `OSError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._peers: dict[str, list[str]] = {}
        if path.exists():
            try:
                stored = msgspec.json.decode(path.read_bytes(), type=_File)
            except msgspec.DecodeError:
                raise PinsUnreadable(f"{path} cannot be read; restore it, or remove it to verify anew.") from None
            self._peers = stored.peers

    def judge(self, peer: str, fingerprint: bytes) -> Trust:
        """What is known of a key that `peer` (a uid) shows."""
        pinned = self._peers.get(peer)
        if not pinned:
            return Trust.NEW
        return Trust.PINNED if fingerprint.hex() in pinned else Trust.CHANGED

    def pin(self, peer: str, fingerprint: bytes) -> None:
        """The person has compared the code, and it was the same on both sides."""
        pinned = [known for known in self._peers.pop(peer, []) if known != fingerprint.hex()]
        self._peers[peer] = [*pinned, fingerprint.hex()][-_MAX_DEVICES:]
        while len(self._peers) > _MAX_PEERS:
            del self._peers[next(iter(self._peers))]
        self._save()

    def forget(self, peer: str) -> None:
        """Take back every verification of an account."""
        if self._peers.pop(peer, None) is not None:
            self._save()

    def _save(self) -> None:
        replace_file(self._path, msgspec.json.encode(_File(1, self._peers)))
