"""The opening handshake on loopback: who gets in, who does not, and that nobody waits for anybody else."""

import errno
import socket

import pytest
import trio
import trio.testing

from msgd.net.connection import Connection
from msgd.net.serve import serve
from msgd.net.settings import GatewaySettings

from .conftest import StartDoor
from .door import Door, request
from .rig import Recorder, close, closing, masked, settle

pytestmark = pytest.mark.trio


async def refused(door: Door, data: bytes) -> tuple[str, bytes]:
    """Return the status line and the body with which a request is refused."""
    client = await door.connect()
    head = await client.shake_hands(data)
    body = await client.to_the_end()
    assert door.peers == []
    return head.splitlines()[0], body


async def test_the_subprotocol_is_selected_and_no_extension_is(door: Door) -> None:
    client = await door.connect()
    head = await client.shake_hands(
        request("Sec-WebSocket-Protocol: other, msgd.v1", "Sec-WebSocket-Extensions: permessage-deflate")
    )
    lines = [line.lower() for line in head.splitlines()]
    assert lines[0].startswith("http/1.1 101")
    assert "sec-websocket-protocol: msgd.v1" in lines
    assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in lines  # the answer in RFC 6455 section 1.3
    assert not any(line.startswith("sec-websocket-extensions") for line in lines)
    assert door.counters.accepted == 1


async def test_the_peer_may_read_the_request(door: Door) -> None:
    client = await door.connect()
    await client.shake_hands(request("GET /v1/ws?why=not HTTP/1.1", "AUTHORIZATION: Bearer abc", "X-Name: \xfc"))
    connection = door.peers[0].connection
    assert connection.path == "/v1/ws"
    assert connection.remote == "127.0.0.1"
    assert connection.headers["authorization"] == "Bearer abc"
    assert connection.headers["x-name"] == "\xfc"


async def test_frames_right_behind_the_request_are_not_lost(door: Door) -> None:
    client = await door.connect()
    await client.shake_hands(request() + masked("one") + masked("two"))
    assert await client.message() == b"[one,two]"


async def test_a_request_may_come_byte_by_byte(door: Door) -> None:
    client = await door.connect()
    data = request() + masked("one")
    for index in range(len(data)):
        await client.stream.send_all(data[index : index + 1])
        await settle()
    assert await client.shake_hands(b"") != ""
    assert await client.message() == b"one"


async def test_another_path_is_404(door: Door) -> None:
    assert await refused(door, request("GET /elsewhere HTTP/1.1")) == (
        "HTTP/1.1 404 ",
        b"WebSocket is served at /v1/ws\n",
    )
    assert door.counters.refused == {"path": 1}


@pytest.mark.parametrize(
    "data", [request(without="Sec-WebSocket-Protocol"), request("Sec-WebSocket-Protocol: msgd.v2")]
)
async def test_a_missing_or_wrong_subprotocol_is_400(door: Door, data: bytes) -> None:
    assert await refused(door, data) == ("HTTP/1.1 400 ", b"the subprotocol msgd.v1 is required\n")
    assert door.counters.refused == {"subprotocol": 1}


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        (request(without="Sec-WebSocket-Key"), "400"),
        (request(without="Upgrade"), "400"),
        (request("POST /v1/ws HTTP/1.1"), "400"),
        (request("Sec-WebSocket-Version: 8"), "426"),
        (b"\x16\x03\x01 what TLS would say \r\n\r\n", "400"),
        (b"GET /v1/ws HTTP/1.1\r\nX: " + b"x" * 40_000, "400"),
    ],
)
async def test_what_is_no_websocket_handshake_is_refused(door: Door, data: bytes, status: str) -> None:
    line, _ = await refused(door, data)
    assert line.split()[1] == status
    assert door.counters.refused == {"bad_request": 1}


async def test_a_request_that_cannot_be_decoded_ends_that_socket_alone(door: Door) -> None:
    client = await door.connect()
    await client.stream.send_all(request("Host: \xff\xfe.example"))
    assert await client.to_the_end() == b""
    assert door.counters.refused == {"bad_request": 1}
    assert (await (await door.connect()).shake_hands()).startswith("HTTP/1.1 101")


@pytest.mark.parametrize("data", [b"", b"GET /v1/ws HT", request()])
async def test_a_client_that_goes_away_in_the_middle_is_forgotten(door: Door, data: bytes) -> None:
    client = await door.connect()
    await client.stream.send_all(data)
    await client.stream.aclose()
    await settle()
    assert door.counters.pending_handshakes == 0
    assert door.counters.open_connections == 0
    assert sum(door.counters.refused.values()) + door.counters.accepted == 1
    assert door.log.lines == []


async def test_a_handshake_has_so_much_time_and_no_more(door: Door, mock_clock: trio.testing.MockClock) -> None:
    silent = await door.connect()
    slow = await door.connect()
    await settle()
    for byte in request()[:8]:
        await slow.stream.send_all(bytes((byte,)))
        mock_clock.jump(1)
        await settle()
    assert door.counters.pending_handshakes == 2
    mock_clock.jump(3)
    assert await silent.to_the_end() == b""
    assert await slow.to_the_end() == b""
    assert door.counters.refused == {"timeout": 2}


async def test_slow_handshakes_delay_nobody(door: Door) -> None:
    for _ in range(50):
        await (await door.connect()).stream.send_all(b"GET ")
    client, _ = await door.enter()
    await client.stream.send_all(masked("{}"))
    assert await client.message() == b"{}"


