"""The two clocks: epoch milliseconds for what is stored and sent, trio's monotonic seconds for what waits."""

import time


def epoch_ms() -> int:
    """UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000
