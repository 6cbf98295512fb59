"""The tones of a call, made when they are needed: ringing at either end."""

import array
import itertools
import math
from collections.abc import Iterator

from .opus import FRAME_SAMPLES, SAMPLE_RATE

_FADE_SAMPLES = 480


def ringback() -> Iterator[bytes]:
    """What a caller hears while it rings: 425 Hz, one second of five (ITU-T E.180). Frames of 20 ms, without end."""
    return itertools.cycle(_frames([*_note(425, 1.0, 0.08), *_pause(4.0)]))


def ringing() -> Iterator[bytes]:
    """What rings at the callee: three rising notes, twice, then a pause. Frames of 20 ms, without end."""
    phrase = [sample for hertz in (523.25, 659.25, 783.99) for sample in _note(hertz, 0.16, 0.22)]
    return itertools.cycle(_frames([*phrase, *_pause(0.12), *phrase, *_pause(1.92)]))


def _note(hertz: float, seconds: float, level: float) -> list[int]:
    count = int(seconds * SAMPLE_RATE)
    step = 2 * math.pi * hertz / SAMPLE_RATE
    # Faded at both ends, or it would click.
    return [
        int(32767 * level * min(1.0, n / _FADE_SAMPLES, (count - n) / _FADE_SAMPLES) * math.sin(step * n))
        for n in range(count)
    ]


def _pause(seconds: float) -> list[int]:
    return [0] * int(seconds * SAMPLE_RATE)


def _frames(samples: list[int]) -> list[bytes]:
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    return [array.array("h", samples[at : at + FRAME_SAMPLES]).tobytes() for at in range(0, whole, FRAME_SAMPLES)]
