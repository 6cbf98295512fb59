"""The listener for metrics and health: GET and HEAD of three paths over HTTP/1.1, apart from the clients' port."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import h11
import msgspec
import trio
from prometheus_client.exposition import choose_encoder

from msgd.config import Address
from msgd.logs import log
from msgd.metrics import Metrics

MAX_CONNECTIONS = 32
# One request from its first byte to its last; a scraper sends it in one packet.
_REQUEST_S = 5.0
# How long a check may take before it counts as failed; well below the 10 s that a scraper waits.
_CHECK_S = 4.0
_RESPONSE_S = 5.0
_MAX_HEADER_BYTES = 16_384
_READ_BYTES = 4096
_LINGER_READS = 16
_BACKLOG = 64
_MIB = 1_048_576

Turn = Callable[[], Awaitable[object]]
"""Something that returns once the daemon has shown that it lives, and raises when it does not."""

Check = Callable[[], Awaitable[str | None]]
"""A readiness check: None when all is well, else a sentence for the administrator."""


class Answer(msgspec.Struct, frozen=True):
    """A response, before HTTP."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Ops:
    """Answers the three paths."""

    def __init__(self, metrics: Metrics, alive: Turn, checks: Mapping[str, Check]) -> None:
        """Keep what to ask.

        Args:
            metrics: Served at /metrics, and told what the checks found.
            alive: For /healthz: a real turn through the writer thread.
            checks: For /readyz, by name.
        """
        metrics.ready.know(checks)
        self._metrics = metrics
        self._alive = alive
        self._checks = checks
        self._found: dict[str, str | None] = {}
        self._open = 0

    async def serve(
        self, address: Address, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; reports the address with the port that it got.

        Raises:
            OSError: The address cannot be bound.
        """
        listeners = await trio.open_tcp_listeners(address.port, host=address.host, backlog=_BACKLOG)
        bound = Address(address.host, listeners[0].socket.getsockname()[1])
        log("info", "ops.listening", listen=str(bound))
        async with trio.open_nursery() as handlers:
            await handlers.start(trio.serve_listeners, self.handle, listeners)
            task_status.started(bound)

    async def handle(self, stream: trio.abc.HalfCloseableStream) -> None:
        """Answer one request and close; whatever goes wrong ends this connection only."""
        self._open += 1
        try:
            request, answer = None, _sentence(503, "Too many connections.")
            parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEADER_BYTES)
            if self._open <= MAX_CONNECTIONS:
                request, answer = await self._converse(stream, parser)
            with trio.move_on_after(_RESPONSE_S):
                await _respond(stream, parser, request, answer)
                await _linger(stream)
        except trio.BrokenResourceError:
            pass
        except Exception as error:
            log("error", "ops.request_failed", error=error)
        finally:
            self._open -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, stream: trio.abc.Stream, parser: h11.Connection) -> tuple[h11.Request | None, Answer]:
        request = None
        try:
            with trio.move_on_after(_REQUEST_S):
                request = await _request(stream, parser)
        except h11.RemoteProtocolError as error:
            return None, _sentence(error.error_status_hint, "This is no HTTP request that is served here.")
        if request is None:
            return None, _sentence(408, "The request did not come in time.")
        return request, await self.answer(request)

    async def answer(self, request: h11.Request) -> Answer:
        """Find the answer to a request."""
        path = request.target.partition(b"?")[0]
        if path not in {b"/metrics", b"/healthz", b"/readyz"}:
            return _sentence(404, "Served here: /metrics, /healthz, /readyz.")
        if request.method not in {b"GET", b"HEAD"}:
            return Answer(405, b"Only GET and HEAD.\n", headers=(("Allow", "GET, HEAD"),))
        if path == b"/metrics":
            accepted = b",".join(value for name, value in request.headers if name == b"accept").decode("latin-1")
            encode, content_type = choose_encoder(accepted)
            return Answer(200, encode(self._metrics.registry), content_type)
        return await (self._health() if path == b"/healthz" else self._readiness())

    async def _health(self) -> Answer:
        with trio.move_on_after(_CHECK_S) as scope:
            try:
                await self._alive()
            except Exception as error:
                log("error", "ops.request_failed", error=error)
                return _sentence(503, "The writer failed.")
        return _sentence(503, "The writer does not answer.") if scope.cancelled_caught else _sentence(200, "ok")

    async def _readiness(self) -> Answer:
        reasons: dict[str, str | None] = {}
        async with trio.open_nursery() as nursery:
            for name, check in self._checks.items():
                nursery.start_soon(self._run, name, check, reasons)
        ready = not any(reasons.values())
        checks = {
            name: {"ok": True} if reasons[name] is None else {"ok": False, "reason": reasons[name]}
            for name in self._checks
        }
        body = msgspec.json.encode({"ready": ready, "checks": checks}) + b"\n"
        return Answer(200 if ready else 503, body, "application/json")

    async def _run(self, name: str, check: Check, reasons: dict[str, str | None]) -> None:
        reason: str | None = "did not answer in time"
        with trio.move_on_after(_CHECK_S):
            try:
                reason = await check()
            except Exception as error:
                log("error", "ops.request_failed", name=name, error=error)
                reason = f"failed with {type(error).__name__}"
        reasons[name] = reason
        self._metrics.checked(name, passed=reason is None)
        if self._found.get(name) != reason:
            self._found[name] = reason
            log("info" if reason is None else "warning", "ops.readiness", name=name, passed=reason is None)


def disk_has_room(path: Path, min_free_mib: int) -> Check:
    """Make the check of the disk that holds `path`: red below `min_free_mib` MiB that the daemon may use."""

    async def check() -> str | None:
        # On a network file system this can hang, so it runs in a thread that may be left behind.
        status = await trio.to_thread.run_sync(os.statvfs, path.parent, abandon_on_cancel=True)
        free_mib = status.f_bavail * status.f_frsize // _MIB
        return None if free_mib >= min_free_mib else f"{free_mib} MiB free, store.min_free_mib is {min_free_mib}"

    return check


async def _request(stream: trio.abc.Stream, parser: h11.Connection) -> h11.Request:
    """Read the head of a request.

    Raises:
        trio.BrokenResourceError: The client left before it was whole.
        h11.RemoteProtocolError: What came is no request, or its head is too long.
    """
    while True:
        event = parser.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise trio.BrokenResourceError
        parser.receive_data(bytes(await stream.receive_some(_READ_BYTES)))


async def _respond(
    stream: trio.abc.Stream, parser: h11.Connection, request: h11.Request | None, answer: Answer
) -> None:
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
        *answer.headers,
    ]
    out = parser.send(h11.Response(status_code=answer.status, headers=headers)) or b""
    if request is None or request.method != b"HEAD":
        out += parser.send(h11.Data(data=answer.body)) or b""
    await stream.send_all(out)


async def _linger(stream: trio.abc.HalfCloseableStream) -> None:
    """Let the client close first: closing on bytes that nobody read would reset the answer away (RFC 9112, 9.6)."""
    await stream.send_eof()
    for _ in range(_LINGER_READS):
        if not await stream.receive_some(_READ_BYTES):
            break


def _sentence(status: int, text: str) -> Answer:
    return Answer(status, text.encode() + b"\n")
