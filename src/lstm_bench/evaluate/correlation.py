"""Correlation of two short series, and the ranks that make it Spearman's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.ranking import rising_order
from lstm_bench.kernel import kernel

__all__ = ["average_ranks", "correlation", "ranks_in"]


@kernel()
def correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Pearson's correlation, in two passes; NaN where a side is constant."""
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return np.nan
    mean_x, mean_y = x.mean(), y.mean()
    xy = xx = yy = 0.0
    for i in range(len(x)):
        dx, dy = x[i] - mean_x, y[i] - mean_y
        xy += dx * dy
        xx += dx * dx
        yy += dy * dy
    return float(xy / np.sqrt(xx * yy))


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
