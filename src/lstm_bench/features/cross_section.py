"""Cross-sectional kernels: each processes the rows of one day at a time.

Rows are sorted by instrument. ``order`` lists the rows that take part, day by day, and ``starts [T + 1]`` has the
position in it at which each day begins. A kernel reads a column ``[R]`` and returns a new one; rows that do not take
part keep their value.
"""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Floats32, Ints

__all__ = ["day_means_for", "day_ranks", "day_robust_zscores", "day_zscores"]

Column = Floats32
Order = Ints

_MEDIAN_TO_STD = 1.4826


@kernel(error_model="numpy")
def day_zscores(column: Column, order: Order, starts: Order) -> Column:
    """``(x - mean) / std`` of each day, without NaN, ddof 1; NaN if all values of a day are equal."""
    out = column.copy()
    for day in range(len(starts) - 1):
        rows = order[starts[day] : starts[day + 1]]
        count, total = 0, 0.0
        for row in rows:
            if not np.isnan(column[row]):
                count += 1
                total += column[row]
        mean = total / count
        squares = 0.0
        for row in rows:
            if not np.isnan(column[row]):
                squares += (column[row] - mean) ** 2
        std = np.float32(np.sqrt(squares / (count - 1))) if count > 1 else np.float32(np.nan)
        for row in rows:
            out[row] = np.float32(column[row] - np.float32(mean)) / std
    return out


@kernel()
def _nanmedian(values: Column) -> np.float32:
    """Median with the mean of the two middle values in float32."""
    known = np.sort(values[~np.isnan(values)])
    n = len(known)
    if n == 0:
        return np.float32(np.nan)
    if n % 2:
        return np.float32(known[n // 2])
    return np.float32(np.float32(known[n // 2 - 1] + known[n // 2]) / np.float32(2))


@kernel(error_model="numpy")
def day_robust_zscores(column: Column, order: Order, starts: Order) -> Column:
    """``(x - median) / MAD / 1.4826`` of each day, without NaN, clipped to ±3."""
    out = column.copy()
    for day in range(len(starts) - 1):
        rows = order[starts[day] : starts[day + 1]]
        distances = column[rows] - _nanmedian(column[rows])
        scale = _nanmedian(np.abs(distances))
        for i in range(len(rows)):
            score = np.float32(np.float32(distances[i] / scale) / np.float32(_MEDIAN_TO_STD))
            out[rows[i]] = min(max(score, np.float32(-3)), np.float32(3)) if score == score else score
    return out


@kernel()
def day_ranks(column: Column, order: Order, starts: Order) -> Floats:
    """Percentile rank of each day, without NaN: ties share their mean rank, and the greatest value has rank 1."""
    out = column.astype(np.float64)
    for day in range(len(starts) - 1):
        rows = order[starts[day] : starts[day + 1]]
        rows = rows[~np.isnan(column[rows])]
        sorted_rows = rows[np.argsort(column[rows])]
        n = len(rows)
        begin = 0
        while begin < n:
            end = begin + 1
            while end < n and column[sorted_rows[end]] == column[sorted_rows[begin]]:
                end += 1
            for i in range(begin, end):
                out[sorted_rows[i]] = (begin + 1 + end) / 2 / n
            begin = end
    return out


@kernel()
def day_means_for(column: Column, order: Order, starts: Order, infinite: bool) -> Column:
    """Replace NaN (or ±inf, if ``infinite``) by the mean of the day's other values.

    The mean leaves NaN out; without any other value it is NaN.
    """
    out = column.copy()
    for day in range(len(starts) - 1):
        rows = order[starts[day] : starts[day + 1]]
        count, total = 0, 0.0
        for row in rows:
            x = column[row]
            if not np.isnan(x) and not (infinite and np.isinf(x)):
                count += 1
                total += x
        mean = np.float32(total / count) if count > 0 else np.float32(np.nan)
        for row in rows:
            if np.isinf(column[row]) if infinite else np.isnan(column[row]):
                out[row] = mean
    return out
