"""All connections on one epoll inside trio: one task reads them, one flushes them, one keeps time for them.

A task per connection would cost memory for each and a task switch for each message. Here trio watches one descriptor,
the epoll of this hub; when it is readable, every connection that has input is read, its messages are delivered, and
what that made other connections say is sent, all in one step of one task.
"""

import select
import traceback
from collections.abc import Callable
from typing import Final, Protocol

import trio

from msgd.net.connection import Connection
from msgd.net.counters import GatewayCounters
from msgd.net.peer import Peer
from msgd.net.settings import GatewaySettings
from msgd.net.timers import TimerWheel
from msgd.net.wire import Wire

READS_PER_TURN: Final = 256
"""Connections read before the rest of the daemon gets its turn; epoll gives the others first the next time."""


class Log(Protocol):
    """Where the gateway says what happened; never with content, headers or addresses of a peer's making."""

    def __call__(self, level: str, event: str, /, **fields: object) -> None:
        """Write one line: `level` is that of the logging module in lower case, `event` is stable, fields are plain."""


class Hub:
    """Owns the sockets of all connections, and decides when each is read, written and buried."""

    def __init__(
        self,
        settings: GatewaySettings,
        counters: GatewayCounters,
        log: Log,
        forgotten: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        self.settings = settings
        self.counters: Final = counters
        self.log: Final = log
        self.wheel: Final = TimerWheel()
        self._forgotten: Final = forgotten
        self.now = trio.current_time()
        """When the present turn began, on trio's clock."""
        self._epoll: Final = select.epoll()
        self._connections: Final[dict[int, Connection]] = {}
        self._numbers = 0
        self._dirty: list[Connection] = []
        self._resumed: list[Connection] = []
        self._ended: list[Connection] = []
        self._flusher: trio.lowlevel.Task | None = None  # set while it is parked
        self._in_turn = False

    @property
    def connections(self) -> list[Connection]:
        """A snapshot of the connections whose socket is not gone."""
        return list(self._connections.values())

    def adopt(
        self,
        wire: Wire,
        make_peer: Callable[[Connection], Peer],
        *,
        remote: str,
        path: str,
        headers: dict[str, str],
        first: bytes,
    ) -> Connection:
        """Take over a socket whose handshake is done. If `make_peer` raises, the connection is closed with 1011.

        Raises:
            OSError: the kernel watches no more descriptors; the socket stays the caller's.
        """
        self.now = trio.current_time()
        self._numbers += 1
        self._epoll.register(wire.fd, select.EPOLLIN)
        connection = Connection(self, self._numbers, wire, remote=remote, path=path, headers=headers)
        self._connections[wire.fd] = connection
        self.counters.accepted += 1
        self.counters.open_connections += 1
        try:
            connection.start(make_peer(connection), first)
        except Exception as error:
            self.fence(connection, error)
            connection.close(1011, "internal error")
        return connection

    # What connections ask for.

    def mark(self, connection: Connection) -> None:
        """Flush this connection at the end of the turn."""
        self._dirty.append(connection)
        self._wake()

    def resume(self, connection: Connection) -> None:
        """Deliver what this connection holds, before the next flush."""
        self._resumed.append(connection)
        self._wake()

    def end(self, connection: Connection) -> None:
        """Bury this connection at the end of the turn: never inside a call from the layer above."""
        self._ended.append(connection)
        self._wake()

    def watch(self, fd: int, events: int) -> None:
        """Change what wakes a connection."""
        self._epoll.modify(fd, events)

    def fence(self, connection: Connection, error: Exception) -> None:
        """Count and log an exception of the layer above: type and place, never its text: that may quote content."""
        self.counters.peer_errors += 1
        frames = traceback.extract_tb(error.__traceback__)
        place = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-4:]))
        self.log("error", "connection.peer_error", conn=connection.id, error=type(error).__name__, place=place)

    # The tasks.

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then abort every connection that is left."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._flush_turns)
                nursery.start_soon(self._read_turns)
                nursery.start_soon(self.wheel.run)
                task_status.started()
        finally:
            for connection in self.connections:
                connection.abort()
            self._flush()
            self._epoll.close()

    async def _read_turns(self) -> None:
        fd = self._epoll.fileno()
        while True:
            await trio.lowlevel.wait_readable(fd)
            self._turn()

    def _turn(self) -> None:
        """Read every connection that has input, then flush what that produced."""
        self.now = trio.current_time()
        self._in_turn = True
        connections = self._connections
        for fd, events in self._epoll.poll(0, READS_PER_TURN):
            connection = connections[fd]
            try:
                if events == select.EPOLLIN:
                    connection.readable()
                    continue
                if events & select.EPOLLOUT:
                    connection.writable()
                if events & select.EPOLLIN:
                    connection.readable()
                elif events & (select.EPOLLHUP | select.EPOLLERR):
                    connection.abort()  # it is not read at present, so nothing else would end this wake-up
            except Exception as error:
                self.fence(connection, error)
                connection.abort()
        self._in_turn = False
        self._flush()

    async def _flush_turns(self) -> None:
        """Flush what was sent outside of a reading turn, once per turn of the event loop."""

        def abort_parking(_: object) -> trio.lowlevel.Abort:
            self._flusher = None
            return trio.lowlevel.Abort.SUCCEEDED

        while True:
            if self._dirty or self._resumed or self._ended:
                await trio.lowlevel.checkpoint()
            else:
                self._flusher = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(abort_parking)
            self.now = trio.current_time()
            self._flush()

    def _wake(self) -> None:
        if self._flusher is not None and not self._in_turn:
            trio.lowlevel.reschedule(self._flusher)
            self._flusher = None

    def _flush(self) -> None:
        """Deliver to whoever was resumed, flush whoever sent, bury whoever ended.

        What these produce in their turn is left for the next step, except that a flush comes after the deliveries.
        """
        if self._resumed:
            resumed, self._resumed = self._resumed, []
            self._each(Connection.deliver_held, resumed)
        dirty, self._dirty = self._dirty, []
        self._each(Connection.flush, dirty)
        if self._ended:
            ended, self._ended = self._ended, []
            self._each(self._forget, ended)
        if self._dirty or self._resumed or self._ended:
            self._wake()

    def _each(self, step: Callable[[Connection], None], connections: list[Connection]) -> None:
        """Take one step for each connection; whatever goes wrong with one ends that one alone."""
        for connection in connections:
            try:
                step(connection)
            except Exception as error:
                self.fence(connection, error)
                connection.abort()

    def _forget(self, connection: Connection) -> None:
        self._epoll.unregister(connection.fd)
        del self._connections[connection.fd]
        self.counters.open_connections -= 1
        self._forgotten(connection)
        connection.bury()
