"""Decay: how well a day's scores predict the returns of later days."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_bench.core.errors import InputError
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Ints, Reals
from lstm_bench.evaluate.ranking import rising_order
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.correlation import centre, cosine

__all__ = ["LAGS", "Decay", "ic_decay"]

LAGS = 20
"""Days: a month of trading."""


class Decay(NamedTuple):
    """IC and Rank IC of each day's scores with later labels, ``[lags + 1, T]`` float64 each.

    Row k has, at position t, the IC of the scores of day t with the labels of day t + k; row 0 is the ordinary IC. NaN
    on the last k days, whose labels would lie beyond the panel, and if scores or labels are constant.
    """

    ic: Floats
    rank_ic: Floats


def ic_decay(score: Reals, label: Reals, rows: Bools | None = None, lags: int = LAGS) -> Decay:
    """Correlate a day's scores with the labels of that day and of each of the ``lags`` days after it.

    With Qlib's label, the return from t + 1 to t + 2, row k is the IC with the one-day return from t + k + 1 to
    t + k + 2. No bars beyond those of the labels are needed, and no day beyond the panel's is read.

    ``score``, ``label`` and ``rows`` are as for :func:`lstm_bench.evaluate.signal.metrics.signal_metrics`, on
    consecutive trading days. A pair counts if the stock has a score on day t and a label on day t + k, whether or not
    it has rows in between. Raises InputError if the shapes differ, or ``lags`` is negative.
    """
    if lags < 0:
        raise InputError(f"lags: got {lags}, expected 0 or more")
    return Decay(*_later_correlations(*aligned(score, label, rows), lags))


class _Side(NamedTuple):
    """Stocks by rising value, with their values and average ranks: the first n entries of ``[N]`` each."""

    stock: Ints
    value: Floats
    rank: Floats


@kernel()
def _later_correlations(score: Floats, label: Floats, rows: Bools, lags: int) -> Floats:
    """IC and Rank IC per lag and day: ``[2, lags + 1, T]``."""
    T, N = score.shape
    found = np.full((2, lags + 1, T), np.nan)
    scored, labelled = rows & ~np.isnan(score), rows & ~np.isnan(label)
    # each day is sorted once: the order of all its stocks is also that of the stocks shared with another day
    by_score, by_label = _rising(score, scored), _rising(label, labelled)
    x, y = _side(N), _side(N)
    distance, rank = np.empty(N), np.empty(N)  # of the labels, by stock
    for t in range(T):
        for k in range(min(lags + 1, T - t)):
            s = t + k
            n = _share(by_score[t], labelled[s], score[t], x)
            _share(by_label[s], scored[t], label[s], y)
            if n < 2 or x.value[0] == x.value[n - 1] or y.value[0] == y.value[n - 1]:
                continue
            is_finite = centre(x.value[:n]) and centre(y.value[:n])
            for i in range(n):
                distance[y.stock[i]], rank[y.stock[i]] = y.value[i], y.rank[i]
            found[:, k, t] = _correlations(x, n, distance, rank)
            if not is_finite:
                found[0, k, t] = np.nan
    return found


@kernel()
def _correlations(x: _Side, n: int, distance: Floats, rank: Floats) -> tuple[float, float]:
    """Pearson's correlation of distances from the mean, and of ranks; the labels' are indexed by stock."""
    middle = 0.5 * (n + 1)
    xy = xx = yy = rank_xy = rank_xx = rank_yy = 0.0
    for i in range(n):
        j = x.stock[i]
        dx, dy = x.value[i], distance[j]
        xy += dx * dy
        xx += dx * dx
        yy += dy * dy
        dx, dy = x.rank[i] - middle, rank[j] - middle
        rank_xy += dx * dy
        rank_xx += dx * dx
        rank_yy += dy * dy
    return cosine(xy, xx, yy), cosine(rank_xy, rank_xx, rank_yy)


@kernel()
def _side(N: int) -> _Side:
    return _Side(np.empty(N, dtype=np.int64), np.empty(N), np.empty(N))


@kernel()
def _rising(values: Floats, known: Bools) -> list[Ints]:
    """Each day's stocks with a known value, by rising value."""
    days = []
    for t in range(values.shape[0]):
        columns = np.nonzero(known[t])[0]
        days.append(columns[rising_order(values[t][columns])])
    return days


@kernel()
def _share(rising: Ints, other: Bools, values: Floats, side: _Side) -> int:
    """Fill a side with the stocks that both sides have, and return their number."""
    stock, value, rank = side
    n = 0
    for j in rising:
        stock[n], value[n] = j, values[j]
        n += other[j]  # a stock that is not shared is overwritten
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and value[stop] == value[start]:
            stop += 1
        for i in range(start, stop):
            rank[i] = 0.5 * (start + 1 + stop)
        start = stop
    return n
