"""Which of the servers that the daemon names to use: all are tried at once, the best that answers is taken.

aiortc and aioice use the first STUN and the first TURN URL of a list and ignore the rest, so that a blocked UDP port
would leave a call without a relay although one listens on TCP and TLS beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aioice
from aioice import stun, turn
from aiortc.rtcicetransport import parse_stun_turn_uri

PROBE_TIMEOUT_S = 3.0
GRACE_S = 0.3
"""How much longer a better server may take than the first that answers."""
CACHE_S = 120.0
CACHE_NOTHING_S = 3.0
"""That nothing answers is believed for a shorter time."""
MAX_URLS = 16
"""Of one list; a longer one is cut."""

_RANKS = {"udp": 0, "tcp": 1, "tls": 2}


class IceServer(Protocol):
    """One entry of the daemon's list, as in W3C RTCIceServer."""

    @property
    def urls(self) -> Sequence[str]:
        """`stun:`, `turn:` and `turns:` URLs (RFC 7064, RFC 7065)."""

    @property
    def username(self) -> str | None:
        """For TURN."""

    @property
    def credential(self) -> str | None:
        """For TURN."""


@dataclass(frozen=True, slots=True)
class Server:
    """One URL, taken apart. `kind`: `stun`, `udp`, `tcp` or `tls`, the last three being TURN."""

    kind: str
    host: str
    port: int
    url: str
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to use; None where nothing answered."""

    stun: Server | None = None
    turn: Server | None = None


Probe = Callable[[Server], Awaitable[None]]
"""Returns when a server has answered as it should; raises `OSError` or `TransactionError` otherwise."""


def servers_in(entries: Sequence[IceServer]) -> list[Server]:
    """Every URL that can be used. One that makes no sense is left out: it is the daemon's configuration, not ours."""
    found = []
    for entry in entries:
        for url in entry.urls:
            try:
                parsed = parse_stun_turn_uri(url)
            except ValueError:
                continue
            kind = {"stun": "stun", "turn": parsed.get("transport"), "turns": "tls"}.get(parsed["scheme"])
            if kind is None or (kind != "stun" and not (entry.username and entry.credential)):
                continue
            if parsed["scheme"] == "turns" and parsed.get("transport") != "tcp":
                continue
            found.append(Server(kind, parsed["host"], parsed["port"], url, entry.username, entry.credential))
    return found[:MAX_URLS]


class Chooser:
    """Chooses, and remembers for a while what answered.

    Args:
        clock: monotonic seconds.
        probe: asks one server.
    """

    def __init__(self, clock: Callable[[], float], probe: Probe | None = None) -> None:
        self._clock = clock
        self._probe = probe or ask
        self._cache: tuple[object, float, Choice] | None = None
        self._lock = asyncio.Lock()

    async def choose(self, entries: Sequence[IceServer], addresses: frozenset[str] = frozenset()) -> Choice:
        """The best servers; quick where the same were asked lately from the same local addresses."""
        servers = servers_in(entries)
        key = (tuple(server.url for server in servers), addresses)
        # Who asks while others ask gets their answer.
        async with self._lock:
            if self._cache is None or self._cache[0] != key or self._clock() >= self._cache[1]:
                choice = await self._ask_all(servers)
                has_answer = choice.turn is not None or choice.stun is not None
                self._cache = (key, self._clock() + (CACHE_S if has_answer else CACHE_NOTHING_S), choice)
            # Credentials live shorter than the knowledge of which way is open.
            return _renewed(self._cache[2], servers)

    def forget(self) -> None:
        """The network has changed."""
        self._cache = None

    async def _ask_all(self, servers: Sequence[Server]) -> Choice:
        stuns = [server for server in servers if server.kind == "stun"]
        turns = sorted((server for server in servers if server.kind != "stun"), key=lambda server: _RANKS[server.kind])
        found = await asyncio.gather(self._first(stuns), self._first(turns))
        return Choice(*found)

    async def _first(self, servers: Sequence[Server]) -> Server | None:
        """The first of the list that answers, as long as it is not much slower than the fastest."""
        tasks = [asyncio.create_task(self._answers(server)) for server in servers]
        deadline = self._clock() + PROBE_TIMEOUT_S
        try:
            while tasks:
                for server, task in zip(servers, tasks, strict=True):
                    if not task.done():
                        break
                    if task.result():
                        return server
                pending = [task for task in tasks if not task.done()]
                if not pending:
                    return None
                if any(task.done() and task.result() for task in tasks):
                    deadline = min(deadline, self._clock() + GRACE_S)
                left_s = deadline - self._clock()
                if (
                    left_s <= 0
                    or not (await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED))[0]
                ):
                    answered = (s for s, task in zip(servers, tasks, strict=True) if task.done() and task.result())
                    return next(answered, None)
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
        return None

    async def _answers(self, server: Server) -> bool:
        try:
            await self._probe(server)
        except (OSError, stun.TransactionError):
            return False
        return True


def _renewed(choice: Choice, servers: Sequence[Server]) -> Choice:
    by_url = {server.url: server for server in servers}
    return Choice(
        None if choice.stun is None else by_url[choice.stun.url],
        None if choice.turn is None else by_url[choice.turn.url],
    )


async def ask(server: Server) -> None:
    """Ask a server for what a call would ask it for: its view of our address, or a relay, which is given back."""
    if server.kind == "stun":
        await _bind(server)
    else:
        await _allocate(server)


class _Asking(asyncio.DatagramProtocol):
    """A socket that asks a STUN server once."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport | None = None
        self.transaction: stun.Transaction | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # it is one
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if self.transaction is not None:
            self.transaction.response_received(message, addr)

    def send_stun(self, message: aioice.stun.Message, addr: tuple[str, int]) -> None:
        """What `Transaction` calls to send, and to send again."""
        assert self.transport is not None, "a socket that is open has a transport"
        self.transport.sendto(bytes(message))


async def _bind(server: Server) -> None:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Asking, remote_addr=(server.host, server.port))
    try:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        protocol.transaction = stun.Transaction(request, (server.host, server.port), protocol)
        await protocol.transaction.run()
    finally:
        transport.close()


class _Lease(asyncio.DatagramProtocol):
    """The owner of a relay that is given back at once."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over.set()


async def _allocate(server: Server) -> None:
    transport, lease = await turn.create_turn_endpoint(
        _Lease,
        server_addr=(server.host, server.port),
        username=server.username,
        password=server.credential,
        ssl=server.kind == "tls",
        transport="udp" if server.kind == "udp" else "tcp",
    )
    transport.close()
    try:
        async with asyncio.timeout(1.0):
            await lease.is_over.wait()
    except TimeoutError:
        pass  # the server takes it back by itself when its life is over
