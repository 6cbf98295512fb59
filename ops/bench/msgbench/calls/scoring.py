"""How good what arrived is, compared with what was said: PESQ wide-band (ITU-T P.862.2), STOI, and the delay."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate, resample_poly

from msgbench.calls.speech import RATE, Sound
from msgbench.faults import Unusable

SCORE_RATE = 16_000
_WINDOW_S = 2.0
_REACH_S = 0.6


@dataclass(frozen=True)
class Score:
    """PESQ from 1.0 to 4.64, STOI from 0.0 to 1.0, and where in the recording the speech begins, in ms."""

    pesq: float
    stoi: float
    delay_ms: float


def score(said: Sound, heard: Sound) -> Score:
    """Compare two sounds of 48 kHz. The recording may begin earlier or later than the speech, by a constant.

    The constant is the one shift that fits the whole best; a delay that changes on the way counts against the call.
    """
    from pesq import pesq
    from pystoi import stoi

    clean, noisy = (resample_poly(sound, 1, RATE // SCORE_RATE) for sound in (said, heard))
    if not np.any(noisy):
        raise Unusable("nothing was heard")
    shift = _shift(clean, noisy)
    begin, end = max(0, -shift), min(len(clean), len(noisy) - shift)
    if end - begin < 0.8 * len(clean):
        raise Unusable(f"only {(end - begin) / SCORE_RATE:.1f} s of {len(clean) / SCORE_RATE:.1f} s were recorded")
    clean, noisy = clean[begin:end], noisy[begin + shift : end + shift]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both libraries warn about the NumPy they were made for
        return Score(
            float(pesq(SCORE_RATE, clean.astype(np.float32), noisy.astype(np.float32), "wb")),
            float(stoi(clean, noisy, SCORE_RATE)),
            1000 * shift / SCORE_RATE,
        )


def delays_ms(said: Sound, heard: Sound) -> list[tuple[float, float]]:
    """How the delay goes: (second of the speech, delay in ms) of each window of two seconds in which something is said.

    Only differences mean something: where in the recording the speech should begin is not known here.
    """
    clean, noisy = (resample_poly(sound, 1, RATE // SCORE_RATE) for sound in (said, heard))
    whole = _shift(clean, noisy)
    size, reach = int(_WINDOW_S * SCORE_RATE), int(_REACH_S * SCORE_RATE)
    found = []
    for start in range(0, len(clean) - size, size):
        window = clean[start : start + size]
        low = start + whole - reach
        around = noisy[max(0, low) : start + whole + size + reach]
        if np.max(np.abs(window)) < 0.05 or len(around) < size:
            continue
        fit = correlate(around, window, mode="valid", method="fft")
        energy = np.sqrt(np.sum(window**2) * np.convolve(around**2, np.ones(size), mode="valid").clip(1e-9))
        best = int(np.argmax(fit))
        if fit[best] / energy[best] > 0.3:
            found.append((start / SCORE_RATE, 1000 * (best + max(0, low) - start) / SCORE_RATE))
    return found


def _shift(clean: Sound, noisy: Sound) -> int:
    """By how many samples the recording is late."""
    fit = correlate(noisy, clean, mode="full", method="fft")
    return int(np.argmax(np.abs(fit))) - (len(clean) - 1)
