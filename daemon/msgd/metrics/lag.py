"""Measures how late the event loop is: a task that sleeps, and looks at the clock when it wakes."""

import trio

from msgd.metrics import Metrics


async def measure_lag(metrics: Metrics, period_s: float = 0.25) -> None:
    """Observe the lag every `period_s` seconds until cancelled."""
    while True:
        due = trio.current_time() + period_s
        await trio.sleep_until(due)
        metrics.loop_lag.observe(trio.current_time() - due)
