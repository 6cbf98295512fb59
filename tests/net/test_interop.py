"""A client that we did not write (the websockets library) against the gateway, plain and with TLS."""

import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trio
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from .conftest import StartDoor
from .door import Door

pytestmark = pytest.mark.trio


async def as_client(door: Door, talk: Callable[[ClientConnection], Any]) -> Any:
    """Run `talk` with a connected client, in a thread of its own."""
    context: ssl.SSLContext | None = door.client_context() if door.tls else None
    url = f"{'wss' if door.tls else 'ws'}://127.0.0.1:{door.port}/v1/ws"

    def run() -> Any:
        with connect(url, ssl=context, subprotocols=[Subprotocol("msgd.v1")], proxy=None) as client:
            return talk(client)

    return await trio.to_thread.run_sync(run)


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
async def either_door(request: pytest.FixtureRequest, open_door: StartDoor) -> Door:
    return await open_door(tls=request.param)


async def test_text_of_every_size_comes_back(either_door: Door) -> None:
    def talk(client: ClientConnection) -> None:
        for size in (1, 125, 126, 65_535, 65_536, 131_072):
            client.send("x" * size)
            assert client.recv() == "x" * size
        client.send("é€𝄞")
        assert client.recv() == "é€𝄞"

    await as_client(either_door, talk)
    await either_door.peers[0].over.wait()
    assert either_door.peers[0].codes == [1000]
    assert either_door.counters.closes == {"1000": 1}


async def test_fragments_and_pings_are_understood(either_door: Door) -> None:
    def talk(client: ClientConnection) -> None:
        assert client.ping(b"anyone?").wait(10)
        client.send(["one ", "two ", "three"])
        assert client.recv() == "one two three"

    await as_client(either_door, talk)


@pytest.mark.parametrize(("data", "code"), [(b"binary", 1003), ("x" * 131_073, 1009)])
async def test_what_is_refused_is_told_by_its_code(either_door: Door, data: bytes | str, code: int) -> None:
    def talk(client: ClientConnection) -> ConnectionClosed:
        client.send(data)
        with pytest.raises(ConnectionClosed) as caught:
            client.recv()
        return caught.value

    error = await as_client(either_door, talk)
    assert error.rcvd is not None
    assert error.rcvd.code == code
    await either_door.peers[0].over.wait()
    assert either_door.peers[0].codes == [code]


async def test_our_close_reaches_the_client_with_its_reason(either_door: Door) -> None:
    def talk(client: ClientConnection) -> ConnectionClosed:
        client.send("{}")
        assert client.recv() == "{}"
        trio.from_thread.run_sync(either_door.peers[0].connection.close, 1012, "retry_after_ms=250")
        with pytest.raises(ConnectionClosed) as caught:
            client.recv()
        return caught.value

    error = await as_client(either_door, talk)
    assert error.rcvd is not None
    assert (error.rcvd.code, error.rcvd.reason) == (1012, "retry_after_ms=250")
    await either_door.peers[0].over.wait()
    assert either_door.peers[0].codes == [1012]


async def test_a_full_gateway_answers_503(open_door: StartDoor) -> None:
    door = await open_door(max_connections=1)
    await door.enter()
    with pytest.raises(InvalidStatus) as caught:
        await as_client(door, lambda _: None)
    assert caught.value.response.status_code == 503
