"""The timer wheel: never early, at most one resolution late, and cheap to change one's mind."""

import math

import hypothesis.strategies as st
import pytest
import trio
import trio.testing
from hypothesis import given

from msgd.net.timers import TimerWheel


def test_an_empty_wheel_is_never_due() -> None:
    wheel = TimerWheel()
    assert wheel.next_at() == math.inf
    assert wheel.due(1e9) == []
    assert len(wheel) == 0


def test_what_is_due_comes_out_once_and_in_order() -> None:
    wheel = TimerWheel(1.0)
    heard: list[str] = []
    wheel.arm(lambda _: heard.append("second"), 20.0)
    wheel.arm(lambda _: heard.append("first"), 10.0)
    wheel.arm(lambda _: heard.append("also second"), 20.0)
    for call in wheel.due(25.0):
        call(25.0)
    assert heard == ["first", "second", "also second"]
    assert wheel.due(25.0) == []


def test_a_disarmed_timer_is_not_called() -> None:
    wheel = TimerWheel(1.0)
    wheel.disarm(wheel.arm(lambda _: pytest.fail("disarmed"), 10.0))
    assert wheel.next_at() == math.inf
    assert wheel.due(20.0) == []


def test_disarming_twice_or_too_late_does_nothing() -> None:
    wheel = TimerWheel(1.0)
    heard: list[float] = []
    timer = wheel.arm(heard.append, 10.0)
    (call,) = wheel.due(10.0)
    wheel.disarm(timer)
    wheel.disarm(timer)
    call(10.0)
    assert heard == [10.0]


@given(st.floats(1e-3, 1e7), st.sampled_from([0.1, 0.25, 1.0, 3.0]))
def test_a_timer_is_never_early_and_at_most_one_resolution_late(at: float, resolution_s: float) -> None:
    wheel = TimerWheel(resolution_s)
    wheel.arm(lambda _: None, at)
    due_at = wheel.next_at()
    assert at <= due_at * (1 + 1e-12)
    assert due_at <= at + resolution_s * (1 + 1e-6)
    assert wheel.due(due_at - resolution_s / 2) == []
    assert len(wheel.due(due_at)) == 1


@pytest.mark.trio
async def test_the_loop_calls_when_due_also_what_was_armed_while_it_slept(
    nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    wheel = TimerWheel(1.0)
    nursery.start_soon(wheel.run)
    await trio.testing.wait_all_tasks_blocked()
    heard: list[float] = []
    wheel.arm(heard.append, 100.0)
    wheel.arm(heard.append, 10.0)
    mock_clock.jump(9.5)
    await trio.testing.wait_all_tasks_blocked()
    assert heard == []
    mock_clock.jump(0.5)
    await trio.testing.wait_all_tasks_blocked()
    assert heard == [10.0]
    mock_clock.jump(200.0)
    await trio.testing.wait_all_tasks_blocked()
    assert heard == [10.0, 210.0]


@pytest.mark.trio
async def test_a_call_may_arm_the_next_one(nursery: trio.Nursery, mock_clock: trio.testing.MockClock) -> None:
    wheel = TimerWheel(1.0)
    heard: list[float] = []

    def again(now: float) -> None:
        heard.append(now)
        wheel.arm(again, now + 10.0)

    wheel.arm(again, 10.0)
    nursery.start_soon(wheel.run)
    for _ in range(3):
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(10.0)
    await trio.testing.wait_all_tasks_blocked()
    assert heard == [10.0, 20.0, 30.0]
