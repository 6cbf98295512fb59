"""The gateway's front door: accept sockets, see them through their handshakes, hand them to the hub."""

import errno
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import trio

from msgd.net.address import client_address, throttle_key
from msgd.net.connection import Connection
from msgd.net.counters import GatewayCounters
from msgd.net.hub import Hub, Log
from msgd.net.peer import Peer
from msgd.net.settings import HANDSHAKES_PER_TURN, GatewaySettings
from msgd.net.tls import TlsBox, start_tls
from msgd.net.websocket import HandshakeRefused, Refusal, open_websocket
from msgd.net.wire import Wire

ACCEPT_BACKOFF_S: Final = 0.2
"""How long accepting rests after it failed for want of descriptors or memory: others need time to give some back."""

_CLIENT_GONE: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EPERM,
        errno.EPROTO,
        errno.ENOPROTOOPT,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENONET,
        errno.EOPNOTSUPP,
        errno.ETIMEDOUT,
    }
)
"""Errors that accept(2) passes on from the new socket; they say nothing about the listening one."""


class Gateway:
    """A running gateway, as the rest of the daemon sees it."""

    def __init__(
        self,
        hub: Hub,
        listeners: Sequence[socket.socket],
        tls: TlsBox | None,
        make_peer: Callable[[Connection], Peer],
        addresses: Counter[str],
    ) -> None:
        self._hub: Final = hub
        self._listeners: Final = listeners
        self._tls: Final = tls
        self._make_peer: Final = make_peer
        self._addresses: Final = addresses
        self._accepting: Final = trio.CancelScope()
        self._handshake_ended: Final = trio.lowlevel.ParkingLot()

    @property
    def connections(self) -> list[Connection]:
        """A snapshot of the open connections, oldest first."""
        return self._hub.connections

    @property
    def counters(self) -> GatewayCounters:
        """What has been counted since the start."""
        return self._hub.counters

    @property
    def settings(self) -> GatewaySettings:
        """The bounds in force. New ones hold at once, except `max_message_bytes`, which holds for new connections."""
        return self._hub.settings

    @settings.setter
    def settings(self, settings: GatewaySettings) -> None:
        self._hub.settings = settings

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections and handshakes that are under way go on.

        A socket that systemd passed stays open in systemd, and holds newcomers for a successor.
        """
        self._accepting.cancel()
        for listener in self._listeners:
            listener.close()

    async def accept_all(self) -> None:
        """Accept on every listening socket until `stop_accepting`; handshakes that are under way are seen through."""
        async with trio.open_nursery() as handshakes:
            with self._accepting:
                async with trio.open_nursery() as acceptors:
                    for listener in self._listeners:
                        acceptors.start_soon(self._accept, listener, handshakes)

    async def _accept(self, listener: socket.socket, handshakes: trio.Nursery) -> None:
        counters = self._hub.counters
        while True:
            await trio.lowlevel.wait_readable(listener)
            for _ in range(HANDSHAKES_PER_TURN):
                while counters.pending_handshakes >= self._hub.settings.max_handshakes:
                    await self._handshake_ended.park()
                try:
                    sock, address = listener.accept()
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in _CLIENT_GONE:
                        continue
                    counters.accept_errors += 1
                    name = errno.errorcode.get(error.errno or 0, "unknown")
                    self._hub.log("error", "gateway.accept_failed", error=name, pause_s=ACCEPT_BACKOFF_S)
                    await trio.sleep(ACCEPT_BACKOFF_S)
                    break
                self._admit(sock, client_address(address), handshakes)

    def _admit(self, sock: socket.socket, remote: str, handshakes: trio.Nursery) -> None:
        """Start the handshakes of one socket, or close it because its address has enough."""
        counters = self._hub.counters
        key = throttle_key(remote)
        bound = self._hub.settings.max_connections_per_address
        if bound and self._addresses[key] >= bound:
            counters.refused[Refusal.ADDRESS] += 1
            sock.close()
            return
        self._addresses[key] += 1
        counters.pending_handshakes += 1
        handshakes.start_soon(self._welcome, sock, remote)

    async def _welcome(self, sock: socket.socket, remote: str) -> None:
        """See one socket through its handshakes. Whatever goes wrong ends this socket, and nothing else."""
        hub = self._hub
        refusal: Refusal | None = Refusal.TIMEOUT
        try:
            with trio.move_on_after(hub.settings.handshake_timeout_s):
                refusal = await self._shake_hands(sock, remote)
        except Exception as error:
            refusal = Refusal.ERROR
            hub.log("error", "gateway.handshake_error", error=type(error).__name__)
        finally:
            hub.counters.pending_handshakes -= 1
            self._handshake_ended.unpark()
            if refusal is not None:
                hub.counters.refused[refusal] += 1
                release_address(self._addresses, remote)
                sock.close()

    async def _shake_hands(self, sock: socket.socket, remote: str) -> Refusal | None:
        """Return None once the hub has the socket, else why it does not. A socket with TLS on it is closed here."""
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            try:
                sock = await start_tls(sock, self._tls.context)
            except OSError:
                return Refusal.TLS
        wire = Wire(sock)
        try:
            opening = await open_websocket(sock, self._hub.settings, self._is_full)
            self._hub.adopt(
                wire, self._make_peer, remote=remote, path=opening.path, headers=opening.headers, first=opening.first
            )
        except HandshakeRefused as refused:
            try:
                wire.finish()
            except OSError:
                pass  # the client is gone
            wire.close()
            return refused.reason
        except BaseException:
            wire.close()
            raise
        return None

    def _is_full(self) -> bool:
        return self._hub.counters.open_connections >= self._hub.settings.max_connections


def release_address(addresses: Counter[str], remote: str) -> None:
    """Count one socket less for an address."""
    key = throttle_key(remote)
    addresses[key] -= 1
    if addresses[key] <= 0:
        del addresses[key]


async def serve(
    sockets: Sequence[socket.socket],
    tls: TlsBox | None,
    make_peer: Callable[[Connection], Peer],
    settings: GatewaySettings,
    counters: GatewayCounters,
    log: Log,
    *,
    task_status: trio.TaskStatus[Gateway] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; then close the listening sockets and abort every connection.

    Args:
        sockets: listening and non-blocking; they are closed at the end.
        tls: None serves without TLS.
        make_peer: called once for each new connection, which may be sent to at once.
        settings: the bounds to start with.
        counters: where to count.
        log: where to say what happened.
        task_status: is given the running `Gateway`.
    """
    addresses: Counter[str] = Counter()
    hub = Hub(settings, counters, log, lambda connection: release_address(addresses, connection.remote))
    gateway = Gateway(hub, sockets, tls, make_peer, addresses)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(hub.run)
            nursery.start_soon(gateway.accept_all)
            task_status.started(gateway)
    finally:
        gateway.stop_accepting()
