"""Sounds for tests, and what can be said about them."""

import array
import math
import random

from msgclient.call.opus import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE


def tone(seconds: float, hertz: float = 440.0, level: float = 0.3) -> bytes:
    """A sine, mono, signed 16 bits."""
    count = int(seconds * SAMPLE_RATE)
    step = 2 * math.pi * hertz / SAMPLE_RATE
    return array.array("h", [int(level * 32767 * math.sin(step * n)) for n in range(count)]).tobytes()


def speechlike(seconds: float, seed: int = 1) -> bytes:
    """A voice's shape without its words: a buzz whose pitch and loudness move as in speech, with pauses."""
    rng = random.Random(seed)
    samples = array.array("h")
    phase = 0.0
    pitch, loud = 120.0, 0.0
    wanted_pitch, wanted_loud = 120.0, 0.3
    for n in range(int(seconds * SAMPLE_RATE)):
        if n % 7200 == 0:
            wanted_pitch = rng.uniform(90, 220)
            wanted_loud = rng.choice([0.0, 0.25, 0.35])
        pitch += (wanted_pitch - pitch) * 0.0004
        loud += (wanted_loud - loud) * 0.0008
        phase += pitch / SAMPLE_RATE
        buzz = sum(math.sin(2 * math.pi * phase * k) / k for k in (1, 2, 3, 5, 8))
        samples.append(int(max(-1.0, min(1.0, loud * buzz)) * 30000))
    return samples.tobytes()


def frames(pcm: bytes) -> list[bytes]:
    """Cut into frames of 20 ms; what is left over is dropped."""
    return [pcm[n : n + FRAME_BYTES] for n in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def rms(pcm: bytes) -> float:
    """Loudness, 0 to 32767."""
    samples = array.array("h", pcm)
    return math.sqrt(sum(s * s for s in samples) / len(samples)) if samples else 0.0


def power_at(pcm: bytes, hertz: float) -> float:
    """The share of one pitch in a sound, 0 to 1 (Goertzel)."""
    samples = array.array("h", pcm)
    total = sum(s * s for s in samples)
    if not total:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / SAMPLE_RATE)
    one = two = 0.0
    for sample in samples:
        one, two = sample + coefficient * one - two, one
    return 2 * (one * one + two * two - coefficient * one * two) / (total * len(samples))


__all__ = ["FRAME_BYTES", "FRAME_SAMPLES", "frames", "power_at", "rms", "speechlike", "tone"]
