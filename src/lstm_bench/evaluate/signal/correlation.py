"""Correlation of two short series, and the ranks that make it Spearman's."""

from __future__ import annotations

import math

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints
from lstm_bench.evaluate.ranking import rising_order

__all__ = ["average_ranks", "centre", "correlation", "cosine", "ranks_in"]

_CLOSE = 2.0**-20
"""If values differ by less than this share of the largest, their first value is subtracted before the mean."""


@kernel()
def correlation(x: Floats, y: Floats) -> float:
    """Pearson's correlation, in two passes; NaN if a side is constant, has fewer than two values or an infinite one."""
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
def centre(values: Floats) -> bool:
    """Replace values by their distances from the mean, in units of a power of two near the largest value.

    A correlation does not depend on the unit. This unit causes no rounding and prevents overflow and underflow of
    squares. False if the values are all equal or not all finite, because they then have no correlation.
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
    half = exponent // 2  # in two steps, because 2 ** 1074 is not a float64
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
    """Correlation from the sums of products, clipped to [-1, 1] against rounding errors."""
    found = xy / math.sqrt(xx * yy)
    return 1.0 if found > 1.0 else -1.0 if found < -1.0 else found


@kernel()
def average_ranks(x: Floats) -> Floats:
    """Ranks from 1; equal values share their mean rank."""
    return ranks_in(rising_order(x), x)


@kernel()
def ranks_in(order: Ints, x: Floats) -> Floats:
    """Average ranks of values, given their rising order."""
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
