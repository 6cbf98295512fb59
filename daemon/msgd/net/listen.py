"""Listening sockets: taken over from systemd where it gives them, else bound here."""

import errno
import os
import socket
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Final, TypeAlias

FIRST_FD: Final = 3
"""The first descriptor that is passed; the others follow it (sd_listen_fds(3))."""
DEFAULT_NAME: Final = "wss"
BACKLOG: Final = 4096
"""Connections that the kernel holds until they are accepted; net.core.somaxconn may lower it."""

Inherited: TypeAlias = Mapping[str, Sequence[socket.socket]]


class ListenError(OSError):
    """An address cannot be listened on; the text says which, and what to do about it."""


def inherit_sockets(environ: MutableMapping[str, str], names: Sequence[str] = ("wss", "ops", "admin")) -> Inherited:
    """Take over the sockets that systemd passed, by name, and unset the variables so that no child does the same.

    A socket without a name, or with one that is not among `names`, counts as `wss`: systemd's default name is that of
    the unit. All of them are made non-blocking and close-on-exec. Source: sd_listen_fds(3).

    Raises:
        ListenError: the variables speak of a descriptor that is not a listening socket.
    """
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    given = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdecimal():
        return {}
    inherited: dict[str, list[socket.socket]] = {}
    for index in range(int(count)):
        fd = FIRST_FD + index
        try:
            listener = socket.socket(fileno=fd)
            listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise ListenError(error.errno, f"LISTEN_FDS names descriptor {fd}, which is not a socket") from error
        if not listening or listener.type != socket.SOCK_STREAM:
            listener.detach()
            raise ListenError(errno.EINVAL, f"LISTEN_FDS names descriptor {fd}, which is not a listening stream socket")
        listener.set_inheritable(False)
        listener.setblocking(False)
        name = given[index] if index < len(given) and given[index] in names else DEFAULT_NAME
        inherited.setdefault(name, []).append(listener)
    return inherited


def listening_sockets(
    host: str, port: int, inherited: Inherited | None = None, *, name: str = DEFAULT_NAME
) -> list[socket.socket]:
    """Return the sockets to serve on: those inherited under `name`, else one bound for each address of `host`.

    Args:
        host: a name or an address; empty for every interface, IPv6 and IPv4.
        port: 0 takes a free port, the same for every address.
        inherited: what `inherit_sockets` found.
        name: the name under which systemd passes them.

    Raises:
        ListenError: the name does not resolve, the port is taken or not permitted, or no address can be bound.
    """
    if inherited and inherited.get(name):
        return list(inherited[name])
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(error.errno, f"cannot listen on {host}: {error.strerror}") from error
    bound: list[socket.socket] = []
    failed: OSError | None = None
    for family, address in dict.fromkeys((entry[0], entry[4]) for entry in found):
        try:
            bound.append(_bind(family, str(address[0]), port))
        except OSError as error:
            failed = error
            if error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                continue  # names resolve to IPv6 addresses also where the kernel has none
            break
        port = port or bound[0].getsockname()[1]
    if failed is not None and not (bound and failed.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}):
        for listener in bound:
            listener.close()
        raise ListenError(failed.errno, _explain(failed, host, port)) from failed
    return bound


def _bind(family: int, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart must not wait for the TIME_WAIT of its predecessor's connections.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
        listener.bind((host, port))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int) -> str:
    where = f"{host or 'every address'} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: another process already does"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"cannot listen on {where}: not permitted; a port below 1024 needs CAP_NET_BIND_SERVICE or a socket unit"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {where}: this machine has no such address"
    return f"cannot listen on {where}: {error.strerror}"
