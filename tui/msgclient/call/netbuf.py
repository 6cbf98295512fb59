"""The jitter buffer of a call: packets come when the network likes, 20 ms of sound go out when the speaker asks.

Pure: arrival times come in as arguments, the decoder stands behind a small protocol. The rules:

1. The delay follows the network: the 98th percentile of how late packets have lately been, within bounds.
2. A packet that is not there when its time comes is recovered from the redundancy in the next one, else concealed.
3. Where nothing at all is there, time stands still for the buffer and the gap is concealed. When packets come again,
   what was concealed is taken off what was lost, or every burst would make the delay longer for good.
4. Where the delay is longer than wanted, a frame is faded into the next, a quiet one if there is one.
5. No packet is played twice, none out of order, and what is stored is bounded.
6. The counters are honest: whatever the person heard that nobody has said is counted.
"""

import array
import threading
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, replace
from typing import Protocol

from .opus import FRAME_BYTES, FRAME_SAMPLES, MAX_INPUT_BYTES, SAMPLE_RATE, OpusError, packet_samples

_WINDOW = 250
"""Packets that the target is computed over: 5 s of speech."""
_PERCENTILE = 0.98
_MAX_PACKETS = 100
"""Packets that are stored at most; with 20 ms each, 2 s."""
_MAX_JUMP = 5 * SAMPLE_RATE
"""A timestamp further away than this is the start of another stream."""
_STALL_FRAMES = 10
"""After so many concealed frames in a row there is nothing left to imitate: silence until the stream is back."""
_OVER_FRAMES = 25
"""For so long the delay is longer than wanted before a quiet frame goes."""
_OVER_LOUD_FRAMES = 100
"""For so long before a loud one goes."""
_FAR_OVER_MS = 120
_DTX_BYTES = 8
"""A packet of this size at most says that silence follows, so a gap after it is no loss."""
_QUIET_PEAK = 600

_FRAME_MS = 20
_TICKS_PER_MS = SAMPLE_RATE // 1000
_SILENCE = bytes(FRAME_BYTES)


class FrameDecoder(Protocol):
    """What the buffer needs of a decoder; `opus.Decoder` is one."""

    def decode(self, packet: bytes) -> bytes:
        """The sound in a packet; raises `OpusError`."""

    def recover(self, next_packet: bytes, samples: int = FRAME_SAMPLES) -> bytes:
        """The frame before `next_packet`; raises `OpusError`."""

    def conceal(self, samples: int = FRAME_SAMPLES) -> bytes:
        """An imitation of what is missing."""


@dataclass(slots=True)
class Counters:
    """What became of the packets of one stream, and what the listener was given instead of them.

    Attributes:
        received: packets put in.
        played: packets decoded and heard, or faded into the next one.
        lost: packets that never came, by their sequence numbers; one that comes late is not lost.
        late: packets that came after their time, or twice.
        broken: packets that are no Opus.
        recovered_ms: sound restored from redundancy: nearly as good as received.
        concealed_ms: sound made up.
        stalled_ms: silence because nothing came for longer than can be made up.
        skipped_ms: sound shortened to catch up.
    """

    received: int = 0
    played: int = 0
    lost: int = 0
    late: int = 0
    broken: int = 0
    recovered_ms: int = 0
    concealed_ms: int = 0
    stalled_ms: int = 0
    skipped_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    packet: bytes
    samples: int


