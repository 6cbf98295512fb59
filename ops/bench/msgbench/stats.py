"""The arithmetic of the tables: percentiles, medians and their ratios."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(ordered: Sequence[float], share: float) -> float:
    """Give the nearest-rank percentile: the least value that `share` (0 to 1) of all do not exceed.

    Args:
        ordered: Values in ascending order; of none the percentile is NaN.
        share: 0.99 for the 99th percentile.
    """
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def ratio_of_medians(new: Sequence[float], old: Sequence[float]) -> float:
    """Give the median of `new` over that of `old`; NaN where either has no value or the old one is 0."""
    if not new or not old or not median(old):
        return math.nan
    return median(new) / median(old)
