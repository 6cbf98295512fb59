"""When a connection must be pinged, given up or looked at again: the decision alone, without a clock."""

from dataclasses import dataclass
from enum import Enum, auto

from msgd.net.settings import GatewaySettings


class Verdict(Enum):
    """What is due."""

    WELL = auto()
    PING = auto()
    IDLE = auto()
    """Nothing was heard for `idle_timeout_s`."""
    STUCK = auto()
    """The peer took no chunk for `write_deadline_s`."""
    UNANSWERED = auto()
    """The peer did not answer our close frame within `close_timeout_s`."""


@dataclass(slots=True)
class Signs:
    """What is known of a connection; all times are seconds of one monotonic clock."""

    heard_at: float
    """When the last bytes came."""
    pinged_at: float = float("-inf")
    """When the last ping was sent."""
    writing_since: float | None = None
    """Since when the kernel has refused a chunk; None when nothing waits."""
    ending_since: float | None = None
    """Since when the end of the connection is awaited; None while it is not."""


def judge(now: float, signs: Signs, settings: GatewaySettings, *, listening: bool) -> tuple[Verdict, float]:
    """Return what is due at `now`, and when to ask again (later than `now`, unless the connection ends by it).

    `listening` is False while we do not read the socket: silence then says nothing about the peer.
    """
    if signs.writing_since is not None:
        stuck_at = signs.writing_since + settings.write_deadline_s
        if now >= stuck_at:
            return Verdict.STUCK, stuck_at
    else:
        stuck_at = float("inf")
    if signs.ending_since is not None:
        late_at = signs.ending_since + settings.close_timeout_s
        return (Verdict.UNANSWERED if now >= late_at else Verdict.WELL), min(late_at, stuck_at)
    if not listening:
        return Verdict.WELL, min(now + settings.ping_interval_s, stuck_at)
    idle_at = signs.heard_at + settings.idle_timeout_s
    if now >= idle_at:
        return Verdict.IDLE, idle_at
    ping_at = max(signs.heard_at, signs.pinged_at) + settings.ping_interval_s
    if now >= ping_at:
        return Verdict.PING, min(now + settings.ping_interval_s, idle_at, stuck_at)
    return Verdict.WELL, min(ping_at, idle_at, stuck_at)