async def test_past_max_handshakes_newcomers_wait_their_turn(
    open_door: StartDoor, mock_clock: trio.testing.MockClock
) -> None:
    door = await open_door(max_handshakes=2)
    for _ in range(2):
        await door.connect()
    waiting = await door.connect()
    await waiting.stream.send_all(request())
    await settle()
    assert door.counters.pending_handshakes == 2
    assert door.peers == []
    mock_clock.jump(11)
    assert (await waiting.shake_hands(b"")).startswith("HTTP/1.1 101")


async def test_past_max_connections_newcomers_get_503_until_somebody_leaves(open_door: StartDoor) -> None:
    door = await open_door(max_connections=1)
    first, peer = await door.enter()
    head = await (client := await door.connect()).shake_hands()
    assert head.startswith("HTTP/1.1 503")
    assert "retry-after: 5" in head.lower()
    assert b"too many connections" in await client.to_the_end()
    assert door.counters.refused == {"full": 1}
    await first.stream.aclose()
    await peer.over.wait()
    await door.enter()


async def test_past_the_bound_of_one_address_sockets_are_closed_until_one_is_free(open_door: StartDoor) -> None:
    door = await open_door(max_connections_per_address=2)
    first, peer = await door.enter()
    await door.connect()  # its handshake never ends, and counts too
    await settle()
    assert await (await door.connect()).to_the_end() == b""
    assert door.counters.refused == {"address": 1}
    await first.stream.aclose()
    await peer.over.wait()
    await door.enter()


async def test_new_bounds_hold_at_once(door: Door) -> None:
    await door.enter()
    door.gateway.settings = GatewaySettings(max_connections=1)
    assert (await (await door.connect()).shake_hands()).startswith("HTTP/1.1 503")


class Failing(socket.socket):
    """A listening socket whose next accepts fail."""

    errors: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.errors:
            raise OSError(self.errors.pop(0), "accept failed")
        return super().accept()


async def serve_failing(nursery: trio.Nursery, errors: list[int]) -> Door:
    door = Door(None, None, {})
    listener = Failing(fileno=door.sockets[0].detach())
    listener.setblocking(False)
    listener.errors = errors
    door.sockets = [listener]
    await nursery.start(door.serve)
    return door


async def test_want_of_descriptors_is_waited_out(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> None:
    door = await serve_failing(nursery, [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
    before = trio.current_time()
    await door.enter()
    assert trio.current_time() - before == pytest.approx(0.6)
    assert door.counters.accept_errors == 3
    assert door.log.lines[0] == ("error", "gateway.accept_failed", {"error": "EMFILE", "pause_s": 0.2})
    door.scope.cancel()


async def test_a_client_that_left_the_backlog_is_no_error(nursery: trio.Nursery) -> None:
    door = await serve_failing(nursery, [errno.ECONNABORTED, errno.EPROTO])
    await door.enter()
    assert door.counters.accept_errors == 0
    assert door.log.lines == []
    door.scope.cancel()


async def test_stop_accepting_lets_those_inside_go_on(door: Door) -> None:
    client, _ = await door.enter()
    under_way = await door.connect()
    await settle()
    door.gateway.stop_accepting()
    with pytest.raises(OSError, match="refused"):
        await door.connect()
    await client.stream.send_all(masked("{}"))
    assert await client.message() == b"{}"
    assert (await under_way.shake_hands()).startswith("HTTP/1.1 101")
    assert len(door.gateway.connections) == 2


async def test_a_cancelled_server_closes_everything(door: Door) -> None:
    client, peer = await door.enter()
    pending = await door.connect()
    await settle()
    door.scope.cancel()
    assert await client.to_the_end() == b""
    assert await pending.to_the_end() == b""
    await settle()
    assert peer.codes == [1006]
    assert (door.counters.open_connections, door.counters.pending_handshakes) == (0, 0)
    assert all(sock.fileno() == -1 for sock in door.sockets)


async def test_a_peer_that_cannot_be_made_does_not_end_the_server(nursery: trio.Nursery) -> None:
    door = Door(None, None, {})
    made: list[Recorder] = []

    def make_peer(connection: Connection) -> Recorder:
        if not made:
            made.append(Recorder(connection))
            raise RuntimeError
        return Recorder(connection)

    door.make_peer = make_peer  # type: ignore[method-assign]  # this test's own way of making peers
    await nursery.start(door.serve)
    client = await door.connect()
    await client.shake_hands()
    await client.stream.send_all(close(1011))
    assert closing(await client.to_the_end()) == 1011
    client = await door.connect()
    assert (await client.shake_hands()).startswith("HTTP/1.1 101")
    assert door.counters.peer_errors == 1
    door.scope.cancel()


async def test_a_kernel_that_watches_no_more_sockets_refuses_that_one_alone(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "max_user_watches")

    with monkeypatch.context() as patch:
        patch.setattr("msgd.net.hub.Hub.adopt", fail)
        client = await door.connect()
        await client.shake_hands()
        assert await client.to_the_end() == b""
    assert door.counters.refused == {"error": 1}
    assert door.log.events() == ["gateway.handshake_error"]
    await door.enter()


async def test_a_gateway_on_a_unix_socket_has_local_clients(nursery: trio.Nursery, tmp_path: object) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{tmp_path}/socket")
    listener.listen()
    listener.setblocking(False)
    door = Door(None, None, {})
    door.sockets[0].close()
    await nursery.start(serve, [listener], None, door.make_peer, GatewaySettings(), door.counters, door.log)
    async with await trio.open_unix_socket(f"{tmp_path}/socket") as stream:
        await stream.send_all(request() + masked("{}"))
        while not door.peers or not door.peers[0].messages:
            await settle()
        assert door.peers[0].connection.remote == "local"
    nursery.cancel_scope.cancel()
