"""The sound of Echo: it greets, then says back what it hears, a moment later."""

import threading
from collections import deque
from pathlib import Path

from .devices import SilentCapture, SilentPlayback, read_sound
from .opus import FRAME_BYTES

DELAY_FRAMES = 50
"""One second: long enough to hear oneself after having spoken, short enough to wait for."""
GREETING = Path(__file__).parent / "greeting.mp3"

_SILENCE = bytes(FRAME_BYTES)


class EchoSound:
    """Both ends of Echo's sound: `capture` gives what `playback` took, after the greeting."""

    def __init__(self, greeting: bytes | None = None) -> None:
        self._greeting = read_sound(GREETING) if greeting is None else greeting
        self._at = 0
        self._heard: deque[bytes] = deque([_SILENCE] * DELAY_FRAMES, maxlen=2 * DELAY_FRAMES)
        self._lock = threading.Lock()
        self.capture: SilentCapture = _Says(self)
        self.playback: SilentPlayback = _Hears(self)

    def begin(self) -> None:
        """A call begins: greet again, and forget what was heard."""
        with self._lock:
            self._at = 0
            self._heard.clear()
            self._heard.extend([_SILENCE] * DELAY_FRAMES)

    def say(self) -> bytes:
        """The next 20 ms that Echo says."""
        with self._lock:
            heard = self._heard.popleft() if self._heard else _SILENCE
            greeting = self._greeting[self._at : self._at + FRAME_BYTES]
            self._at += FRAME_BYTES
        return greeting.ljust(FRAME_BYTES, b"\0") if greeting else heard

    def hear(self, frame: bytes) -> None:
        """20 ms from the other side."""
        with self._lock:
            self._heard.append(frame)


class _Says(SilentCapture):
    def __init__(self, echo: EchoSound) -> None:
        super().__init__()
        self._echo = echo

    def next_frame(self) -> bytes:
        return self._echo.say()


class _Hears(SilentPlayback):
    def __init__(self, echo: EchoSound) -> None:
        super().__init__()
        self._echo = echo

    def take(self, frame: bytes) -> None:
        self._echo.hear(frame)
