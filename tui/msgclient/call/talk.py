"""From the microphone to the network: frames of 20 ms, mute, level, echo cancellation, Opus.

`Talk.capture` runs in the thread of the sound card, everything else in the event loop. What passes between the two is
single attributes, each written by one side only.
"""

from collections.abc import Callable
from typing import Protocol

from . import pcm
from .bitrate import Setting
from .opus import FRAME_BYTES, FRAME_SAMPLES, Encoder

_SILENCE = bytes(FRAME_BYTES)


class Canceller(Protocol):
    """Takes out of what is captured what was just played."""

    def captured(self, frame: bytes) -> bytes:
        """20 ms from the microphone; returns them cleaned."""

    def played(self, frame: bytes) -> None:
        """20 ms that go to the speaker."""


class Talk:
    """The sending half of a call's sound.

    Args:
        on_packet: takes a timestamp in samples and an Opus packet, in the capture thread.
        canceller: for those who use loudspeakers.
    """

    def __init__(self, on_packet: Callable[[int, bytes], None], canceller: Canceller | None = None) -> None:
        self.is_muted = False
        self.is_sending = False
        self.canceller = canceller
        self.monitor: Callable[[bytes], None] | None = None
        """Given each frame beside the network, to let the person hear it."""
        self._on_packet = on_packet
        self._encoder = Encoder()
        self._setting: Setting | None = None
        self._wanted: Setting | None = None
        self._backlog = bytearray()
        self.timestamp = 0
        """Of the next frame, in samples."""
        self._peak = 0

    def set_rate(self, setting: Setting) -> None:
        """Change bitrate and redundancy from the next frame on."""
        self._wanted = setting

    def take_level(self) -> int:
        """The loudest since the last call, as `pcm.meter`; also while muted, so that one sees that one speaks."""
        loudest, self._peak = self._peak, 0
        return pcm.meter(loudest)

    def capture(self, data: bytes) -> None:
        """Sound from the microphone, of any length; called by the sound card's thread."""
        self._backlog += data
        while len(self._backlog) >= FRAME_BYTES:
            frame = bytes(self._backlog[:FRAME_BYTES])
            del self._backlog[:FRAME_BYTES]
            self._send(frame)

    def _send(self, frame: bytes) -> None:
        if self.canceller is not None:
            frame = self.canceller.captured(frame)
        self._peak = max(self._peak, pcm.peak(frame))
        if self.monitor is not None:
            self.monitor(frame)
        # The clock of the stream runs on whatever is sent, or the other side would take a pause for a gap.
        timestamp, self.timestamp = self.timestamp, self.timestamp + FRAME_SAMPLES
        if not self.is_sending:
            return
        wanted = self._wanted
        if wanted is not None and wanted != self._setting:
            self._encoder.set_bitrate(wanted.bitrate)
            self._encoder.set_packet_loss(wanted.packet_loss_percent)
            self._setting = wanted
        self._on_packet(timestamp, self._encoder.encode(_SILENCE if self.is_muted else frame))
