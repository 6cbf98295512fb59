"""A token bucket that says when a client sends more than its share."""


class Bucket:
    """Refills at `rate` per second up to `burst`. Times are monotonic seconds."""

    __slots__ = ("_at", "_left", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._left = burst
        self._at = now

    def take(self, count: int, now: float) -> bool:
        """Take `count` tokens; False where there are not enough, and then none is taken."""
        left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if count > left:
            self._left = left
            return False
        self._left = left - count
        return True
