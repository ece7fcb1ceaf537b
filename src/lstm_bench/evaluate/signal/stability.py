"""Stability: how much a day's scores are those of a few days before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import InputError
from lstm_bench.core.kernel import kernel
from lstm_bench.evaluate.ranking import rising_order
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.correlation import correlation, ranks_in
from lstm_bench.evaluate.signal.groups import GROUPS

__all__ = ["Stability", "stability"]


class Stability(NamedTuple):
    """How much scores stay, ``[T]`` float64 each; NaN where there is nothing to compare with, as on the first days.

    Attributes
    ----------
    autocorrelation
        Pearson's correlation with the scores of ``lag`` days before (Qlib's ``pred_autocorr``).
    rank_autocorrelation
        Of the ranks among all stocks of the day, with those of each stock's score ``lag`` rows of its own before
        (the ``pred_autocorr`` of Qlib's ``model_performance_graph``).
    turnover_top, turnover_bottom
        Share of the day's best and worst part that was not there by the scores of ``lag`` rows before (its
        ``pred_turnover``).
    """

    autocorrelation: npt.NDArray[np.float64]
    rank_autocorrelation: npt.NDArray[np.float64]
    turnover_top: npt.NDArray[np.float64]
    turnover_bottom: npt.NDArray[np.float64]


def stability(
    score: npt.NDArray[np.floating],
    rows: npt.NDArray[np.bool_] | None = None,
    lag: int = 1,
    parts: int = GROUPS,
) -> Stability:
    """Compare scores with earlier ones.

    Parameters
    ----------
    score : ``[T, N]``
        NaN where there is none.
    rows : ``[T, N]`` bool, optional
        The pairs (day, instrument) that exist. Where not given, those with a score. A stock that comes back into the
        universe is compared with when it left, but for ``autocorrelation``, which goes by days.
    lag
        How far back.
    parts
        The top is ``rows of the day // parts`` stocks, and so is the bottom. Only today's stocks count in either:
        one that left the universe did not turn over. Where fewer than that have a score, now or before, there is no
        turnover; Qlib fills up with stocks that have none.

    Raises
    ------
    InputError
        Where the shapes differ, or a number is not positive.
    """
    for name, given in (("lag", lag), ("parts", parts)):
        if given < 1:
            raise InputError(f"{name}: got {given}, expected 1 or more")
    now, _, there = aligned(score, score, rows)
    before = _rows_before(now, there, lag)
    return Stability(_correlation_with(now, there, lag), *_comparison(now, before, there, parts))


@kernel()
def _rows_before(
    score: npt.NDArray[np.float64], rows: npt.NDArray[np.bool_], lag: int
) -> npt.NDArray[np.float64]:
    """Score of each stock ``lag`` of its rows before, ``[T, N]``; NaN where it has not so many."""
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
def _correlation_with(
    score: npt.NDArray[np.float64], rows: npt.NDArray[np.bool_], lag: int
) -> npt.NDArray[np.float64]:
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
def _comparison(
    score: npt.NDArray[np.float64],
    before: npt.NDArray[np.float64],
    rows: npt.NDArray[np.bool_],
    parts: int,
) -> npt.NDArray[np.float64]:
    """Correlation of ranks, turnover of the top and of the bottom: ``[3, T]``."""
    T, N = score.shape
    found = np.full((3, T), np.nan)
    rank = np.empty((2, N))
    for t in range(T):
        size, fewest = rows[t].sum() // parts, N
        rank[:] = np.nan
        staying = np.zeros((2, N), dtype=np.int64)  # in the top and the bottom: now, before or both
        for i, of in enumerate((score[t], before[t])):
            stocks = np.nonzero(rows[t] & ~np.isnan(of))[0]
            values = of[stocks]
            rising = rising_order(values)
            # each side is ranked among all that it has, as Qlib does
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
def _highest(
    rising: npt.NDArray[np.int64], values: npt.NDArray[np.float64], size: int
) -> npt.NDArray[np.int64]:
    """Positions of the ``size`` highest values; of equal ones the first, as Qlib's ``nlargest`` takes them."""
    start = len(rising) - size
    above = start
    while above < len(rising) and values[rising[above]] == values[rising[start]]:
        above += 1
    first = start
    while first > 0 and values[rising[first - 1]] == values[rising[start]]:
        first -= 1
    return np.concatenate((rising[first : first + above - start], rising[above:]))
