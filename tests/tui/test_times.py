"""Times as people read them."""

from datetime import UTC, timedelta, timezone

import pytest

from msgtui.times import Calendar, duration, wait

from .world import DAY, HOUR, MINUTE, NOW

UTC_CALENDAR = Calendar(UTC)


@pytest.mark.parametrize(
    ("ago_ms", "brief", "day"),
    [
        (0, "10:42", "Today"),
        (10 * HOUR, "00:42", "Today"),
        (11 * HOUR, "Mon", "Yesterday"),
        (6 * DAY, "Wed", "Wednesday 12 November"),
        (7 * DAY, "11 Nov", "Tuesday 11 November"),
        (400 * DAY, "2024", "Monday 14 October 2024"),
    ],
)
def test_days(ago_ms: int, brief: str, day: str) -> None:
    assert UTC_CALENDAR.brief(NOW - ago_ms, NOW) == brief
    assert UTC_CALENDAR.day_name(NOW - ago_ms, NOW) == day


@pytest.mark.parametrize(
    ("ago_ms", "words"),
    [(10_000, "just now"), (5 * MINUTE, "5 min ago"), (3 * HOUR, "at 07:42"), (DAY, "on Mon"), (400 * DAY, "in 2024")],
)
def test_ago(ago_ms: int, words: str) -> None:
    assert UTC_CALENDAR.ago(NOW - ago_ms, NOW) == words


def test_the_time_zone_decides_which_day_it_is() -> None:
    nepal = Calendar(timezone(timedelta(hours=5, minutes=45)))
    evening = NOW + 8 * HOUR  # 18:42 UTC, 00:27 in Nepal
    assert nepal.day_name(evening, NOW) != UTC_CALENDAR.day_name(evening, NOW)
    assert nepal.clock(evening) == "00:27"


@pytest.mark.parametrize("ms", [0, 2**63 - 1, -5])
def test_no_time_is_too_strange_to_show(ms: int) -> None:
    assert UTC_CALENDAR.full(ms)
    assert UTC_CALENDAR.brief(ms, NOW)


def test_durations() -> None:
    assert [duration(ms) for ms in (0, 42_000, 192_000, 3_900_000)] == ["0 s", "42 s", "3 min 12 s", "1 h 5 min"]
    assert [wait(seconds) for seconds in (0, 0.4, 12.0, 12.1, 100, 601)] == [
        "1 s",
        "1 s",
        "12 s",
        "13 s",
        "2 min",
        "11 min",
    ]
