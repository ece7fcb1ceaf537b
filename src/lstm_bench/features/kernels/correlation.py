"""Covariance and correlation of two series over a rolling window."""

from __future__ import annotations

import math

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints

__all__ = ["rolling_correlation"]


# Sums of deviations are updated from day to day. If the squares about the mean are smaller than this share of their
# largest value so far, half of the digits are lost, and the window is summed anew.
_CANCELLED = 1e-7


@kernel(error_model="numpy")
def rolling_correlation(
    x: Floats, y: Floats, first: Ints, last: Ints, window: int, covariance: bool, steady: float
) -> Floats:
    """Correlation, or covariance (ddof 1), over the days when both series are observed.

    A correlation is clipped to [-1, 1]. It is NaN if one series does not vary, or if the standard deviation of all
    observations of one series is at most ``steady``. Correlation and covariance need two days.
    """
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        anchor_x = anchor_y = peak_x = peak_y = 0.0
        sum_x = sum_y = sum_xx = sum_yy = sum_xy = 0.0
        count = alone = equal_x = equal_y = 0
        previous_x = previous_y = np.nan
        for t in range(first[n], last[n] + 1):
            start = max(t - window + 1, first[n])
            if t - window >= first[n]:
                dx = x[n, t - window] - anchor_x
                dy = y[n, t - window] - anchor_y
                if dx == dx and dy == dy:
                    count -= 1
                    sum_x -= dx
                    sum_y -= dy
                    sum_xx -= dx * dx
                    sum_yy -= dy * dy
                    sum_xy -= dx * dy
                else:
                    alone -= dx == dx or dy == dy
            if x[n, t] == x[n, t] and y[n, t] == y[n, t]:
                if count == 0:
                    anchor_x = x[n, t]
                    anchor_y = y[n, t]
                    sum_x = sum_y = sum_xx = sum_yy = sum_xy = peak_x = peak_y = 0.0
                dx = x[n, t] - anchor_x
                dy = y[n, t] - anchor_y
                count += 1
                sum_x += dx
                sum_y += dy
                sum_xx += dx * dx
                sum_yy += dy * dy
                sum_xy += dx * dy
                peak_x = max(peak_x, sum_xx)
                peak_y = max(peak_y, sum_yy)
                equal_x = equal_x + 1 if x[n, t] == previous_x else 1
                equal_y = equal_y + 1 if y[n, t] == previous_y else 1
                previous_x = x[n, t]
                previous_y = y[n, t]
            else:
                alone += x[n, t] == x[n, t] or y[n, t] == y[n, t]
            if count < 2:
                continue
            if equal_x >= count or equal_y >= count:
                if covariance:
                    out[n, t] = 0.0
                continue
            spread_x = sum_xx - sum_x * sum_x / count
            spread_y = sum_yy - sum_y * sum_y / count
            if not (spread_x > _CANCELLED * peak_x and spread_y > _CANCELLED * peak_y):
                anchor_x, anchor_y, sum_x, sum_y, sum_xx, sum_yy, sum_xy = _about_means(
                    x[n], y[n], start, t + 1, count
                )
                peak_x = sum_xx
                peak_y = sum_yy
                spread_x = sum_xx - sum_x * sum_x / count
                spread_y = sum_yy - sum_y * sum_y / count
            spread_xy = sum_xy - sum_x * sum_y / count
            if covariance:
                out[n, t] = spread_xy / (count - 1)
                continue
            variance_x = spread_x / (count - 1)
            variance_y = spread_y / (count - 1)
            if alone > 0:
                variance_x = _variance(x[n], start, t + 1)
                variance_y = _variance(y[n], start, t + 1)
            if min(variance_x, variance_y) > steady * steady:
                out[n, t] = min(max(spread_xy / math.sqrt(spread_x * spread_y), -1.0), 1.0)
    return out


@kernel(error_model="numpy")
def _about_means(
    x: Floats, y: Floats, start: int, stop: int, count: int
) -> tuple[float, float, float, float, float, float, float]:
    """Means over the days when both series are observed, and sums of deviations, squares and products about them."""
    mean_x = mean_y = sum_x = sum_y = sum_xx = sum_yy = sum_xy = 0.0
    for t in range(start, stop):
        if x[t] == x[t] and y[t] == y[t]:
            mean_x += x[t] / count
            mean_y += y[t] / count
    for t in range(start, stop):
        if x[t] == x[t] and y[t] == y[t]:
            dx = x[t] - mean_x
            dy = y[t] - mean_y
            sum_x += dx
            sum_y += dy
            sum_xx += dx * dx
            sum_yy += dy * dy
            sum_xy += dx * dy
    return mean_x, mean_y, sum_x, sum_y, sum_xx, sum_yy, sum_xy


@kernel(error_model="numpy")
def _variance(x: Floats, start: int, stop: int) -> float:
    """Variance (ddof 1) of the observations in ``x[start:stop]``."""
    total = 0.0
    count = 0
    for t in range(start, stop):
        if x[t] == x[t]:
            total += x[t]
            count += 1
    squares = 0.0
    for t in range(start, stop):
        if x[t] == x[t]:
            squares += (x[t] - total / count) ** 2
    return squares / (count - 1)
