"""Stability: how similar a day's scores are to those of a few days before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_bench.core.errors import InputError
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Ints, Reals
from lstm_bench.evaluate.ranking import rising_order
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.correlation import correlation, ranks_in
from lstm_bench.evaluate.signal.groups import GROUPS

__all__ = ["Stability", "stability"]


class Stability(NamedTuple):
    """Similarity to earlier scores, ``[T]`` float64 each; NaN on days without earlier scores, such as the first."""

    # Pearson's correlation with the scores of ``lag`` days before (Qlib's ``pred_autocorr``)
    autocorrelation: Floats
    # the same for ranks among all stocks of the day; a stock's earlier score is that of its own row ``lag`` rows
    # before (the ``pred_autocorr`` of Qlib's ``model_performance_graph``)
    rank_autocorrelation: Floats
    # share of the day's best and worst part that was not in it by the scores of ``lag`` rows before (its
    # ``pred_turnover``)
    turnover_top: Floats
    turnover_bottom: Floats


def stability(score: Reals, rows: Bools | None = None, lag: int = 1, parts: int = GROUPS) -> Stability:
    """Compare scores with earlier ones.

    Raises InputError if the shapes differ, or a number is not positive.

    Parameters
    ----------
    score : ``[T, N]``, NaN if there is none
    rows : ``[T, N]`` bool, optional
        The pairs (day, instrument) that exist; by default those with a score. A stock that returns to the universe is
        compared with its last rows before it left, except for ``autocorrelation``, which compares days.
    lag : number of days or rows between the scores
    parts
        The top has ``rows of the day // parts`` stocks, and so has the bottom. Only the day's stocks are considered: a
        stock that left the universe is not turnover. If fewer stocks than that have a score, now or before, turnover is
        NaN; Qlib adds stocks without a score.
    """
    for name, value in (("lag", lag), ("parts", parts)):
        if value < 1:
            raise InputError(f"{name}: got {value}, expected 1 or more")
    now, _, rows = aligned(score, score, rows)
    before = _rows_before(now, rows, lag)
    return Stability(_correlation_with(now, rows, lag), *_comparison(now, before, rows, parts))


@kernel()
def _rows_before(score: Floats, rows: Bools, lag: int) -> Floats:
    """Score of each stock ``lag`` of its rows before, ``[T, N]``; NaN if it has fewer rows."""
    T, N = score.shape
    before = np.full((T, N), np.nan)
    recent = np.empty((N, lag))  # a ring of each stock's last scores
    seen = np.zeros(N, dtype=np.int64)
    for t in range(T):
        for j in range(N):
            if rows[t, j]:
                place = seen[j] % lag
                if seen[j] >= lag:
                    before[t, j] = recent[j, place]
                recent[j, place] = score[t, j]
                seen[j] += 1
    return before


@kernel()
def _correlation_with(score: Floats, rows: Bools, lag: int) -> Floats:
    """Correlation with the scores of ``lag`` days before, ``[T]``."""
    T, N = score.shape
    found = np.full(T, np.nan)
    x, y = np.empty(N), np.empty(N)
    for t in range(lag, T):
        n = 0
        for j in range(N):
            now, before = score[t, j], score[t - lag, j]
            if rows[t, j] and rows[t - lag, j] and not np.isnan(now) and not np.isnan(before):
                x[n], y[n] = now, before
                n += 1
        found[t] = correlation(x[:n], y[:n])
    return found


@kernel()
def _comparison(score: Floats, before: Floats, rows: Bools, parts: int) -> Floats:
    """Correlation of ranks, turnover of the top and of the bottom: ``[3, T]``."""
    T, N = score.shape
    found = np.full((3, T), np.nan)
    rank = np.empty((2, N))
    for t in range(T):
        size, fewest = rows[t].sum() // parts, N
        rank[:] = np.nan
        staying = np.zeros((2, N), dtype=np.int64)  # times in the top and in the bottom: now, before or both
        for i, of in enumerate((score[t], before[t])):
            stocks = np.nonzero(rows[t] & ~np.isnan(of))[0]
            values = of[stocks]
            rising = rising_order(values)
            # each side is ranked among all of its scores, as in Qlib
            ranks = ranks_in(rising, values)
            for k in range(len(stocks)):
                rank[i, stocks[k]] = ranks[k]
            fewest = min(fewest, len(stocks))
            if 0 < size <= len(stocks):
                for k in _highest(rising, values, size):
                    staying[0, stocks[k]] += 1
                for k in rising[:size]:
                    staying[1, stocks[k]] += 1
        both = np.nonzero(~np.isnan(rank[0]) & ~np.isnan(rank[1]))[0]
        found[0, t] = correlation(rank[0][both], rank[1][both])
        if 0 < size <= fewest:
            for end in range(2):
                found[1 + end, t] = 1.0 - (staying[end] == 2).sum() / size
    return found


@kernel()
def _highest(rising: Ints, values: Floats, size: int) -> Ints:
    """Positions of the ``size`` highest values; the first of equal ones, as Qlib's ``nlargest`` takes them."""
    start = len(rising) - size
    above = start
    while above < len(rising) and values[rising[above]] == values[rising[start]]:
        above += 1
    first = start
    while first > 0 and values[rising[first - 1]] == values[rising[start]]:
        first -= 1
    return np.concatenate((rising[first : first + above - start], rising[above:]))
