"""When to try again: jittered exponential backoff, in which the server's own wish wins."""

import re
from collections.abc import Callable

_WISH = re.compile(r"retry_after_ms=(\d{1,9})\b")


class Backoff:
    """Delays between tries.

    The jitter comes after the cap: otherwise all clients that have waited long come back in the same second.

    Args:
        random: gives 0.0 to below 1.0.
        first_s: the mean of the first delay.
        cap_s: the longest delay before jitter; a delay is half to one and a half of what it is without.
    """

    def __init__(self, random: Callable[[], float], first_s: float = 0.5, cap_s: float = 30.0) -> None:
        self._random = random
        self._first_s = first_s
        self._cap_s = cap_s
        self.tries = 0

    def succeeded(self) -> None:
        """Start over with the shortest delay."""
        self.tries = 0

    def next_delay_s(self, retry_after_ms: int | None = None) -> float:
        """The delay before the next try, in seconds.

        Where the server has said `retry_after_ms`, it is never shorter, and spread over a tenth beyond it.
        """
        # 2 ** 20 is past every cap; the exponent is bounded so that the number stays one.
        backoff_s = min(self._cap_s, self._first_s * 2.0 ** min(self.tries, 20))
        self.tries += 1
        if retry_after_ms is not None:
            return retry_after_ms / 1000 * (1 + 0.1 * self._random())
        return backoff_s * (0.5 + self._random())


def retry_after_in(reason: str) -> int | None:
    """The `retry_after_ms` that a close reason carries (close codes 1012 and 1013), in milliseconds."""
    found = _WISH.search(reason)
    return int(found.group(1)) if found else None
