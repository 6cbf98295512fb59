"""What to send, by what arrives: how many bits per second, and how much redundancy. Pure."""

from dataclasses import dataclass

MAX_BITRATE = 48_000
MIN_BITRATE = 16_000
_MIN_LOSS_PERCENT = 5
"""Prepared for at all times: the first loss comes before the first report of one."""
_MAX_LOSS_PERCENT = 30
"""Past this, libopus spends so much on redundancy that the sound itself suffers."""
_CONGESTED_RTT_FACTOR = 2.0
_CONGESTED_RTT_MS = 120.0
"""A queue that is so much longer than at its shortest means that the line is full."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the encoder is told. `bitrate` in bits per second."""

    bitrate: int
    packet_loss_percent: int


class BitrateControl:
    """Follows the other side's reports, about one a second.

    Loss alone is no reason to send less: on a radio link it would only cost quality. Loss while the round trip grows is
    a full line, and then less gets further.
    """

    def __init__(self) -> None:
        self._bitrate = float(MAX_BITRATE)
        self._loss = 0.0
        self._shortest_rtt_ms: float | None = None

    @property
    def setting(self) -> Setting:
        """What holds now."""
        percent = round(self._loss * 100 * 1.5) + _MIN_LOSS_PERCENT
        return Setting(int(self._bitrate), min(percent, _MAX_LOSS_PERCENT))

    def observe(self, far_loss: float, rtt_ms: float | None) -> Setting:
        """A report: the share of packets that was missed lately (0.0 to 1.0), and the round trip, where known."""
        far_loss = min(max(far_loss, 0.0), 1.0)
        # Up at once, down slowly: loss comes in bursts.
        self._loss = max(far_loss, self._loss * 0.9 + far_loss * 0.1)
        is_queued = False
        if rtt_ms is not None:
            shortest = self._shortest_rtt_ms = min(rtt_ms, self._shortest_rtt_ms or rtt_ms)
            is_queued = rtt_ms > shortest * _CONGESTED_RTT_FACTOR + _CONGESTED_RTT_MS
        if is_queued and far_loss > 0.02:
            self._bitrate = max(float(MIN_BITRATE), self._bitrate * 0.75)
        elif not is_queued:
            self._bitrate = min(float(MAX_BITRATE), self._bitrate * 1.08)
        return self.setting
