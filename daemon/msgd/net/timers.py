"""One timer for thousands of connections: a wheel of coarse buckets, and the loop that turns it."""

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, TypeAlias

import trio

RESOLUTION_S: Final = 0.25
"""How late a timer may be; deadlines of the gateway are seconds."""

Call: TypeAlias = Callable[[float], None]
"""What a timer does when it is due: a synchronous call that is given the present time."""


def _nothing(_: float) -> None:
    """Stand in for the call of a timer that was disarmed."""


class Timer:
    """One armed call; keep it to disarm it."""

    __slots__ = ("_call", "_tick")

    def __init__(self, call: Call, tick: int) -> None:
        self._call = call
        self._tick = tick


class TimerWheel:
    """Calls things when they are due, at most one resolution late and never early.

    Arming and disarming cost the same however many timers there are, and an idle wheel costs nothing. Times are seconds
    of one monotonic clock: in the daemon, trio's.
    """

    def __init__(self, resolution_s: float = RESOLUTION_S) -> None:
        self._resolution_s = resolution_s
        self._buckets: dict[int, dict[Timer, None]] = {}  # dictionaries keep the order in which timers were armed
        self._ticks: list[int] = []  # a heap of the buckets' keys
        self._nap: trio.CancelScope | None = None

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def arm(self, call: Call, at: float) -> Timer:
        """Have `call` made once, at `at` or up to one resolution later."""
        tick = math.ceil(at / self._resolution_s)
        timer = Timer(call, tick)
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = {}
            heappush(self._ticks, tick)
            if self._nap is not None and self._ticks[0] == tick:
                self._nap.deadline = tick * self._resolution_s
        bucket[timer] = None
        return timer

    def disarm(self, timer: Timer) -> None:
        """Take a timer back; one that was already due or disarmed is left alone."""
        timer._call = _nothing  # what was to be called may live no longer than its owner
        bucket = self._buckets.get(timer._tick)
        if bucket is not None:
            bucket.pop(timer, None)

    def next_at(self) -> float:
        """Return when `due` is next worth calling; infinity when nothing is armed."""
        while self._ticks and not self._buckets[self._ticks[0]]:
            del self._buckets[heappop(self._ticks)]
        return self._ticks[0] * self._resolution_s if self._ticks else math.inf

    def due(self, now: float) -> list[Call]:
        """Take out everything that is due at `now`, earliest first."""
        calls: list[Call] = []
        while self._ticks and self._ticks[0] * self._resolution_s <= now:
            calls.extend(timer._call for timer in self._buckets.pop(heappop(self._ticks)))
        return calls

    async def run(self) -> None:
        """Make the calls as they fall due, by trio's clock, until cancelled. A call must not raise."""
        while True:
            with trio.CancelScope(deadline=self.next_at()) as self._nap:
                await trio.sleep_forever()
            self._nap = None
            now = trio.current_time()
            for call in self.due(now):
                call(now)
