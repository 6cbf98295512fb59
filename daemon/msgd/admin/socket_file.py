"""The unix socket as a file: made with its final rights from the first moment, and never taken from a living daemon."""

import contextlib
import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from msgd.config import Admin

# sockaddr_un holds 108 bytes with the final zero (unix(7)).
_PATH_MAX_BYTES = 107
_BACKLOG = 16
_SUFFIX = ".new"


class AdminSocketError(OSError):
    """The admin socket cannot be made; the sentence says why and what to do."""


@contextlib.contextmanager
def listening(settings: Admin) -> Iterator[socket.socket]:
    """Listen on the configured path, and remove the file at the end where it is still this one.

    The socket is bound beside its place, gets its rights, and is then moved over a file that a dead daemon left:
    nobody meets it with other rights or finds nothing there.

    Raises:
        AdminSocketError: The path is unusable, or another process listens on it.
    """
    path = settings.socket
    _require_free(path)
    beside = path.with_name(path.name + _SUFFIX)
    if len(os.fsencode(beside)) > _PATH_MAX_BYTES:
        longest = _PATH_MAX_BYTES - len(_SUFFIX)
        raise AdminSocketError(f"{path} is too long for a unix socket, which takes {longest} bytes: set admin.socket.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made = _place(listener, path, beside, settings)
        try:
            yield listener
        finally:
            _remove(path, made)
    finally:
        listener.close()


def _place(listener: socket.socket, path: Path, beside: Path, settings: Admin) -> os.stat_result:
    try:
        beside.unlink(missing_ok=True)
        listener.bind(os.fspath(beside))
        beside.chmod(settings.mode_bits)
        if settings.group:
            os.chown(beside, -1, grp.getgrnam(settings.group).gr_gid)
            # chown may take bits away.
            beside.chmod(settings.mode_bits)
        made = beside.stat()
        listener.listen(_BACKLOG)
        beside.rename(path)
    except KeyError:
        beside.unlink(missing_ok=True)
        raise AdminSocketError(f"There is no group {settings.group!r}: set admin.group.") from None
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise AdminSocketError(f"The admin socket {path} cannot be made: {error.strerror}.") from error
    return made


def _require_free(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise AdminSocketError(f"The admin socket {path} cannot be looked at: {error.strerror}.") from error
    if not stat.S_ISSOCK(mode):
        raise AdminSocketError(f"{path} is there and is no socket: move it away, or set admin.socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except OSError as error:
            if error.errno == errno.ECONNREFUSED:
                return
            # EAGAIN is a full backlog: somebody is there.
            if error.errno != errno.EAGAIN:
                raise AdminSocketError(f"The admin socket {path} cannot be looked at: {error.strerror}.") from error
    raise AdminSocketError(f"Another process listens on {path}: stop it, or set admin.socket.")


def _remove(path: Path, made: os.stat_result) -> None:
    with contextlib.suppress(OSError):
        there = path.lstat()
        if (there.st_dev, there.st_ino) == (made.st_dev, made.st_ino):
            path.unlink()
