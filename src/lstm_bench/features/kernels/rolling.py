"""Sums, means, counts and moments of a rolling window.

A window with one observation has a value (pandas' ``min_periods=1``); moments need more observations.
"""

from __future__ import annotations

import math

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints

__all__ = [
    "rolling_count",
    "rolling_deviation",
    "rolling_kurt",
    "rolling_skew",
    "rolling_sum",
    "rolling_variance",
    "rolling_wma",
]


# A sum of squares that falls below this share of its value in one step may have lost most of its digits.
_CANCELLED = 1e3 * float(np.finfo(np.float64).eps)


@kernel(error_model="numpy")
def rolling_sum(x: Floats, first: Ints, last: Ints, window: int, mean: bool) -> Floats:
    """Sum, or mean, of the observations in the window.

    A Kahan sum is updated from day to day, with one compensation for values that enter and one for values that leave,
    as in pandas, so that even its rounding is Qlib's. The mean of a window of equal values is that value exactly, and
    a mean has the sign of its observations.
    """
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        total = entering = leaving = 0.0
        count = 0
        negative = 0
        previous = np.nan
        equal = 0
        for t in range(first[n], last[n] + 1):
            if window == 1:
                total = entering = leaving = 0.0
                count = 0
                negative = 0
            elif t - window >= first[n]:
                value = x[n, t - window]
                if value == value:
                    count -= 1
                    negative -= value < 0
                    total, leaving = _kahan(total, -value, leaving)
            value = x[n, t]
            if value == value:
                count += 1
                negative += value < 0
                total, entering = _kahan(total, value, entering)
                equal = equal + 1 if value == previous else 1
                previous = value
            if count == 0:
                continue
            if equal >= count:
                out[n, t] = previous if mean else previous * count
            elif not mean:
                out[n, t] = total
            else:
                average = total / count
                wrong_sign = (negative == 0 and average < 0) or (negative == count and average > 0)
                out[n, t] = 0.0 if wrong_sign else average
    return out


@kernel(error_model="numpy")
def _kahan(total: float, value: float, compensation: float) -> tuple[float, float]:
    """Add a value to a compensated sum (Kahan 1965); return the sum and its new compensation."""
    corrected = value - compensation
    new = total + corrected
    return new, (new - total) - corrected


@kernel(error_model="numpy")
def rolling_count(x: Floats, first: Ints, last: Ints, window: int) -> Floats:
    """Count the observations in the window: 0, not NaN, if it has none."""
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        count = 0
        for t in range(first[n], last[n] + 1):
            if t - window >= first[n] and x[n, t - window] == x[n, t - window]:
                count -= 1
            count += x[n, t] == x[n, t]
            out[n, t] = count
    return out


@kernel(error_model="numpy")
def rolling_variance(x: Floats, first: Ints, last: Ints, window: int, root: bool) -> Floats:
    """Variance (ddof 1), or its root; NaN below two observations.

    Mean and sum of squares are updated by Welford's method, step by step as in pandas. Its rounding errors matter: if
    a window's values are nearly equal, they make ``WVMA5`` 1e10 instead of 0, which changes the median of its column.
    After a step that may have cancelled most digits, the window is summed anew.
    """
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        mean = squares = entering = leaving = 0.0
        count = 0
        for t in range(first[n], last[n] + 1):
            cancelled = window == 1
            if t - window >= first[n] and x[n, t - window] == x[n, t - window]:
                count -= 1
                if count == 0:
                    mean = squares = 0.0
                else:
                    before = squares
                    mean, squares, leaving = _welford(x[n, t - window], mean, squares, leaving, count, -1.0)
                    cancelled = cancelled or before * _CANCELLED > squares
            if x[n, t] == x[n, t]:
                count += 1
                before = squares
                mean, squares, entering = _welford(x[n, t], mean, squares, entering, count, 1.0)
                cancelled = cancelled or before * _CANCELLED > squares
            if cancelled:
                mean = squares = entering = leaving = 0.0
                count = 0
                for s in range(max(t - window + 1, first[n]), t + 1):
                    if x[n, s] == x[n, s]:
                        count += 1
                        mean, squares, entering = _welford(x[n, s], mean, squares, entering, count, 1.0)
            if count > 1:
                variance = squares / (count - 1)
                out[n, t] = math.sqrt(variance) if root else variance
    return out


