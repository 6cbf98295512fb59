"""A live connection under a virtual clock: silence, signs of life, a server that does not read."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio
import trio.testing

import msgwire
from msgclient import TooManyRequests
from msgclient.link import CONTRACT_BROKEN, SILENT, Link
from msgclient.transport import TransportClosed

LIMITS = msgwire.HelloLimits(
    max_message_bytes=131072, max_text_bytes=16384, window=64, max_mailbox=100, idle_timeout_s=90, auth_timeout_s=15
)


class Line:
    """A transport under the test's hand."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answers = True
        self.is_stuck = False
        self._to_client, self._incoming = anyio.create_memory_object_stream[bytes](100)

    async def send(self, payload: bytes) -> None:
        if self.is_stuck:
            await anyio.sleep_forever()
        self.sent.append(payload)
        if self.answers:
            self.say(b'{"type":"pong","re":"ping","at":1}')

    async def receive(self) -> bytes:
        return await self._incoming.receive()

    def say(self, payload: bytes) -> None:
        self._to_client.send_nowait(payload)

    async def close(self, code: int = 1000) -> None:
        self._to_client.close()
        self._incoming.close()


async def ignore(frames: list[msgwire.ServerFrame]) -> None:
    await trio.lowlevel.checkpoint()


async def end_of(line: Line, act: Callable[[Link], Awaitable[None]]) -> TransportClosed:
    link = Link(line)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(act, link)
        closed = await link.run(LIMITS, ignore)
        nursery.cancel_scope.cancel()
    await link.close()
    return closed


async def nothing(link: Link) -> None:
    await trio.lowlevel.checkpoint()


@pytest.mark.trio
async def test_a_silent_server_is_left(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()
    line.answers = False
    closed = await end_of(line, nothing)
    assert closed.code == SILENT
    assert trio.current_time() <= 40
    assert line.sent == [b'{"type":"ping","request_id":"ping"}']


@pytest.mark.trio
async def test_signs_of_life_keep_a_quiet_connection(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()

    async def later(link: Link) -> None:
        await trio.sleep(3600)
        link.end(1000, "enough")

    closed = await end_of(line, later)
    assert closed.code == 1000
    assert 3600 / 90 < len(line.sent) <= 3600 / 25


@pytest.mark.trio
async def test_a_client_that_only_listens_says_something_in_time(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()
    line.answers = False

    async def chatter(link: Link) -> None:
        for _ in range(300):
            await trio.sleep(1)
            line.say(b'{"type":"typing","from":"u","active":true}')
        link.end(1000, "enough")

    assert (await end_of(line, chatter)).code == 1000
    assert len(line.sent) >= 300 / 90


@pytest.mark.trio
async def test_a_server_that_does_not_read_is_left(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()
    line.is_stuck = True

    async def speak(link: Link) -> None:
        link.post(msgwire.ListContacts())
        await trio.lowlevel.checkpoint()

    assert (await end_of(line, speak)).code == SILENT
    assert trio.current_time() <= 40


@pytest.mark.trio
async def test_what_waits_for_the_writer_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()
    line.is_stuck = True

    async def flood(link: Link) -> None:
        for _ in range(512):
            link.hint(msgwire.Typing(to="u", active=True))
        with pytest.raises(TooManyRequests):
            link.hint(msgwire.Typing(to="u", active=True))
        for _ in range(5000):
            link.post(msgwire.ListContacts())
        await trio.lowlevel.checkpoint()

    assert (await end_of(line, flood)).code == SILENT


@pytest.mark.trio
async def test_frames_of_one_turn_go_as_one_message(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()

    async def speak(link: Link) -> None:
        for number in range(20):
            link.post(msgwire.ListContacts(request_id=str(number)))
        await trio.sleep(1)
        link.end(1000, "enough")

    await end_of(line, speak)
    (message,) = line.sent
    assert len(msgwire.split(message, 131072)) == 20


@pytest.mark.trio
@pytest.mark.parametrize("payload", [b"nonsense", b'{"type":"event"}', b'{"type":"event","seq":"one"}'])
async def test_a_server_that_breaks_the_contract_is_left(payload: bytes) -> None:
    line = Line()
    line.say(payload)
    assert (await end_of(line, nothing)).code == CONTRACT_BROKEN


@pytest.mark.trio
async def test_a_frame_of_a_newer_server_is_passed_over(autojump_clock: trio.testing.MockClock) -> None:
    line = Line()
    line.say(b'[{"type":"from_the_future","x":1},{"type":"pong","at":1,"new_field":true}]')

    async def later(link: Link) -> None:
        await trio.sleep(1)
        link.end(1000, "enough")

    assert (await end_of(line, later)).code == 1000
