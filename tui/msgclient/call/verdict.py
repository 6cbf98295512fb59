"""One line at the end of a call: how it was and, where it was bad, whose network was to blame. Pure.

What counts as evidence: loss is measured in both directions, and the way from here to the server is measured beside it.
Where the call lost sound while that way was steady, the trouble was not on this side.
"""

from collections import deque
from dataclasses import dataclass

from .messages import Stats

_MAX_SAMPLES = 3600
_BAD_LOSS = 0.05
_POOR_LOSS = 0.02
_LONG_RTT_MS = 400.0
_SPIKE_FACTOR = 3.0
_SPIKE_MS = 150.0
_UNSTEADY = 0.1


@dataclass(frozen=True, slots=True)
class Summary:
    """A call in numbers. Losses are shares, 0.0 to 1.0; `made_up_ms` is what the person heard that nobody said."""

    near_loss: float
    far_loss: float
    rtt_ms: float | None
    jitter_ms: float | None
    made_up_ms: int
    recovered_ms: int
    reconnects: int
    server_is_steady: bool
    seconds: int


class Quality:
    """Collects what a call goes through."""

    def __init__(self) -> None:
        self.reconnects = 0
        self.sound_was_missing = False
        self._stats: deque[Stats] = deque(maxlen=_MAX_SAMPLES)
        self._server_rtt_ms: deque[float] = deque(maxlen=_MAX_SAMPLES)
        self._earlier = (0, 0, 0)
        self._epoch_end = (0, 0, 0)
        self._epoch = 0

    def observe(self, stats: Stats) -> None:
        """A second of the call."""
        if stats.epoch != self._epoch:
            # The counters of a new connection start at nothing.
            self._earlier = _sum(self._earlier, self._epoch_end)
            self._epoch = stats.epoch
        self._epoch_end = (stats.concealed_ms, stats.recovered_ms, stats.stalled_ms)
        self._stats.append(stats)

    def server_answered(self, rtt_ms: float) -> None:
        """How long the server took to answer, while the call went on."""
        self._server_rtt_ms.append(rtt_ms)

    @property
    def concealed_ms(self) -> int:
        """Sound made up in the whole call, with the silence where nothing could be made up."""
        concealed, _, stalled = _sum(self._earlier, self._epoch_end)
        return concealed + stalled

    def summary(self) -> Summary:
        """The call so far."""
        rtts = sorted(s.rtt_ms for s in self._stats if s.rtt_ms is not None)
        jitters = sorted(s.jitter_ms for s in self._stats if s.jitter_ms is not None)
        far = [s.far_loss for s in self._stats if s.far_loss is not None]
        return Summary(
            near_loss=sum(s.near_loss for s in self._stats) / max(1, len(self._stats)),
            far_loss=sum(far) / max(1, len(far)),
            rtt_ms=_middle(rtts),
            jitter_ms=_middle(jitters),
            made_up_ms=self.concealed_ms,
            recovered_ms=_sum(self._earlier, self._epoch_end)[1],
            reconnects=self.reconnects,
            server_is_steady=self._server_is_steady(),
            seconds=len(self._stats),
        )

    def verdict(self) -> str | None:
        """The line; None for a call in which nobody was heard."""
        if not self._stats:
            return None
        return line_for(self.summary(), sound_was_missing=self.sound_was_missing)

    def _server_is_steady(self) -> bool:
        rtts = sorted(self._server_rtt_ms)
        if not rtts:
            return False
        limit = max(rtts[len(rtts) // 2] * _SPIKE_FACTOR, rtts[len(rtts) // 2] + _SPIKE_MS)
        return sum(rtt > limit for rtt in rtts) <= _UNSTEADY * len(rtts)


def line_for(call: Summary, *, sound_was_missing: bool = False) -> str:
    """The sentence for a summary."""
    worst = max(call.near_loss, call.far_loss)
    numbers = f"{call.near_loss:.0%} of their sound and {call.far_loss:.0%} of yours was lost"
    if call.reconnects:
        times = "once" if call.reconnects == 1 else f"{call.reconnects} times"
        return f"The connection broke {times}; {numbers}. {_blame(call)}"
    if worst >= _BAD_LOSS:
        return f"Bad line: {numbers}. {_blame(call)}"
    if call.rtt_ms is not None and call.rtt_ms >= _LONG_RTT_MS:
        return f"Long way: {call.rtt_ms:.0f} ms there and back. {_blame(call)}"
    if worst >= _POOR_LOSS:
        return f"Fair line: {numbers}, most of it repaired. {_blame(call)}"
    if sound_was_missing:
        return "Good line, but a sound device was missing for a while on this side."
    rtt = "" if call.rtt_ms is None else f" {call.rtt_ms:.0f} ms there and back,"
    return f"Good line:{rtt} {call.made_up_ms / 1000:.1f} s of sound had to be made up."


def _blame(call: Summary) -> str:
    if not call.server_is_steady:
        return "Your own network was unsteady."
    return "Your own network was steady: the trouble was on their side, or on the way."


def _middle(values: list[float]) -> float | None:
    return values[len(values) // 2] if values else None


def _sum(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
