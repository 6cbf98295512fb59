"""A profile: one account on one server, and the files that stand for it on this machine.

::

    $XDG_DATA_HOME/msgd/                    0700, ~/.local/share/msgd by default
        known_servers                       pinned certificates, for all profiles
        profiles/NAME/                      0700
            profile.json                    the server
            tokens.json                     0600, replaced as a whole at each refresh
            cache.sqlite                    0600
            lock                            held while a client has the profile open
"""

import fcntl
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import msgspec

import msgwire

from .errors import ProfileInUse, ProfileUnreadable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_PORTS = {"wss": 443, "ws": 80}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the server listens."""

    host: str
    port: int
    secure: bool = True
    path: str = msgwire.PATH

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST`, `HOST:PORT` or a `wss://` or `ws://` URL; raises `ValueError` with a sentence.

        Plain `ws://` has to be asked for by name; the port is 443 or 80 where none is given.
        """
        parts = urlsplit(text.strip() if "://" in text else f"wss://{text.strip()}")
        if parts.scheme not in _PORTS:
            raise ValueError("A server is HOST, HOST:PORT or a wss:// URL.")
        if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
            raise ValueError("A server is HOST, HOST:PORT or a wss:// URL, and nothing more.")
        path = parts.path if parts.path not in ("", "/") else msgwire.PATH
        return cls(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "wss", path)

    @property
    def host_port(self) -> str:
        """`HOST:PORT`, with brackets around an IPv6 address (RFC 3986 section 3.2.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The WebSocket URL."""
        return f"{'wss' if self.secure else 'ws'}://{self.host_port}{self.path}"


class _ProfileFile(msgspec.Struct):
    server: str


def data_folder() -> Path:
    """Where all profiles stand: `$XDG_DATA_HOME/msgd` (XDG Base Directory Specification 0.8)."""
    base = os.environ.get("XDG_DATA_HOME", "")
    # The specification: a path that is not absolute is to be ignored.
    folder = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return folder / "msgd"


@dataclass(frozen=True, slots=True)
class Profile:
    """One account on one server. `folder` is its own; `known_servers` may be shared."""

    name: str
    server: ServerAddress
    folder: Path
    known_servers: Path

    @classmethod
    def create(cls, name: str, server: str, root: Path | None = None) -> Self:
        """Make a profile, or give the existing one of that name another server.

        Raises `ValueError` for a bad name or server.
        """
        root = root or data_folder()
        if not _NAME.fullmatch(name):
            raise ValueError("A profile's name is 1 to 64 of A-Z a-z 0-9 . _ @ - and starts with a letter or digit.")
        address = ServerAddress.parse(server)
        folder = root / "profiles" / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / "profile.json", msgspec.json.encode(_ProfileFile(address.url)))
        return cls(name, address, folder, root / "known_servers")

    @classmethod
    def load(cls, name: str, root: Path | None = None) -> Self:
        """Read an existing profile; raises `ProfileUnreadable`."""
        root = root or data_folder()
        if not _NAME.fullmatch(name):
            raise ProfileUnreadable(f"{name!r} is no name of a profile.")
        folder = root / "profiles" / name
        try:
            stored = msgspec.json.decode((folder / "profile.json").read_bytes(), type=_ProfileFile)
            return cls(name, ServerAddress.parse(stored.server), folder, root / "known_servers")
        except FileNotFoundError:
            raise ProfileUnreadable(f"There is no profile {name!r} in {root}.") from None
        except (OSError, ValueError) as error:
            raise ProfileUnreadable(f"The profile in {folder} cannot be read.") from error

    @classmethod
    def names(cls, root: Path | None = None) -> list[str]:
        """The names of all profiles, sorted."""
        return sorted(path.parent.name for path in (root or data_folder()).glob("profiles/*/profile.json"))

    def lock(self) -> "ProfileLock":
        """Take the profile for this process; raises `ProfileInUse`."""
        return ProfileLock(self.folder / "lock")


class ProfileLock:
    """Keeps other processes out: a refresh token works once, so two clients would sign each other out."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise ProfileInUse("Another program has this profile open; close it, or use another profile.") from None

    def release(self) -> None:
        """Let others in."""
        os.close(self._file)


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file as a whole, mode 0600: after a crash it holds the old content or the new, never a part."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
