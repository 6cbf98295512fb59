"""One clock for everything that waits: a heap of moments, and one task that rings them."""

import heapq
import itertools
import math
from collections.abc import Callable

import trio


class Alarm:
    """Something that is to happen at a moment (trio's clock, seconds). `cancel` takes it back."""

    __slots__ = ("call", "when")

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Take it back; harmless when it has rung."""
        self.call = None


class AlarmClock:
    """Alarms of the daemon. Each connection and each call holds a few at most, so their number is bounded by theirs."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Alarm]] = []
        self._order = itertools.count()
        self._woken = trio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, when: float, call: Callable[[], None]) -> Alarm:
        """Ring at `when`. `call` must not block, and must not raise."""
        alarm = Alarm(when, call)
        if not self._heap or when < self._heap[0][0]:
            self._woken.set()
        heapq.heappush(self._heap, (when, next(self._order), alarm))
        return alarm

    def after(self, delay_s: float, call: Callable[[], None]) -> Alarm:
        """Ring after a delay."""
        return self.at(trio.current_time() + delay_s, call)

    async def run(self) -> None:
        """Ring until cancelled."""
        while True:
            now = trio.current_time()
            while self._heap and (self._heap[0][0] <= now or self._heap[0][2].call is None):
                alarm = heapq.heappop(self._heap)[2]
                call, alarm.call = alarm.call, None
                if call is not None:
                    call()
            self._woken = trio.Event()
            until = self._heap[0][0] if self._heap else math.inf
            with trio.move_on_at(until):
                await self._woken.wait()
            await trio.lowlevel.checkpoint()
