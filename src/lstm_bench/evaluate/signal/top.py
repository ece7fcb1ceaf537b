"""The return of a day's best stocks, above that of all its stocks."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Reals
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.daily import extreme_fifths, label_mean

__all__ = ["top_returns"]


def top_returns(score: Reals, label: Reals, rows: Bools | None = None) -> Floats:
    """Return ``[T]`` float64: per day, the mean label of the best fifth minus the mean label of all stocks.

    It is NaN on days without a label, or with fewer than five stocks. A fifth is that of
    :func:`lstm_bench.evaluate.signal.daily.extreme_fifths`. ``score``, ``label``, ``rows``: ``[T, N]``, as for
    :func:`lstm_bench.evaluate.signal.metrics.signal_metrics`. Raises InputError if the shapes differ.
    """
    return _top_returns(*aligned(score, label, rows))


@kernel()
def _top_returns(score: Floats, label: Floats, rows: Bools) -> Floats:
    T = score.shape[0]
    returns = np.empty(T)
    for t in range(T):
        stocks = np.nonzero(rows[t])[0]
        best, _ = extreme_fifths(stocks, score[t])
        returns[t] = label_mean(label[t], best) - label_mean(label[t], stocks)
    return returns
