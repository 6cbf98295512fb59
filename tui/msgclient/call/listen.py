"""From the network to the speaker: what the jitter buffer gives, volume, level, and the tones of a call.

`Listen.play` runs in the thread of the sound card, everything else in the event loop.
"""

from collections.abc import Iterator
from typing import Protocol

from . import pcm
from .opus import FRAME_BYTES
from .talk import Canceller

MAX_VOLUME_PERCENT = 200

_SILENCE = bytes(FRAME_BYTES)


class Buffer(Protocol):
    """Where the sound comes from; `netbuf.NetBuf` is one."""

    def pull(self) -> bytes:
        """The next 20 ms."""


class Listen:
    """The receiving half of a call's sound."""

    def __init__(self, canceller: Canceller | None = None) -> None:
        self.buffer: Buffer | None = None
        self.is_deafened = False
        self.canceller = canceller
        self._tone: Iterator[bytes] | None = None
        self._volume_percent = 100
        self._ready = bytearray()
        self._peak = 0

    @property
    def volume_percent(self) -> int:
        """How loud the other side is played, 0 to 200; 100 is as it comes."""
        return self._volume_percent

    @volume_percent.setter
    def volume_percent(self, percent: int) -> None:
        self._volume_percent = max(0, min(MAX_VOLUME_PERCENT, percent))

    def ring(self, tone: Iterator[bytes] | None) -> None:
        """Play frames of 20 ms over the call, until others come or, with None, no more."""
        self._tone = tone

    def take_level(self) -> int:
        """The loudest of the other side since the last call, as `pcm.meter`."""
        loudest, self._peak = self._peak, 0
        return pcm.meter(loudest)

    def play(self, samples: int) -> bytes:
        """The next sound for the speaker; called by the sound card's thread."""
        size = samples * 2
        while len(self._ready) < size:
            self._ready += self._frame()
        sound = bytes(self._ready[:size])
        del self._ready[:size]
        return sound

    def _frame(self) -> bytes:
        buffer, tone = self.buffer, self._tone
        frame = _SILENCE if buffer is None else buffer.pull()
        self._peak = max(self._peak, pcm.peak(frame))
        frame = _SILENCE if self.is_deafened else pcm.scaled(frame, self._volume_percent)
        if tone is not None:
            frame = pcm.mixed(frame, next(tone, _SILENCE))
        if self.canceller is not None:
            self.canceller.played(frame)
        return frame
