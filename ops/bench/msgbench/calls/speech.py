"""Speech by espeak-ng: what two people say, as files that a call can play and a score can compare with."""

import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from msgbench.faults import Unusable

RATE = 48_000
Sound = npt.NDArray[np.float64]
"""Mono, -1.0 to 1.0."""

_TEXT = """
The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the depth of a
well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of lemons makes fine
punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. Four hours of steady work
faced us. A large size in stockings is hard to sell. The boy was there when the sun rose. A rod is used to catch pink
salmon. The source of the huge river is the clear spring. Kick the ball straight and follow through. Help the woman get
back to her feet. A pot of tea helps to pass the evening. Smoky fires lack flame and heat. The soft cushion broke the
man's fall. The salt breeze came across from the sea. The girl at the booth sold fifty bonds.
"""
"""The Harvard sentences, lists 1 and 2 (IEEE Recommended Practice for Speech Quality Measurements, 1969)."""


@dataclass(frozen=True)
class Voice:
    """Who speaks: a voice of espeak-ng, and after which share of the text, so that two never say the same at once."""

    name: str
    skip: int


ALICE = Voice("en-us+f3", 0)
BOB = Voice("en-gb+m3", 9)


def say(voice: Voice, path: Path, seconds: float) -> None:
    """Write so many seconds of speech, 48 kHz mono, 16 bits."""
    from scipy.signal import resample_poly  # takes longer to load than a call takes to connect

    sentences = " ".join(_TEXT.split()).split(". ")
    text = ". ".join([*sentences[voice.skip :], *sentences[: voice.skip]])
    raw = path.with_suffix(".espeak.wav")
    try:
        subprocess.run(
            ["espeak-ng", "-v", voice.name, "-s", "160", "-w", str(raw), "--stdin"],
            input=text,
            text=True,
            check=True,
            capture_output=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise Unusable(f"espeak-ng cannot speak: {error}") from error
    sound, rate = _read(raw)
    raw.unlink()
    spoken = resample_poly(sound, RATE // 50, rate // 50)
    samples = int(seconds * RATE)
    # Who has said everything says it again.
    spoken = np.tile(spoken, -(-samples // len(spoken)))[:samples]
    write(path, spoken * (0.5 / np.max(np.abs(spoken))))


def read(path: Path) -> Sound:
    """Read what a call has recorded, 48 kHz mono."""
    sound, rate = _read(path)
    if rate != RATE:
        raise Unusable(f"{path.name} has {rate} samples a second instead of {RATE}")
    return sound


def _read(path: Path) -> tuple[Sound, int]:
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise Unusable(f"{path.name} is not mono with 16 bits")
        frames = file.readframes(file.getnframes())
        return np.frombuffer(frames, dtype="<i2").astype(np.float64) / 32768, file.getframerate()


def write(path: Path, sound: Sound) -> None:
    """Write a file as `read` reads it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(sound * 32768, -32768, 32767).astype("<i2").tobytes())
