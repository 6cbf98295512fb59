"""The metrics and health listener: what it serves, what it refuses, and that nothing can hang or break it."""

import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from msgd.config import Address
from msgd.metrics import Metrics
from msgd.ops import MAX_CONNECTIONS, Check, Ops, disk_has_room


async def fine() -> None:
    return None


def make_ops(alive: Callable[[], Awaitable[None]] = fine, checks: dict[str, Check] | None = None) -> Ops:
    return Ops(Metrics(), alive, {"store": fine} if checks is None else checks)


async def converse(ops: Ops, *pieces: bytes) -> bytes:
    """Send the pieces as they are and give everything that comes back."""
    client, server = trio.testing.memory_stream_pair()
    received = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ops.handle, server)
        for piece in pieces:
            await client.send_all(piece)
            await trio.testing.wait_all_tasks_blocked()
        async for chunk in client:
            received += chunk
        await client.aclose()
    return received


async def ask(ops: Ops, path: str, method: str = "GET", headers: str = "") -> tuple[int, dict[str, str], bytes]:
    raw = await converse(ops, f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


@pytest.mark.trio
async def test_metrics_in_both_formats() -> None:
    ops = make_ops()
    status, headers, body = await ask(ops, "/metrics")
    assert (status, headers["content-length"]) == (200, str(len(body)))
    assert headers["content-type"].startswith("text/plain; version=")
    assert b"\nmsgd_connections_open 0.0\n" in body
    status, headers, body = await ask(
        ops, "/metrics", headers="Accept: application/openmetrics-text; version=1.0.0\r\n"
    )
    assert headers["content-type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.trio
async def test_head_has_the_headers_and_no_body() -> None:
    ops = make_ops()
    status, headers, body = await ask(ops, "/healthz", "HEAD")
    assert (status, headers["content-length"], headers["connection"], body) == (200, "3", "close", b"")


@pytest.mark.trio
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/healthz?x=1", 200),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/v1/ws", 404),
        ("GET", "//metrics", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/readyz", 405),
        ("OPTIONS", "*", 404),
    ],
)
async def test_nothing_else_is_served(method: str, path: str, expected: int) -> None:
    ops = make_ops()
    status, headers, _ = await ask(ops, path, method)
    assert status == expected
    assert headers["cache-control"] == "no-store"
    assert headers.get("allow") == ("get, head" if expected == 405 else None)


@pytest.mark.trio
async def test_health_follows_the_turn_through_the_writer(autojump_clock: trio.testing.MockClock) -> None:
    async def fails() -> None:
        raise OSError("secret words")

    status, _, body = await ask(make_ops(fails), "/healthz")
    assert (status, body) == (503, b"The writer failed.\n")
    status, _, body = await ask(make_ops(trio.sleep_forever), "/healthz")
    assert (status, body) == (503, b"The writer does not answer.\n")


@pytest.mark.trio
async def test_readiness_names_what_is_wrong(autojump_clock: trio.testing.MockClock) -> None:
    async def full() -> str | None:
        return "3 MiB free"

    async def broken() -> str | None:
        raise ValueError("secret words")

    async def hangs() -> str | None:
        await trio.sleep_forever()

    metrics = Metrics()
    ops = Ops(metrics, fine, {"store": fine, "disk": full, "bus": broken, "slow": hangs})
    status, headers, body = await ask(ops, "/readyz")
    assert (status, headers["content-type"]) == (503, "application/json")
    assert json.loads(body) == {
        "ready": False,
        "checks": {
            "store": {"ok": True},
            "disk": {"ok": False, "reason": "3 MiB free"},
            "bus": {"ok": False, "reason": "failed with ValueError"},
            "slow": {"ok": False, "reason": "did not answer in time"},
        },
    }
    assert (metrics.ready.values["store"], metrics.ready.values["disk"]) == (1.0, 0.0)
    status, _, body = await ask(make_ops(), "/readyz")
    assert (status, json.loads(body)) == (200, {"ready": True, "checks": {"store": {"ok": True}}})


@pytest.mark.trio
@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000, b"431"),
    ],
)
async def test_garbage_gets_an_answer_and_an_end(raw: bytes, status: bytes) -> None:
    assert (await converse(make_ops(), raw + b"\r\n\r\n")).startswith(b"HTTP/1.1 " + status)


@pytest.mark.trio
async def test_slow_request_is_ended(autojump_clock: trio.testing.MockClock) -> None:
    assert (await converse(make_ops(), b"GET /metr")).startswith(b"HTTP/1.1 408")
    assert trio.current_time() < 20


@pytest.mark.trio
async def test_request_in_pieces_is_put_together() -> None:
    pieces = [bytes([byte]) for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]
    assert (await converse(make_ops(), *pieces)).startswith(b"HTTP/1.1 200")


@pytest.mark.trio
async def test_client_that_leaves_is_nobodys_problem() -> None:
    ops = make_ops()
    for sent in (b"", b"GET /he"):
        client, server = trio.testing.memory_stream_pair()
        await client.send_all(sent)
        await client.aclose()
        await ops.handle(server)


@pytest.mark.trio
async def test_client_that_never_reads_is_ended(autojump_clock: trio.testing.MockClock) -> None:
    client, server = trio.testing.lockstep_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(make_ops().handle, server)
        await client.send_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert trio.current_time() < 20


@pytest.mark.trio
async def test_connections_are_bounded() -> None:
    ops = make_ops()
    clients = []
    async with trio.open_nursery() as nursery:
        for _ in range(MAX_CONNECTIONS):
            client, server = trio.testing.memory_stream_pair()
            clients.append(client)
            nursery.start_soon(ops.handle, server)
        await trio.testing.wait_all_tasks_blocked()
        assert (await converse(ops)).startswith(b"HTTP/1.1 503")
        for client in clients:
            await client.aclose()
    assert (await converse(ops, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 200")


@pytest.mark.trio
async def test_real_socket_on_a_free_port() -> None:
    ops = make_ops()
    async with trio.open_nursery() as nursery:
        address = await nursery.start(ops.serve, Address("127.0.0.1", 0))
        assert address.port > 0
        async with await trio.open_tcp_stream("127.0.0.1", address.port) as stream:
            # A body that nobody reads must not reset the answer away.
            await stream.send_all(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30_000)
            await stream.send_eof()
            received = b"".join([chunk async for chunk in stream])
        assert received.startswith(b"HTTP/1.1 405")
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_taken_port_is_an_error_of_the_start() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            await make_ops().serve(Address("127.0.0.1", taken.getsockname()[1]))


@pytest.mark.trio
async def test_disk_check_compares_free_space(tmp_path: Path) -> None:
    path = tmp_path / "msgd.sqlite3"
    assert await disk_has_room(path, 0)() is None
    reason = await disk_has_room(path, 2**50)()
    assert reason is not None
    assert reason.endswith(f"MiB free, store.min_free_mib is {2**50}")
