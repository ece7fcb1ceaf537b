"""Precision: the share of a day's best stocks that rose, and of its worst stocks that fell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Ints, Reals
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.daily import extreme_fifths, label_mean

__all__ = ["Precision", "precision"]


class Precision(NamedTuple):
    """Precision of each day, ``[T]`` float64 each; NaN if none of the stocks has a label, or a fifth has no stock."""

    long: Floats  # share of the best fifth whose label is above 0
    short: Floats  # share of the worst fifth whose label is below 0
    # the same against the mean label of the day, independent of the market's direction
    long_excess: Floats
    short_excess: Floats


def precision(score: Reals, label: Reals, rows: Bools | None = None) -> Precision:
    """Count the labels with the sign that the scores predict.

    As Qlib's ``calc_long_short_prec``, with ``is_alpha`` for the excess: a fifth is ``int(0.2 * rows of the day)``,
    rows without a score come last in either order, equal scores are ordered by instrument, and stocks without a label
    do not count.

    ``score``, ``label``, ``rows``: ``[T, N]``, as for :func:`lstm_bench.evaluate.signal.metrics.signal_metrics`.
    Raises InputError if the shapes differ.
    """
    return Precision(*_precision(*aligned(score, label, rows)))


@kernel()
def _precision(score: Floats, label: Floats, rows: Bools) -> Floats:
    """Long, short, and both in excess of the day's mean: ``[4, T]``."""
    T = score.shape[0]
    shares = np.empty((4, T))
    for t in range(T):
        stocks = np.nonzero(rows[t])[0]
        best, worst = extreme_fifths(stocks, score[t])
        for i, middle in enumerate((0.0, label_mean(label[t], stocks))):
            shares[2 * i, t] = _share_above(label[t], best, middle)
            shares[2 * i + 1, t] = _share_above(-label[t], worst, -middle)
    return shares


@kernel()
def _share_above(label: Floats, at: Ints, bound: float) -> float:
    """Share of ``label[at]`` without NaN that is above a bound; NaN if all are NaN."""
    above, n = 0, 0
    for j in at:
        if not np.isnan(label[j]):
            above += label[j] > bound
            n += 1
    return above / n if n > 0 else np.nan
