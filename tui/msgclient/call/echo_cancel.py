"""Echo cancellation, for those who use loudspeakers: the optional extra `[aec]`, loaded only when a call begins.

It is WebRTC's audio processing module, as the `livekit` package brings it; nothing of it talks to a network.
"""

from importlib import import_module
from typing import Any

from .opus import FRAME_BYTES, SAMPLE_RATE
from .talk import Canceller

_BLOCK_SAMPLES = SAMPLE_RATE // 100
"""The module works on 10 ms."""
_BLOCK_BYTES = _BLOCK_SAMPLES * 2
_DELAY_MS = 40
"""From the moment that sound is given to the device until the microphone hears it; the module finds the rest."""


def load() -> Canceller | None:
    """A canceller for one call; None where the extra is not installed."""
    try:
        rtc = import_module("livekit.rtc")
        apm = import_module("livekit.rtc.apm")
    except ImportError:
        return None
    module = apm.AudioProcessingModule(echo_cancellation=True, noise_suppression=True, high_pass_filter=True)
    return _ApmCanceller(module, rtc.AudioFrame)


class _ApmCanceller:
    def __init__(self, module: Any, frame_type: Any) -> None:
        self._module = module
        self._frame_type = frame_type

    def captured(self, frame: bytes) -> bytes:
        """Take the echo out of 20 ms."""
        self._module.set_stream_delay_ms(_DELAY_MS)
        return b"".join(self._through(self._module.process_stream, block) for block in _blocks(frame))

    def played(self, frame: bytes) -> None:
        """What the microphone will hear again."""
        for block in _blocks(frame):
            self._through(self._module.process_reverse_stream, block)

    def _through(self, process: Any, block: bytes) -> bytes:
        sound = self._frame_type(bytearray(block), SAMPLE_RATE, 1, _BLOCK_SAMPLES)
        process(sound)
        return bytes(memoryview(sound.data).cast("B"))


def _blocks(frame: bytes) -> list[bytes]:
    assert len(frame) == FRAME_BYTES, "both directions work on frames of 20 ms"
    return [frame[:_BLOCK_BYTES], frame[_BLOCK_BYTES:]]
