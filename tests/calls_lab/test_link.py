"""The emulated link loses, delays and keeps in order what it is told to."""

import random
from itertools import groupby

import pytest

from msgbench.calls.emulator import Conditions, Direction


def fates(conditions: Conditions, packets: int = 20_000) -> list[float | None]:
    """When each packet goes on, one coming every 20 ms; None where it is lost."""
    direction = Direction(random.Random(7))
    return [direction.leaves_at(n * 0.02, conditions) for n in range(packets)]


def test_a_perfect_link_does_nothing() -> None:
    assert fates(Conditions(), 100) == [n * 0.02 for n in range(100)]


@pytest.mark.parametrize("burst", [1.0, 3.0])
def test_losses_have_their_share_and_length(burst: float) -> None:
    lost = [at is None for at in fates(Conditions(loss=0.1, burst=burst))]
    assert sum(lost) / len(lost) == pytest.approx(0.1, abs=0.015)
    runs = [len(list(group)) for is_lost, group in groupby(lost) if is_lost]
    # Independent losses also follow each other now and then.
    assert sum(runs) / len(runs) == pytest.approx(1.11 if burst == 1 else burst, rel=0.1)


def test_jitter_delays_and_keeps_the_order() -> None:
    times = [at for at in fates(Conditions(delay_ms=20, jitter_ms=50), 2000) if at is not None]
    late = [at - n * 0.02 for n, at in enumerate(times)]
    assert times == sorted(times)
    assert min(late) >= 0.02 - 1e-9
    assert max(late) <= 0.07 + 1e-9
    assert sum(late) / len(late) > 0.045