class NetBuf:
    """One incoming stream. `put` may be called from one thread and `pull` from another.

    Args:
        decoder: whose state belongs to this stream alone.
        min_ms, max_ms: the bounds of the delay.
    """

    def __init__(self, decoder: FrameDecoder, *, min_ms: int = 40, max_ms: int = 300) -> None:
        if not 0 < min_ms <= max_ms <= 1000:
            raise ValueError("the delay needs 0 < min_ms <= max_ms <= 1000")
        self._decoder = decoder
        self._min_ms = min_ms
        self._max_ms = max_ms
        self._lock = threading.Lock()
        self._counters = Counters()
        self._target_ms = min_ms
        self._has_played = False
        self._last = _SILENCE
        self._restart()

    def _restart(self) -> None:
        """Begin a stream: nothing is known of the network's delays any more."""
        self._packets: dict[int, _Waiting] = {}
        self._pcm = bytearray()
        self._next: int | None = None
        self._floor: int | None = None
        self._newest: int | None = None
        self._highest_sequence: int | None = None
        self._end = 0
        self._delays: deque[float] = deque(maxlen=_WINDOW)
        self._sorted_delays: list[float] = []
        self._waited = 0
        self._starved = 0
        self._credit = 0
        self._over = 0
        self._after_dtx = False
        self._is_paused = False

    # What can be read at any time.

    @property
    def counters(self) -> Counters:
        """A copy of the counters."""
        with self._lock:
            return replace(self._counters)

    @property
    def target_ms(self) -> int:
        """The delay that is wanted."""
        return self._target_ms

    @property
    def depth_ms(self) -> int:
        """How much sound is stored now, with its gaps."""
        with self._lock:
            return self._depth() // _TICKS_PER_MS

    # The network's side.

    def put(self, sequence: int, timestamp: int, packet: bytes, arrived_s: float) -> None:
        """Store a packet.

        Args:
            sequence: RTP sequence number, 16 bits.
            timestamp: RTP timestamp at 48 kHz, 32 bits (RFC 7587 section 4.2).
            packet: the Opus packet.
            arrived_s: when it came, by a monotonic clock.
        """
        with self._lock:
            self._counters.received += 1
            samples = _samples_in(packet)
            if not samples:
                self._counters.broken += 1
                return
            at = self._unwrap(timestamp)
            self._count_lost(sequence)
            self._observe(arrived_s * 1000 - at / _TICKS_PER_MS)
            if at in self._packets or (self._floor is not None and at < self._floor):
                self._counters.late += 1
                return
            self._packets[at] = _Waiting(packet, samples)
            self._end = max(self._end, at + samples)
            if len(self._packets) > _MAX_PACKETS:
                self._drop_oldest()

    def pause(self) -> None:
        """The other side holds the call: silence is expected until the next packet."""
        with self._lock:
            self._restart()
            self._is_paused = True

    # The speaker's side.

    def pull(self) -> bytes:
        """The next 20 ms, always: 1920 bytes of mono, signed 16 bits."""
        with self._lock:
            while len(self._pcm) < FRAME_BYTES:
                self._pcm += self._step()
            frame = bytes(self._pcm[:FRAME_BYTES])
            del self._pcm[:FRAME_BYTES]
            self._last = frame
            return frame

    def _step(self) -> bytes:
        sound = self._produce()
        if self._next is not None:
            self._floor = self._next
        return sound

    def _produce(self) -> bytes:
        if self._next is None and not self._begin():
            return self._silence()
        self._spend_credit()
        faded = self._shrink()
        if faded is not None:
            return faded
        assert self._next is not None, "shrinking leaves a stream that has begun as it is"
        waiting = self._packets.pop(self._next, None)
        if waiting is not None:
            return self._play(waiting)
        if self._packets:
            return self._fill_gap()
        return self._stretch()

    def _begin(self) -> bool:
        """Start playing once the wanted delay is stored, or has passed since the first packet."""
        if not self._packets:
            return False
        self._waited += 1
        first = min(self._packets)
        stored_ms = (self._end - first) // _TICKS_PER_MS
        if max(stored_ms, self._waited * _FRAME_MS) < self._target_ms:
            return False
        self._next = first
        self._waited = 0
        return True

    def _play(self, waiting: _Waiting) -> bytes:
        assert self._next is not None, "only what has begun is played"
        self._next += waiting.samples
        self._starved = self._credit = 0
        self._after_dtx = len(waiting.packet) <= _DTX_BYTES
        self._has_played = True
        try:
            pcm = self._decoder.decode(waiting.packet)
        except OpusError:
            self._counters.broken += 1
            self._counters.concealed_ms += waiting.samples // _TICKS_PER_MS
            return self._decoder.conceal()
        self._counters.played += 1
        return pcm

    def _fill_gap(self) -> bytes:
        """Later packets are here, this one is not: it is lost, or too late."""
        assert self._next is not None, "there is no gap in what has not begun"
        following = min(self._packets)
        gap = following - self._next
        samples = min(gap, FRAME_SAMPLES)
        samples -= samples % 120
        if samples <= 0:
            # Odd timestamps, which no Opus sender makes: go on where there is something.
            self._next = following
            return b""
        self._next += samples
        if gap == samples:
            try:
                pcm = self._decoder.recover(self._packets[following].packet, samples)
            except OpusError:
                pass
            else:
                self._counters.recovered_ms += samples // _TICKS_PER_MS
                return pcm
        self._count_made_up(samples)
        return self._decoder.conceal(samples)

    def _stretch(self) -> bytes:
        """Nothing is here: make up a frame and stay in place."""
        self._starved += 1
        if self._starved > _STALL_FRAMES:
            self._next = None
            self._credit = self._starved = 0
            return self._silence()
        self._credit += FRAME_SAMPLES
        self._count_made_up(FRAME_SAMPLES)
        return self._decoder.conceal()

    def _spend_credit(self) -> None:
        """What was made up while nothing came stands for what turns out to be lost."""
        if not self._credit or not self._packets or self._next is None:
            return
        gap = min(self._packets) - self._next
        spent = min(self._credit, gap) // FRAME_SAMPLES * FRAME_SAMPLES
        self._next += spent
        self._credit -= spent

    def _shrink(self) -> bytes | None:
        """Where the delay is too long for long enough, two frames become one."""
        over_ms = self._depth() // _TICKS_PER_MS - self._target_ms
        self._over = self._over + 1 if over_ms > _FRAME_MS else 0
        if over_ms <= _FAR_OVER_MS and self._over <= _OVER_FRAMES:
            return None
        assert self._next is not None, "only what has begun has a delay"
        here = self._packets.get(self._next)
        following = None if here is None else self._packets.get(self._next + here.samples)
        if here is None or following is None or here.samples != following.samples:
            return None
        must = over_ms > _FAR_OVER_MS or self._over > _OVER_LOUD_FRAMES
        if not must and self._peak_before() > _QUIET_PEAK:
            return None
        self._over = 0
        for _ in range(2):
            self._packets.pop(self._next)
            self._next += here.samples
        self._counters.skipped_ms += here.samples // _TICKS_PER_MS
        try:
            # Both are decoded, because each packet builds on the one before it.
            faded = _fade(self._decoder.decode(here.packet), self._decoder.decode(following.packet))
        except OpusError:
            self._counters.broken += 1
            return self._decoder.conceal()
        self._counters.played += 2
        return faded

    def _peak_before(self) -> int:
        return max(map(abs, array.array("h", self._last)[::16]), default=0)

    def _silence(self) -> bytes:
        if self._has_played and not self._is_paused and not self._after_dtx:
            self._counters.stalled_ms += _FRAME_MS
        return _SILENCE

    def _count_made_up(self, samples: int) -> None:
        if not self._after_dtx:
            self._counters.concealed_ms += samples // _TICKS_PER_MS

    def _depth(self) -> int:
        return 0 if self._next is None else max(0, self._end - self._next)

    def _drop_oldest(self) -> None:
        """Far behind: go on from where the wanted delay would be."""
        floor = self._end - self._target_ms * _TICKS_PER_MS
        dropped = [at for at in self._packets if at < floor]
        for at in dropped:
            self._counters.skipped_ms += self._packets.pop(at).samples // _TICKS_PER_MS
        if self._next is not None and self._packets:
            self._next = max(self._next, min(self._packets))

    def _unwrap(self, timestamp: int) -> int:
        """The timestamp on a line that does not end at 32 bits; a far jump starts the stream anew."""
        if self._newest is not None:
            step = (timestamp - self._newest + (1 << 31)) % (1 << 32) - (1 << 31)
            if abs(step) <= _MAX_JUMP:
                at = self._newest + step
                self._newest = max(self._newest, at)
                return at
            self._restart()
        self._is_paused = False
        self._newest = self._end = timestamp
        return timestamp

    def _count_lost(self, sequence: int) -> None:
        if self._highest_sequence is None:
            self._highest_sequence = sequence
            return
        step = (sequence - self._highest_sequence + (1 << 15)) % (1 << 16) - (1 << 15)
        if step > 0:
            self._counters.lost += step - 1
            self._highest_sequence = sequence
        elif step < 0:
            # It was counted as lost when a later one overtook it.
            self._counters.lost = max(0, self._counters.lost - 1)

    def _observe(self, delay_ms: float) -> None:
        if len(self._delays) == _WINDOW:
            del self._sorted_delays[bisect_left(self._sorted_delays, self._delays[0])]
        self._delays.append(delay_ms)
        insort(self._sorted_delays, delay_ms)
        late = self._sorted_delays[min(len(self._delays) - 1, int(len(self._delays) * _PERCENTILE))]
        wanted_ms = min(max(late - self._sorted_delays[0], self._min_ms), self._max_ms)
        # Whole frames, because that is how sound comes and goes.
        self._target_ms = -int(-wanted_ms // _FRAME_MS) * _FRAME_MS


def _samples_in(packet: bytes) -> int:
    """How many samples a packet holds; 0 for one that cannot be played."""
    if len(packet) > MAX_INPUT_BYTES:
        return 0
    try:
        return packet_samples(packet)
    except OpusError:
        return 0


def _fade(one: bytes, other: bytes) -> bytes:
    """Two sounds of one length as one: it begins as the first and ends as the second."""
    first, second = array.array("h", one), array.array("h", other)
    count = min(len(first), len(second))
    mixed = array.array("h", [(first[n] * (count - n) + second[n] * n) // count for n in range(count)])
    return mixed.tobytes()
