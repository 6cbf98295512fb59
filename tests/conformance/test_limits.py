"""Limits of a connection: silence, floods, too many of them, and a client that does not read."""

import asyncio
import contextlib
import ssl
from urllib.parse import urlsplit

import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.uri import parse_uri

from .client import Device
from .contract import SUBPROTOCOL, walks
from .daemon import Daemon
from .people import World

pytestmark = pytest.mark.anyio


class Mute:
    """A client that opens a connection and then answers nothing, not even the pings of the server."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._protocol = ClientProtocol(
            parse_uri(daemon.url),
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            max_size=None,
        )
        self.pings = 0
        self.close_code: int | None = None

    async def live(self, within_s: float) -> None:
        """Listen without a word until the server ends the connection."""
        address = urlsplit(self._daemon.url)
        secure: ssl.SSLContext = self._daemon.tls()
        reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=secure)
        try:
            self._protocol.send_request(self._protocol.connect())
            writer.write(b"".join(self._protocol.data_to_send()))
            async with asyncio.timeout(within_s):
                while data := await reader.read(65536):
                    self._protocol.receive_data(data)
                    self._protocol.data_to_send()  # the pongs that are never sent
                    self._take()
                    if self.close_code is not None:
                        return
        finally:
            writer.transport.abort()

    def _take(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, WireFrame) and event.opcode is Opcode.PING:
                self.pings += 1
            if isinstance(event, WireFrame) and event.opcode is Opcode.CLOSE:
                self.close_code = int.from_bytes(event.data[:2], "big")


@walks("close 4408", "limit idle_timeout_s")
async def test_a_silent_client_is_pinged_and_then_closed(small: World) -> None:
    mute = Mute(small.daemon)
    await mute.live(within_s=20)
    assert mute.pings > 0
    assert mute.close_code == 4408


@walks("limit idle_timeout_s")
async def test_a_client_that_answers_pings_is_not_silent(small: World) -> None:
    juliet = await small.person()
    mute = Mute(small.daemon)
    await mute.live(within_s=20)  # as long as it takes to lose a silent one
    await juliet.phone.barrier()


@walks("close 4429")
async def test_a_flood_is_closed(small: World) -> None:
    juliet = await small.person()
    await flood(juliet.phone, 100)
    await (await small.connect()).barrier()


@walks("close 4429")
async def test_a_burst_is_no_flood(small: World) -> None:
    juliet = await small.person()
    for each in range(200):
        await juliet.phone.tell("ping", pad=each)
    await juliet.phone.barrier()


@walks("close 4429")
async def test_a_flood_before_signing_in_is_closed(world: World) -> None:
    stranger = await world.connect()
    await flood(stranger, 1000)


async def flood(device: Device, frames: int) -> None:
    """Send arrays of so many frames until the server has enough of it."""
    with contextlib.suppress(ConnectionClosed):
        for _ in range(50):
            await device.send_raw("[" + ",".join(['{"type":"ping"}'] * frames) + "]")
    await device.closed(4429)


@walks("close 1013")
async def test_one_connection_too_many(small: World) -> None:
    guests = [await seated(small) for _ in range(4)]
    over = await small.connect(greeted=False)
    await over.closed(1013)
    await guests[0].close()
    await (await seated(small)).barrier()
    for guest in guests[1:]:
        await guest.barrier()


async def seated(world: World) -> Device:
    """A connection for which there is a place; one that ended just now may count for a moment still."""
    for _ in range(100):
        device = await world.connect(greeted=False)
        if await device.is_greeted():
            return device
        await device.closed(1013)
    raise AssertionError("no place was freed")


async def test_a_client_that_does_not_read_holds_up_nobody(world: World) -> None:
    juliet, romeo, nurse = await world.people("juliet", "romeo", "nurse")
    await juliet.phone.barrier()
    juliet.phone.socket.transport.pause_reading()
    letter = "o" * 16_000
    for start in range(0, 300, 5):
        await romeo.write_all(juliet, (f"{letter}{each}" for each in range(start, start + 5)))
    await nurse.write(romeo, "life goes on here")
    await romeo.phone.event("message", from_=nurse.uid)
    juliet.phone.socket.transport.abort()
    phone = await juliet.back(juliet.phone)
    texts = [(await phone.event("message"))["text"] for _ in range(300)]
    assert texts == [f"{letter}{each}" for each in range(300)]
