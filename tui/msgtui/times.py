"""Times as people read them, in the time zone of this terminal. Pure: the present is an argument."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

_QUARTER_MS = 15 * 60_000
"""Days begin on a quarter of an hour in every time zone, so one lookup serves all that happens in a quarter."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Turns UTC epoch ms into words. `zone` None is the local time zone."""

    zone: tzinfo | None = None

    def at(self, ms: int) -> datetime:
        """The moment in this zone; what no calendar can hold becomes its edge."""
        seconds = min(max(ms / 1000, 0), 253_402_214_400)
        return datetime.fromtimestamp(seconds, UTC).astimezone(self.zone)

    def day(self, ms: int) -> date:
        """The day in this zone."""
        return _day(self, ms // _QUARTER_MS)

    def clock(self, ms: int) -> str:
        """`10:31`."""
        return self.at(ms).strftime("%H:%M")

    def day_name(self, ms: int, now_ms: int) -> str:
        """`Today`, `Yesterday`, `Tuesday 18 November`, with the year where it is another."""
        day, today = self.day(ms), self.day(now_ms)
        if day == today:
            return "Today"
        if (today - day).days == 1:
            return "Yesterday"
        return f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")

    def brief(self, ms: int, now_ms: int) -> str:
        """At most six cells: `10:31`, `Tue`, `3 Nov`, `2024`."""
        day, today = self.day(ms), self.day(now_ms)
        if day == today:
            return self.clock(ms)
        if 0 < (today - day).days < 7:
            return f"{day:%a}"
        return f"{day.day} {day:%b}" if day.year == today.year else str(day.year)

    def full(self, ms: int) -> str:
        """`18 November 2025, 10:31`."""
        at = self.at(ms)
        return f"{at.day} {at:%B} {at.year}, {at:%H:%M}"

    def ago(self, ms: int, now_ms: int) -> str:
        """`just now`, `5 min ago`, `at 10:31`, `on 3 Nov`."""
        minutes = (now_ms - ms) // 60_000
        if minutes < 1:
            return "just now"
        if minutes < 60:
            return f"{minutes} min ago"
        brief = self.brief(ms, now_ms)
        return f"at {brief}" if ":" in brief else f"on {brief}" if " " in brief or brief.isalpha() else f"in {brief}"


@lru_cache(maxsize=4096)
def _day(calendar: Calendar, quarter: int) -> date:
    return calendar.at(quarter * _QUARTER_MS).date()


def duration(ms: int) -> str:
    """`42 s`, `3 min 12 s`, `1 h 5 min`."""
    seconds = max(0, ms) // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def wait(seconds: float) -> str:
    """How long to wait, rounded up: `1 s`, `2 min`."""
    whole = max(1, int(-(-seconds // 1)))
    return f"{whole} s" if whole < 100 else f"{-(-whole // 60)} min"
