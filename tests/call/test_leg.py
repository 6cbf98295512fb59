"""Two connections in one process: they meet, carry packets, hold, renegotiate, and close."""

import asyncio
import itertools
import re
from collections.abc import Callable
from pathlib import Path as File

import pytest

from msgclient.call import rtc, sdp
from msgclient.call.certificate import IdentityUnreadable, fingerprint_of, load_or_make
from msgclient.call.opus import FRAME_BYTES, FRAME_SAMPLES, Encoder
from msgclient.call.rtc import Heard, Leg, Path
from msgclient.call.turn_choice import Choice, Server
from msgclient.call.verify import fingerprint_in

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("loopback")]

PACKET = Encoder().encode(bytes(FRAME_BYTES))


class End:
    """One side: its connection, and what it has heard."""

    def __init__(self, folder: File, name: str, servers: Choice | None = None, *, relay_only: bool = False) -> None:
        self.identity = load_or_make(folder / f"{name}.pem")
        self.packets: list[tuple[int, int, bytes]] = []
        self.heard: list[Heard] = []
        self.news = asyncio.Event()
        self.leg = Leg(
            self.identity, servers or Choice(), relay_only=relay_only, on_packet=self._packet, on_heard=self._hear
        )
        self.sent = 0

    def _packet(self, sequence: int, timestamp: int, data: bytes, at: float) -> None:
        self.packets.append((sequence, timestamp, data))
        self.news.set()

    def _hear(self, heard: Heard) -> None:
        self.heard.append(heard)
        self.news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                self.news.clear()
                await self.news.wait()

    def has(self, kind: str) -> bool:
        return any(heard.kind == kind for heard in self.heard)

    def send(self, count: int) -> None:
        for _ in range(count):
            self.leg.track.push(self.sent * FRAME_SAMPLES, PACKET)
            self.sent += 1


@pytest.fixture
def library() -> None:
    rtc.prepare_library()


async def connect(one: End, other: End) -> None:
    answer = await other.leg.accept_offer(await one.leg.offer(held=False), held=False)
    await one.leg.accept_answer(answer)
    for end in (one, other):
        await end.until(lambda end=end: end.has("connected"))  # type: ignore[misc]  # bound now, not later


@pytest.fixture
async def pair(tmp_path: File, library: None):  # type: ignore[no-untyped-def]
    ends = End(tmp_path, "juliet"), End(tmp_path, "romeo")
    await connect(*ends)
    yield ends
    for end in ends:
        await end.leg.close()


async def test_packets_arrive_as_they_were_sent(pair: tuple[End, End]) -> None:
    one, other = pair
    one.send(20)
    other.send(20)
    for end in pair:
        await end.until(lambda end=end: len(end.packets) == 20)  # type: ignore[misc]  # bound now, not later
        assert {data for _, _, data in end.packets} == {PACKET}
        stamps = [timestamp for _, timestamp, _ in end.packets]
        assert [(b - a) % 2**32 for a, b in itertools.pairwise(stamps)] == [FRAME_SAMPLES] * 19
        assert end.leg.has_received
    assert one.leg.path() == other.leg.path() == Path("direct")
    assert one.leg.local_address() == "127.0.0.1"


async def test_each_side_sees_the_other_s_certificate(pair: tuple[End, End]) -> None:
    one, other = pair
    assert one.leg.peer_fingerprint() == fingerprint_of(other.identity)
    assert other.leg.peer_fingerprint() == fingerprint_of(one.identity)


async def test_no_server_is_named_that_nobody_named(pair: tuple[End, End]) -> None:
    agent = pair[0].leg._ice
    assert (agent.stun_server, agent.turn_server) == (None, None)


async def test_holding_stops_the_sound_and_resuming_brings_it_back(pair: tuple[End, End]) -> None:
    one, other = pair
    offer = await one.leg.offer(held=True)
    assert sdp.is_held(offer)
    answer = await other.leg.accept_offer(offer, held=False)
    await one.leg.accept_answer(answer)
    one.send(5)
    other.send(5)
    await asyncio.sleep(0.2)
    assert not one.packets
    assert not other.packets
    answer = await other.leg.accept_offer(await one.leg.offer(held=False), held=False)
    assert not sdp.is_held(answer)
    await one.leg.accept_answer(answer)
    one.send(5)
    await other.until(lambda: len(other.packets) >= 5)


async def test_an_offer_that_waits_gives_way_to_the_other_side_s(pair: tuple[End, End]) -> None:
    one, other = pair
    await other.leg.offer(held=True)
    answer = await other.leg.accept_offer(await one.leg.offer(held=False), held=True)
    assert sdp.is_held(answer), "the wish to hold stands in the answer"
    await one.leg.accept_answer(answer)
    answer = await other.leg.accept_offer(await one.leg.offer(held=False), held=False)
    await one.leg.accept_answer(answer)
    one.send(5)
    await other.until(lambda: len(other.packets) >= 5)


