"""The jitter buffer under the networks of this world, by a clock that the test turns."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgclient.call.netbuf import NetBuf
from msgclient.call.opus import FRAME_BYTES, FRAME_SAMPLES, Decoder, Encoder, OpusError

from .sound import frames, power_at, rms, tone

TOC = b"\xf8"
"""A packet of one 20 ms frame (RFC 6716 section 3.1)."""
LONG = bytes(12)


@dataclass
class Told:
    """A decoder that says which packets it was given."""

    heard: list[int] = field(default_factory=list)
    recovered: list[int] = field(default_factory=list)
    concealed: int = 0
    has_fec: bool = True

    def decode(self, packet: bytes) -> bytes:
        self.heard.append(number(packet))
        return b"\x00\x20" * FRAME_SAMPLES

    def recover(self, next_packet: bytes, samples: int = FRAME_SAMPLES) -> bytes:
        if not self.has_fec:
            raise OpusError("none", -4)
        self.recovered.append(number(next_packet) - 1)
        return b"\x00\x20" * samples

    def conceal(self, samples: int = FRAME_SAMPLES) -> bytes:
        self.concealed += 1
        return b"\x00\x10" * samples


def packet(n: int) -> bytes:
    return TOC + n.to_bytes(4, "big") + LONG


def number(data: bytes) -> int:
    return int.from_bytes(data[1:5], "big")


@dataclass
class Run:
    decoder: Told
    buffer: NetBuf
    depths: list[int]


def play(arrivals: dict[int, float], pulls: int, *, first_timestamp: int = 0, start_s: float = 0.015) -> Run:
    """Packet n was made at n * 20 ms and comes at `arrivals[n]` (seconds); then the speaker asks every 20 ms."""
    decoder = Told()
    buffer = NetBuf(decoder)
    line = sorted((at, n) for n, at in arrivals.items())
    depths = []
    for k in range(pulls):
        now = start_s + k * 0.02
        while line and line[0][0] <= now:
            at, n = line.pop(0)
            stamp = (first_timestamp + n * FRAME_SAMPLES) % 2**32
            buffer.put((n + 65_000) % 2**16, stamp, packet(n), at)
        assert len(buffer.pull()) == FRAME_BYTES
        depths.append(buffer.depth_ms)
    return Run(decoder, buffer, depths)


def steady(count: int, delay_s: float = 0.03) -> dict[int, float]:
    return {n: n * 0.02 + delay_s for n in range(count)}


def test_a_clean_stream_is_heard_whole_and_soon() -> None:
    run = play(steady(500), 510)
    assert run.decoder.heard == list(range(500))
    counters = run.buffer.counters
    assert (counters.lost, counters.late, counters.skipped_ms, counters.recovered_ms) == (0, 0, 0, 0)
    assert max(run.depths) <= 60
    assert run.buffer.target_ms == 40


def test_single_losses_are_recovered_from_the_next_packet() -> None:
    arrivals = {n: at for n, at in steady(500).items() if n % 10 != 5}
    run = play(arrivals, 500)
    counters = run.buffer.counters
    assert counters.lost == 50
    assert counters.recovered_ms >= 48 * 20
    assert counters.concealed_ms <= 100
    assert run.decoder.recovered[:3] == [5, 15, 25]


def test_without_redundancy_a_loss_is_concealed_and_counted() -> None:
    arrivals = {n: at for n, at in steady(200).items() if n % 10 != 5}
    decoder = Told(has_fec=False)
    buffer = NetBuf(decoder)
    for n in range(200):
        if n in arrivals:
            buffer.put(n, n * FRAME_SAMPLES, packet(n), arrivals[n])
        buffer.pull()
    assert buffer.counters.concealed_ms == pytest.approx(20 * 20, abs=60)
    assert buffer.counters.recovered_ms == 0


def test_the_delay_grows_with_jitter_and_comes_back_after_it() -> None:
    rng = random.Random(7)
    arrivals = {}
    for n in range(1500):
        extra = rng.uniform(0, 0.12) if 250 <= n < 750 else 0.0
        arrivals[n] = n * 0.02 + 0.02 + extra
    run = play(arrivals, 1500)
    before, during, after = run.depths[200], max(run.depths[300:750]), run.depths[-1]
    assert before <= 60
    assert 80 <= during <= 300
    assert after <= before + 40
    assert run.buffer.counters.skipped_ms > 0


def test_bursts_do_not_make_the_delay_longer_for_good() -> None:
    rng = random.Random(3)
    arrivals, n = {}, 0
    while n < 1500:
        if rng.random() < 0.03:
            n += 3
        arrivals[n] = n * 0.02 + 0.03
        n += 1
    run = play(arrivals, 1500)
    assert sum(run.depths[-200:]) / 200 <= 80


def test_an_outage_falls_silent_is_counted_and_ends() -> None:
    arrivals = {n: at for n, at in steady(600).items() if not 200 <= n < 350}
    run = play(arrivals, 600)
    counters = run.buffer.counters
    assert counters.lost == 150
    assert 2500 <= counters.stalled_ms + counters.concealed_ms <= 3300
    assert run.decoder.heard[-1] >= 595
    assert run.depths[-1] <= 60


def test_a_pause_is_not_counted_against_the_network() -> None:
    decoder = Told()
    buffer = NetBuf(decoder)
    for n in range(50):
        buffer.put(n, n * FRAME_SAMPLES, packet(n), n * 0.02)
        buffer.pull()
    buffer.pause()
    heard = [buffer.pull() for _ in range(500)]
    assert set(heard[5:]) == {bytes(FRAME_BYTES)}
    before = buffer.counters
    assert (before.stalled_ms, before.concealed_ms) == (0, 0)
    for n in range(50, 100):
        buffer.put(n, (n + 500) * FRAME_SAMPLES, packet(n), (n + 500) * 0.02)
        buffer.pull()
    assert decoder.heard[-1] >= 95


def test_silence_that_is_not_sent_is_no_loss() -> None:
    decoder = Told()
    buffer = NetBuf(decoder)
    sequence = 0
    for n in range(300):
        if n < 100 or n % 20 == 0:
            data = packet(n) if n < 99 else TOC
            buffer.put(sequence, n * FRAME_SAMPLES, data, n * 0.02)
            sequence += 1
        buffer.pull()
    counters = buffer.counters
    assert (counters.lost, counters.concealed_ms, counters.stalled_ms) == (0, 0, 0)


def test_timestamps_and_sequence_numbers_may_wrap() -> None:
    run = play(steady(3000), 3000, first_timestamp=2**32 - 1000 * FRAME_SAMPLES)
    counters = run.buffer.counters
    assert counters.played >= 2990
    assert (counters.lost, counters.late) == (0, 0)


def test_another_stream_starts_anew() -> None:
    decoder = Told()
    buffer = NetBuf(decoder)
    for n in range(50):
        buffer.put(n, n * FRAME_SAMPLES, packet(n), n * 0.02)
        buffer.pull()
    for n in range(50, 100):
        buffer.put(n, 3_000_000_000 + n * FRAME_SAMPLES, packet(n), n * 0.02)
        buffer.pull()
    assert decoder.heard[-1] >= 95


def test_packets_of_other_lengths_play_too() -> None:
    decoder = Decoder()
    buffer = NetBuf(decoder)
    encoder = Encoder()
    sound = frames(tone(2.0))
    for n, frame in enumerate(sound):
        buffer.put(n, n * FRAME_SAMPLES, encoder.encode(frame), n * 0.02)
        heard = buffer.pull()
    assert power_at(heard, 440) > 0.9
    assert rms(heard) > 3000


def test_rubbish_is_counted_and_changes_nothing() -> None:
    run_decoder = Told()
    buffer = NetBuf(run_decoder)
    for n in range(100):
        buffer.put(n, n * FRAME_SAMPLES, packet(n), n * 0.02)
        buffer.put(n, n * FRAME_SAMPLES + 1, b"", n * 0.02)
        buffer.put(n, n * FRAME_SAMPLES + 1, bytes(2000), n * 0.02)
        buffer.pull()
    assert buffer.counters.broken == 200
    assert run_decoder.heard == list(range(98)) or run_decoder.heard == list(range(99))


@pytest.mark.parametrize(("low", "high"), [(0, 300), (100, 40), (40, 5000)])
def test_bounds_that_make_no_sense_are_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="delay"):
        NetBuf(Told(), min_ms=low, max_ms=high)


weather = st.lists(
    st.tuples(
        st.sampled_from(["come", "come", "come", "lose", "twice"]),
        st.integers(min_value=0, max_value=400),
    ),
    min_size=1,
    max_size=400,
)


@settings(max_examples=150, deadline=None)
@given(weather, st.integers(min_value=0, max_value=2**32 - 1), st.integers(min_value=0, max_value=600))
def test_nothing_twice_nothing_out_of_order_nothing_without_bound(
    fates: list[tuple[str, int]], first_timestamp: int, stall: int
) -> None:
    decoder = Told()
    buffer = NetBuf(decoder)
    line: list[tuple[float, int]] = []
    for n, (fate, delay_ms) in enumerate(fates):
        if fate != "lose":
            line.append((n * 0.02 + delay_ms / 1000, n))
        if fate == "twice":
            line.append((n * 0.02 + delay_ms / 1000 + 0.3, n))
    line.sort()
    for k in range(len(fates) + 100):
        # The speaker may not ask for a while: a device that is switched.
        now = k * 0.02
        while line and line[0][0] <= now:
            at, n = line.pop(0)
            buffer.put(n % 2**16, (first_timestamp + n * FRAME_SAMPLES) % 2**32, packet(n), at)
        if not stall <= k < stall + 50:
            assert len(buffer.pull()) == FRAME_BYTES
        assert buffer.depth_ms <= 2500
        assert 40 <= buffer.target_ms <= 300
    assert decoder.heard == sorted(set(decoder.heard))
    counters = buffer.counters
    assert counters.received == sum(2 if fate == "twice" else fate == "come" for fate, _ in fates)
    assert counters.played == len(decoder.heard)
    assert counters.lost <= sum(fate == "lose" for fate, _ in fates)
