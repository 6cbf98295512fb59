"""Who asks: the user and the process behind an admin connection, or behind this very process."""

import os
import pwd
import socket
import struct
from typing import Protocol

from msgd.admin.context import Caller

# struct ucred of SO_PEERCRED: pid, uid, gid (unix(7)).
_CREDENTIALS = struct.Struct("3i")


class _Socket(Protocol):
    """A socket of the standard library or of trio."""

    def getsockopt(self, level: int, optname: int, buflen: int) -> bytes:
        """Read an option."""
        ...


def caller_behind(peer: _Socket) -> Caller:
    """Ask the kernel who connected. Looking a name up may ask a directory server: call it in a thread."""
    pid, uid, _gid = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Caller(actor=_name(uid), origin=f"admin socket, pid {pid}")


def caller_of_this_process() -> Caller:
    """Name who works on the store of a stopped daemon."""
    return Caller(actor=_name(os.getuid()), origin=f"stopped daemon, pid {os.getpid()}")


def _name(uid: int) -> str:
    """Name a user of the system: login name and number, as a name can be given to somebody else later."""
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