async def test_repeated_descriptions_change_nothing(tmp_path: File, library: None) -> None:
    one, other = End(tmp_path, "juliet"), End(tmp_path, "romeo")
    offer = await one.leg.offer(held=False)
    first = await other.leg.accept_offer(offer, held=False)
    second = await other.leg.accept_offer(offer, held=False)
    await one.leg.accept_answer(first)
    await one.leg.accept_answer(second)
    await other.until(lambda: other.has("connected"))
    one.send(3)
    await other.until(lambda: len(other.packets) == 3)
    for end in (one, other):
        await end.leg.close()


async def test_what_the_network_does_not_take_in_time_is_dropped() -> None:
    track = rtc.PacketTrack()
    for n in range(100):
        track.push(n * FRAME_SAMPLES, PACKET)
    assert (await track.recv()).pts == 75 * FRAME_SAMPLES


async def test_closing_is_seen_at_once(pair: tuple[End, End]) -> None:
    one, other = pair
    await one.leg.close()
    await other.until(lambda: other.has("closed"))


async def test_statistics_count_what_goes_and_comes(pair: tuple[End, End]) -> None:
    one, other = pair
    before = await other.leg.statistics()
    one.send(10)
    await other.until(lambda: len(other.packets) == 10)
    after = await other.leg.statistics()
    assert after.received >= before.received + 10


async def test_a_swapped_fingerprint_does_not_connect(tmp_path: File, library: None) -> None:
    one, other = End(tmp_path, "juliet"), End(tmp_path, "romeo")
    offer = re.sub(r"(a=fingerprint:sha-\d+ )..", r"\g<1>00", await one.leg.offer(held=False))
    answer = await other.leg.accept_offer(offer, held=False)
    await one.leg.accept_answer(answer)
    await other.until(lambda: other.has("failed"))
    one.send(5)
    await asyncio.sleep(0.1)
    assert not other.leg.has_received
    for end in (one, other):
        await end.leg.close()


async def test_a_dead_stun_and_a_dead_turn_server_hold_nothing_up(tmp_path: File, library: None) -> None:
    # Port 9 of this very host: nobody answers.
    dead = Choice(
        Server("stun", "127.0.0.1", 9, "stun:127.0.0.1:9"),
        Server("udp", "127.0.0.1", 9, "turn:127.0.0.1:9", "user", "secret"),
    )
    one, other = End(tmp_path, "juliet", dead), End(tmp_path, "romeo", dead)
    loop = asyncio.get_running_loop()
    started = loop.time()
    offer = await one.leg.offer(held=False)
    assert "a=end-of-candidates" not in offer, "there may be more"
    answer = await other.leg.accept_offer(offer, held=False)
    await one.leg.accept_answer(answer)
    for end in (one, other):
        await end.until(lambda end=end: end.has("connected"))  # type: ignore[misc]  # bound now, not later
    assert loop.time() - started < 2.0
    for end in (one, other):
        await end.leg.close()


async def test_relay_only_shows_no_own_address(tmp_path: File, library: None) -> None:
    end = End(tmp_path, "juliet", relay_only=True)
    offer = await end.leg.offer(held=False)
    assert "127.0.0.1" not in offer
    assert "a=candidate" not in offer
    await end.leg.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "v=0\r\n",
        lambda text: text + "m=video 9 UDP/TLS/RTP/SAVPF 97\r\n",
        lambda text: text.replace("opus/48000", "speex/8000").replace("G722", "x").replace("PCM", "y"),
        lambda text: text.replace("a=ice-pwd", "a=x-pwd"),
        lambda text: text.replace("a=setup:actpass", "a=setup:nonsense"),
        lambda text: text.replace("a=rtcp-mux", "a=x"),
        lambda text: text.replace("m=audio ", "m=audio nine"),
    ],
)
async def test_a_description_that_makes_no_sense_is_refused(
    tmp_path: File, library: None, change: Callable[[str], str]
) -> None:
    one, other = End(tmp_path, "juliet"), End(tmp_path, "romeo")
    offer = change(await one.leg.offer(held=False))
    with pytest.raises(sdp.BadDescription) as refused:
        await other.leg.accept_offer(offer, held=False)
    assert "ufrag" not in str(refused.value)
    for end in (one, other):
        await end.leg.close()


async def test_the_description_names_one_key_and_one_codec(tmp_path: File, library: None) -> None:
    end = End(tmp_path, "juliet")
    offer = await end.leg.offer(held=False)
    assert fingerprint_in(offer) == fingerprint_of(end.identity)
    assert "useinbandfec=1" in offer
    assert "PCMU" not in offer
    await end.leg.close()


def test_the_certificate_of_a_device_stays(tmp_path: File) -> None:
    path = tmp_path / "call_identity.pem"
    first = fingerprint_of(load_or_make(path))
    assert fingerprint_of(load_or_make(path)) == first
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("no certificate")
    with pytest.raises(IdentityUnreadable):
        load_or_make(path)
