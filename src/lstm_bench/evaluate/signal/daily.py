"""Kernels over the stocks of one day: the best and the worst fifth, and mean labels."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Ints, Reals
from lstm_bench.evaluate.ranking import best_first

__all__ = ["QUANTILE", "extreme_fifths", "label_mean"]

QUANTILE = 0.2
"""Share of a day's stocks that is bought, and that is sold short."""


@kernel()
def extreme_fifths(stocks: Ints, score: Reals) -> tuple[Ints, Ints]:
    """Best and worst fifth of a day's ``stocks`` (ascending) by ``score [N]``.

    Stocks without a score are included, and come last in either order; equal scores are ordered by instrument.
    """
    size = int(len(stocks) * QUANTILE)
    return best_first(stocks, score)[:size], best_first(stocks, -score)[:size]


@kernel()
def label_mean(label: Reals, at: Ints) -> float:
    """Mean of a day's ``label[at]`` without NaN, safe against overflow; NaN if there is none."""
    total, n, first, is_constant = 0.0, 0, 0.0, True
    for j in at:
        if not np.isnan(label[j]):
            first = label[j] if n == 0 else first
            is_constant &= label[j] == first
            total += label[j]
            n += 1
    if n == 0:
        return np.nan
    if is_constant:  # the mean without rounding
        return first
    if np.isfinite(total):
        return total / n
    mean = 0.0  # the sum overflows; the sum of ``label / n`` does not
    for j in at:
        if not np.isnan(label[j]):
            mean += label[j] / n
    return mean
