"""The sound cards of this machine, by miniaudio: PulseAudio and ALSA on Linux, the system's own elsewhere.

What miniaudio does not tell: a device that is unplugged, or a server that dies, only stops calling. So a device counts
as dead when it has not called for half a second. All calls here may take a while; they are made in worker threads.
"""

import ctypes
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass

import miniaudio

from .devices import NoSound, Sink, Source
from .opus import SAMPLE_RATE

BLOCK_MS = 10
SILENT_FOR_S = 0.5
"""A device that has not called for so long is dead."""
STARTING_S = 2.5
"""The first call may take so long: PulseAudio wakes a sink that has slept."""

# Named, because the list of all backends ends in one that plays to nobody.
_BACKENDS = [miniaudio.Backend.PULSEAUDIO, miniaudio.Backend.ALSA] if sys.platform.startswith("linux") else None

_LIBASOUND_HANDLER = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)
# ALSA keeps the pointer, so the object has to stay.
_QUIET = _LIBASOUND_HANDLER(lambda *_: None)


@dataclass(frozen=True, slots=True)
class SoundCards:
    """What there is now, by the names that people know. `backend` is `PulseAudio`, `ALSA` or another system's."""

    backend: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def silence_alsa() -> None:
    """Keep ALSA from writing its complaints to the terminal; nothing where there is no ALSA."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_QUIET)
    except (OSError, AttributeError):
        pass


def sound_cards() -> SoundCards:
    """Look what there is; raises `NoSound` where there is neither a sound server nor a card."""
    try:
        devices = miniaudio.Devices(_BACKENDS)
        inputs = tuple(str(device["name"]) for device in devices.get_captures())
        outputs = tuple(str(device["name"]) for device in devices.get_playbacks())
    except miniaudio.MiniaudioError:
        raise NoSound("There is no sound server and no sound card.") from None
    return SoundCards(devices.backend, inputs, outputs)


class _Card:
    """What both directions share: the device, and when it last called."""

    def __init__(self, name: str | None) -> None:
        self.name = name
        self._device: miniaudio.CaptureDevice | miniaudio.PlaybackDevice | None = None
        self._called_s: float | None = None
        self._started_s = 0.0

    def is_alive(self, now_s: float) -> bool:
        """Whether it has called lately."""
        if self._called_s is None:
            return now_s - self._started_s < STARTING_S
        return now_s - self._called_s < SILENT_FOR_S

    def close(self) -> None:
        """Give the device back."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def _open(self, kind: type[miniaudio.CaptureDevice] | type[miniaudio.PlaybackDevice]) -> None:
        is_capture = kind is miniaudio.CaptureDevice
        try:
            options = {
                "nchannels": 1,
                "sample_rate": SAMPLE_RATE,
                "buffersize_msec": BLOCK_MS,
                "device_id": None if self.name is None else _device_id(self.name, is_capture=is_capture),
                "backends": _BACKENDS or [],
                "app_name": "msgtui",
            }
            self._device = kind(**options)
        except miniaudio.MiniaudioError:
            what = "microphone" if is_capture else "speaker"
            raise NoSound(f"The {what} {self.name or ''} cannot be opened.".replace("  ", " ")) from None

    def _begin(self, callback: Generator[bytes, object, None]) -> None:
        assert self._device is not None, "it was opened just now"
        self._started_s = time.monotonic()
        next(callback)
        try:
            self._device.start(callback)
        except miniaudio.MiniaudioError:
            self.close()
            raise NoSound("The sound device does not start.") from None


class CardCapture(_Card):
    """A microphone, by name; None is the system's default, and follows it."""

    def start(self, sink: Sink) -> None:
        """Begin; raises `NoSound`."""
        self._open(miniaudio.CaptureDevice)
        self._begin(self._take(sink))

    def _take(self, sink: Sink) -> Generator[bytes, object, None]:
        data: object = b""
        while True:
            data = yield b""
            self._called_s = time.monotonic()
            assert isinstance(data, bytearray), "what miniaudio captures comes as a bytearray"
            sink(bytes(data))


class CardPlayback(_Card):
    """A speaker, by name; None is the system's default, and follows it."""

    def start(self, source: Source) -> None:
        """Begin; raises `NoSound`."""
        self._open(miniaudio.PlaybackDevice)
        self._begin(self._give(source))

    def _give(self, source: Source) -> Generator[bytes, object, None]:
        sound = b""
        while True:
            samples = yield sound
            self._called_s = time.monotonic()
            assert isinstance(samples, int), "miniaudio asks for a number of frames"
            sound = source(samples)


def _device_id(name: str, *, is_capture: bool) -> object:
    devices = miniaudio.Devices(_BACKENDS)
    found = devices.get_captures() if is_capture else devices.get_playbacks()
    for device in found:
        if device["name"] == name:
            return device["id"]
    raise NoSound(f"There is no sound device {name!r} any more.")
