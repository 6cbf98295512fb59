"""How good what arrived is, compared with what was said: PESQ wide-band (ITU-T P.862.2), STOI, and the delay."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate, resample_poly

from msgbench.calls.speech import RATE, Sound
from msgbench.faults import Unusable

SCORE_RATE = 16_000
WORST_PESQ = 1.0


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
    if len(noisy) < 0.8 * len(clean):
        raise Unusable(f"only {len(noisy) / SCORE_RATE:.1f} s of {len(clean) / SCORE_RATE:.1f} s were recorded")
    if not np.any(noisy):
        return Score(WORST_PESQ, 0.0, math.nan)  # PESQ is not defined for silence
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


def _shift(clean: Sound, noisy: Sound) -> int:
    """By how many samples the recording is late."""
    fit = correlate(noisy, clean, mode="full", method="fft")
    return int(np.argmax(np.abs(fit))) - (len(clean) - 1)
