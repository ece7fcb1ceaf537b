"""Least-squares regression of a window's values on their days.

Days are numbered 1, 2, .. and the window's last day is N (all days since the start, for N = 0). The five sums are
updated from day to day without compensation, and infinite values stay in them, as in Qlib: if a window has one
observation, the rounding errors of earlier days decide between NaN and infinity.
"""

from __future__ import annotations

import math

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints

__all__ = ["regress"]


@kernel(error_model="numpy")
def regress(
    y: Floats, first: Ints, last: Ints, window: int, slope: bool, rsquare: bool, resi: bool
) -> tuple[Floats, Floats, Floats]:
    """Slope, R squared and the last value's residual.

    ``window`` is 0 for all days since the first. A result that is not requested has no rows. Returns slope, rsquare,
    resi: ``[N, T]`` each. NaN below two observations, apart from rounding; the residual also if the last value is
    missing.
    """
    rows, days = y.shape
    slopes = np.full((rows if slope else 0, days), np.nan)
    squares = np.full((rows if rsquare else 0, days), np.nan)
    residuals = np.full((rows if resi else 0, days), np.nan)
    for n in range(rows):
        count = 0
        sum_x = 0.0
        sum_xx = 0.0
        sum_y = 0.0
        sum_yy = 0.0
        sum_xy = 0.0
        for t in range(first[n], last[n] + 1):
            day = float(window)
            if window > 0:
                # every observation becomes a day older; then the oldest, now of day 0, is removed
                sum_xy = sum_xy - sum_y
                sum_xx = sum_xx + count - 2.0 * sum_x
                sum_x = sum_x - count
                if t - window >= first[n]:
                    old = y[n, t - window]
                    if old == old:
                        count -= 1
                        sum_y -= old
                        sum_yy -= old * old
            else:
                day = t - first[n] + 1.0
            value = y[n, t]
            if value == value:
                count += 1
                sum_x += day
                sum_xx += day * day
                sum_y += value
                sum_yy += value * value
                sum_xy += day * value
            cross = count * sum_xy - sum_x * sum_y
            spread = count * sum_xx - sum_x * sum_x
            if rsquare:
                correlation = cross / math.sqrt(spread * (count * sum_yy - sum_y * sum_y))
                squares[n, t] = correlation * correlation
            gradient = cross / spread
            if slope:
                slopes[n, t] = gradient
            if resi:
                at_zero = sum_y / count - gradient * (sum_x / count)
                residuals[n, t] = value - (gradient * day + at_zero)
    return slopes, squares, residuals
