"""Where sound comes from and goes to: the two small protocols, and the kinds that need no sound card."""

import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .opus import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE

_FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
_SILENCE = bytes(FRAME_BYTES)
MAX_PLAY_S = 3600
"""Of a file that is played into a call; it is held in memory."""

Sink = Callable[[bytes], None]
"""Takes sound from a microphone, any number of samples, in the device's own thread."""
Source = Callable[[int], bytes]
"""Gives so many samples for a speaker, in the device's own thread."""


class NoSound(Exception):
    """A device cannot be used; the text is a sentence for the person."""


class Capture(Protocol):
    """Something that gives sound. `name` is what the person knows it by; None is the system's default."""

    name: str | None

    def start(self, sink: Sink) -> None:
        """Begin; raises `NoSound`."""

    def is_alive(self, now_s: float) -> bool:
        """Whether it still works, by the monotonic clock."""

    def close(self) -> None:
        """End; no call of the sink afterwards."""


class Playback(Protocol):
    """Something that takes sound."""

    name: str | None

    def start(self, source: Source) -> None:
        """Begin; raises `NoSound`."""

    def is_alive(self, now_s: float) -> bool:
        """Whether it still works, by the monotonic clock."""

    def close(self) -> None:
        """End; no call of the source afterwards."""


class Pacer:
    """Calls a function every 20 ms in a thread of its own, without drift. It makes up for a delay of up to a second."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, and wait for the last beat."""
        self._is_over.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._is_over.wait(max(0.0, due - time.monotonic())):
            self._beat()
            due = max(due + _FRAME_S, time.monotonic() - 1.0)


class SilentCapture:
    """A microphone that nobody speaks into: what is used while there is none."""

    name: str | None = None

    def __init__(self) -> None:
        self._pacer: Pacer | None = None

    def start(self, sink: Sink) -> None:
        """Begin."""
        self._pacer = Pacer(lambda: sink(self.next_frame()))
        self._pacer.start()

    def next_frame(self) -> bytes:
        """What is captured: silence."""
        return _SILENCE

    def is_alive(self, now_s: float) -> bool:
        """It never fails."""
        return True

    def close(self) -> None:
        """End."""
        if self._pacer is not None:
            self._pacer.close()


class SilentPlayback:
    """A speaker that nobody hears: what is used while there is none, so that the buffer does not fill."""

    name: str | None = None

    def __init__(self) -> None:
        self._pacer: Pacer | None = None

    def start(self, source: Source) -> None:
        """Begin."""
        self._pacer = Pacer(lambda: self.take(source(FRAME_SAMPLES)))
        self._pacer.start()

    def take(self, frame: bytes) -> None:
        """What becomes of the sound: nothing."""

    def is_alive(self, now_s: float) -> bool:
        """It never fails."""
        return True

    def close(self) -> None:
        """End."""
        if self._pacer is not None:
            self._pacer.close()


class FileCapture(SilentCapture):
    """A sound file (WAV, FLAC, MP3 or Ogg Vorbis) as microphone; silence after its end."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name = path.name
        self._pcm = read_sound(path)
        self._at = 0

    def next_frame(self) -> bytes:
        """The next 20 ms of the file."""
        frame = self._pcm[self._at : self._at + FRAME_BYTES]
        self._at += FRAME_BYTES
        return frame.ljust(FRAME_BYTES, b"\0")


class FilePlayback(SilentPlayback):
    """A WAV file as speaker, mono, 48 kHz. Raises `NoSound` where it cannot be written."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name = path.name
        try:
            self._raw = path.open("wb")
        except OSError as error:
            raise NoSound(f"{path} cannot be written: {error.strerror}.") from None
        self._file = wave.open(self._raw, "wb")  # noqa: SIM115 - it lives as long as the call
        self._file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))

    def take(self, frame: bytes) -> None:
        """Write it down."""
        self._file.writeframesraw(frame)

    def close(self) -> None:
        """End, and complete the file."""
        super().close()
        self._file.close()
        self._raw.close()


def read_sound(path: Path) -> bytes:
    """A sound file as mono, signed 16 bits, 48 kHz; raises `NoSound`."""
    import miniaudio  # noqa: PLC0415 - 0.2 s that a call without files can do without

    try:
        decoded = miniaudio.decode_file(str(path), miniaudio.SampleFormat.SIGNED16, 1, SAMPLE_RATE)
    except (OSError, miniaudio.MiniaudioError):
        raise NoSound(f"{path} is no sound file that can be read.") from None
    return bytes(memoryview(decoded.samples).cast("B")[: MAX_PLAY_S * SAMPLE_RATE * 2])
