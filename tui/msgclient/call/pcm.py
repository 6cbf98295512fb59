"""Arithmetic on sound: mono, signed 16 bits, native order. Pure."""

import array
import math

_QUIETEST_DB = -60.0


def peak(pcm: bytes) -> int:
    """How far the sound goes, 0 to 32768; every fourth sample is looked at, which a meter cannot tell."""
    samples = array.array("h", pcm)[::4]
    return max(abs(max(samples)), abs(min(samples))) if samples else 0


def meter(amplitude: int) -> int:
    """An amplitude (0 to 32768) as a meter shows it: 0 at -60 dB or less, 100 at full scale."""
    if amplitude <= 0:
        return 0
    decibels = 20 * math.log10(amplitude / 32768)
    return max(0, min(100, round(100 * (1 - decibels / _QUIETEST_DB))))


def scaled(pcm: bytes, percent: int) -> bytes:
    """Louder or softer; what gets too loud is cut off at full scale."""
    if percent == 100:
        return pcm
    factor = percent / 100
    return array.array("h", [max(-32768, min(32767, int(s * factor))) for s in array.array("h", pcm)]).tobytes()


def mixed(one: bytes, other: bytes) -> bytes:
    """Two sounds at once, as long as the first."""
    first, second = array.array("h", one), array.array("h", other)
    for n, sample in enumerate(second[: len(first)]):
        first[n] = max(-32768, min(32767, first[n] + sample))
    return first.tobytes()