@kernel(error_model="numpy")
def _welford(
    value: float, mean: float, squares: float, compensation: float, count: int, sign: float
) -> tuple[float, float, float]:
    """Add a value to the mean and the sum of squares about it (``sign`` 1), or remove it (-1).

    Welford (1962), with Kahan's compensation of the mean; ``count`` is the count after the step.
    """
    earlier = mean - compensation
    corrected = value - compensation
    delta = corrected - mean
    compensation = delta + mean - corrected
    mean = mean + sign * (delta / count)
    squares = squares + sign * ((value - earlier) * (value - mean))
    return mean, squares, compensation


@kernel(error_model="numpy")
def rolling_skew(x: Floats, first: Ints, last: Ints, window: int) -> Floats:
    """Bias-corrected skewness; NaN below three observations and for equal ones."""
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        for t in range(first[n], last[n] + 1):
            count, second, third, _ = _central_moments(x[n], max(t - window + 1, first[n]), t + 1)
            if count >= 3 and second > 0:
                bias = math.sqrt(count * (count - 1.0)) / (count - 2.0)
                out[n, t] = bias * (third / count) / (second / count) ** 1.5
    return out


@kernel(error_model="numpy")
def rolling_kurt(x: Floats, first: Ints, last: Ints, window: int) -> Floats:
    """Bias-corrected excess kurtosis; NaN below four observations and for equal ones."""
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        for t in range(first[n], last[n] + 1):
            count, second, _, fourth = _central_moments(x[n], max(t - window + 1, first[n]), t + 1)
            if count >= 4 and second > 0:
                ratio = count * (count + 1.0) * (count - 1.0) * fourth / (second * second)
                out[n, t] = (ratio - 3.0 * (count - 1.0) ** 2) / ((count - 2.0) * (count - 3.0))
    return out


@kernel(error_model="numpy")
def _central_moments(x: Floats, start: int, stop: int) -> tuple[int, float, float, float]:
    """Count of the observations in ``x[start:stop]`` and sums of the 2nd to 4th powers about their mean."""
    count = 0
    total = 0.0
    low = np.inf
    high = -np.inf
    for t in range(start, stop):
        if x[t] == x[t]:
            count += 1
            total += x[t]
            low = min(low, x[t])
            high = max(high, x[t])
    second = 0.0
    third = 0.0
    fourth = 0.0
    if low < high:
        mean = total / count
        for t in range(start, stop):
            if x[t] == x[t]:
                gap = x[t] - mean
                second += gap * gap
                third += gap * gap * gap
                fourth += gap * gap * gap * gap
    return count, second, third, fourth


@kernel(error_model="numpy")
def rolling_deviation(x: Floats, first: Ints, last: Ints, window: int) -> Floats:
    """Mean absolute deviation of the observations from their mean."""
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        for t in range(first[n], last[n] + 1):
            start = max(t - window + 1, first[n])
            total = 0.0
            count = 0
            for s in range(start, t + 1):
                if x[n, s] == x[n, s]:
                    total += x[n, s]
                    count += 1
            if count == 0:
                continue
            mean = total / count
            deviation = 0.0
            for s in range(start, t + 1):
                if x[n, s] == x[n, s]:
                    deviation += abs(x[n, s] - mean)
            out[n, t] = deviation / count
    return out


@kernel(error_model="numpy")
def rolling_wma(x: Floats, first: Ints, last: Ints, window: int) -> Floats:
    """Mean of the observations times their weights.

    Weights grow linearly over the window's days, missing ones included, and add up to one. As in Qlib, the result is
    the *mean* of the products: the weighted mean divided by the number of observations.
    """
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        for t in range(first[n], last[n] + 1):
            start = max(t - window + 1, first[n])
            total = 0.0
            count = 0
            for s in range(start, t + 1):
                if x[n, s] == x[n, s]:
                    total += (s - start + 1) * x[n, s]
                    count += 1
            days = t - start + 1
            if count > 0:
                out[n, t] = total / (0.5 * days * (days + 1)) / count
    return out
