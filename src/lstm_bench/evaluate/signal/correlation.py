"""Correlation of two short series, and the ranks that make it Spearman's."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lstm_bench.core.kernel import kernel
from lstm_bench.evaluate.ranking import rising_order

__all__ = ["average_ranks", "centre", "correlation", "cosine", "ranks_in"]

_CLOSE = 2.0**-20
"""Values closer together than this share of the largest are compared by what they differ in."""


@kernel()
def correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Pearson's correlation, in two passes; NaN where a side has fewer than two values or one that is infinite."""
    dx, dy = x.copy(), y.copy()
    if len(x) < 2 or not centre(dx) or not centre(dy):
        return np.nan
    xy = xx = yy = 0.0
    for i in range(len(x)):
        xy += dx[i] * dy[i]
        xx += dx[i] * dx[i]
        yy += dy[i] * dy[i]
    return cosine(xy, xx, yy)


@kernel()
def centre(values: npt.NDArray[np.float64]) -> bool:
    """Replace values by their distances from the mean, in units of a power of two near the largest value.

    A correlation has no unit, and that one neither rounds nor lets squares overflow or vanish. False where the values
    are all the same, or not all finite: then they have no correlation.
    """
    low = high = values[0]
    for value in values:
        if not np.isfinite(value):
            return False
        low, high = min(low, value), max(high, value)
    if low == high:
        return False
    largest = max(-low, high)
    if high / 2 - low / 2 < _CLOSE * largest:  # exact: no two of them are a factor of two apart
        first, largest = values[0], 0.0
        for i in range(len(values)):
            values[i] -= first
            largest = max(largest, abs(values[i]))
    exponent = math.frexp(largest)[1]
    half = exponent // 2  # in two steps, for 2 ** 1074 is no float64
    one, other = math.ldexp(1.0, -half), math.ldexp(1.0, half - exponent)
    mean = 0.0
    for i in range(len(values)):
        values[i] = values[i] * one * other
        mean += values[i]
    mean /= len(values)
    for i in range(len(values)):
        values[i] -= mean
    return True


@kernel()
def cosine(xy: float, xx: float, yy: float) -> float:
    """Correlation from the sums of products; rounding leaves it within -1 and 1."""
    found = xy / math.sqrt(xx * yy)
    return 1.0 if found > 1.0 else -1.0 if found < -1.0 else found


@kernel()
def average_ranks(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    return ranks_in(rising_order(x), x)


@kernel()
def ranks_in(order: npt.NDArray[np.int64], x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Average ranks of values whose rising order is known."""
    ranks = np.empty(len(x))
    start = 0
    while start < len(x):
        stop = start + 1
        while stop < len(x) and x[order[stop]] == x[order[start]]:
            stop += 1
        for i in range(start, stop):
            ranks[order[i]] = 0.5 * (start + 1 + stop)
        start = stop
    return ranks
