"""Signal metrics: how well a day's scores order the returns that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.errors import InputError
from lstm_bench.evaluate.ranking import best_first, rising_order
from lstm_bench.kernel import kernel

__all__ = ["SIGNAL_DAYS_PER_YEAR", "SignalMetrics", "signal_metrics"]

SIGNAL_DAYS_PER_YEAR = 252
"""Qlib's scaler for the long-short returns (its risk analysis of a backtest has another)."""

_QUANTILE = 0.2


@dataclass(frozen=True)
class SignalMetrics:
    """Daily signal metrics and their summary.

    Attributes
    ----------
    ic, rank_ic : ``[T]`` float64
        Pearson and Spearman correlation between score and label over the stocks that have both; NaN on days
        where there is none.
    long_short : ``[T]`` float64, or None where not asked for
        Half the difference between the mean label of the best and of the worst fifth.
    long_average : ``[T]`` float64, or None where not asked for
        Mean label of all stocks.
    """

    ic: npt.NDArray[np.float64]
    rank_ic: npt.NDArray[np.float64]
    long_short: npt.NDArray[np.float64] | None = None
    long_average: npt.NDArray[np.float64] | None = None

    def summary(self, days_per_year: float = SIGNAL_DAYS_PER_YEAR) -> dict[str, float]:
        """Sum up by Qlib's metric names.

        ``IC`` and ``Rank IC`` are means over days, ``ICIR`` and ``Rank ICIR`` those over the standard
        deviation (ddof 1), not annualised. Where the long-short returns are there, also the annualised return
        and Sharpe ratio of both portfolios, which ``days_per_year`` (Qlib's ``ann_scaler``) scales.
        """
        metrics = {}
        for name, series in (("IC", self.ic), ("Rank IC", self.rank_ic)):
            mean, std = _mean_std(series)
            metrics[name] = mean
            metrics[f"{name}IR"] = mean / std if std > 0 else np.nan
        for name, returns in (("Long-Short", self.long_short), ("Long-Avg", self.long_average)):
            if returns is not None:
                mean, std = _mean_std(returns)
                metrics[f"{name} Ann Return"] = mean * days_per_year
                metrics[f"{name} Ann Sharpe"] = mean / std * days_per_year**0.5 if std > 0 else np.nan
        return metrics


def signal_metrics(
    score: npt.NDArray[np.floating],
    label: npt.NDArray[np.floating],
    rows: npt.NDArray[np.bool_] | None = None,
    long_short: bool = False,
) -> SignalMetrics:
    """Compare scores with labels, day by day.

    Parameters
    ----------
    score, label : ``[T, N]`` float32 or float64
        NaN where there is none. The label is the *raw* one: the return that follows.
    rows : ``[T, N]`` bool, optional
        The pairs (day, instrument) that exist, scored or not; they decide how many stocks a fifth of the day
        is. Where not given, those with a score or a label.
    long_short
        Whether to work out the returns of the long-short portfolio too (Qlib's ``ana_long_short``).

    Returns
    -------
    SignalMetrics

    Raises
    ------
    InputError
        Where the shapes differ.

    Notes
    -----
    A day whose scores or labels are all the same has no correlation: NaN, left out of every mean.
    """
    if score.ndim != 2 or score.shape != label.shape:
        raise InputError(
            f"score and label: got the shapes {score.shape} and {label.shape}, expected the same [T, N]"
        )
    if rows is None:
        rows = ~(np.isnan(score) & np.isnan(label))
    elif rows.shape != score.shape:
        raise InputError(f"rows: got the shape {rows.shape}, expected that of score, {score.shape}")
    # one type and layout for all, so that the kernels are compiled once
    arrays = (
        np.require(score, np.float64, ["C", "W"]),
        np.require(label, np.float64, ["C", "W"]),
        np.require(rows, np.bool_, ["C", "W"]),
    )
    portfolios = _long_short_returns(*arrays) if long_short else ()
    return SignalMetrics(*_information_coefficients(*arrays), *portfolios)


def _mean_std(series: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation (ddof 1) over the days that have a value."""
    values = series[~np.isnan(series)]
    mean = float(values.mean()) if len(values) > 0 else np.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else np.nan


@kernel()
def _information_coefficients(
    score: npt.NDArray[np.floating], label: npt.NDArray[np.floating], rows: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """IC and Rank IC of each day, ``[T]`` each."""
    T, N = score.shape
    ic, rank_ic = np.empty(T), np.empty(T)
    x, y = np.empty(N), np.empty(N)
    for t in range(T):
        n = 0
        for j in range(N):
            if rows[t, j] and not np.isnan(score[t, j]) and not np.isnan(label[t, j]):
                x[n], y[n] = score[t, j], label[t, j]
                n += 1
        ic[t] = _correlation(x[:n], y[:n])
        rank_ic[t] = _correlation(_average_ranks(x[:n]), _average_ranks(y[:n]))
    return ic, rank_ic


@kernel()
def _correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
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
def _average_ranks(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = rising_order(x)
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


@kernel()
def _long_short_returns(
    score: npt.NDArray[np.floating], label: npt.NDArray[np.floating], rows: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Half the spread between the mean labels of a day's best and worst fifth, and the mean of all.

    Rows without a score count, and come last from either end; equal scores are taken by instrument.
    """
    T = score.shape[0]
    spread, average = np.empty(T), np.empty(T)
    for t in range(T):
        there = np.nonzero(rows[t])[0]
        fifth = int(len(there) * _QUANTILE)
        best = best_first(there, score[t])[:fifth]
        worst = best_first(there, -score[t])[:fifth]
        spread[t] = (_mean(label[t], best) - _mean(label[t], worst)) / 2
        average[t] = _mean(label[t], there)
    return spread, average


@kernel()
def _mean(values: npt.NDArray[np.floating], at: npt.NDArray[np.int64]) -> float:
    """Mean of ``values[at]`` without the NaN ones; NaN where there is none."""
    total, n = 0.0, 0
    for j in at:
        if not np.isnan(values[j]):
            total += values[j]
            n += 1
    return total / n if n > 0 else np.nan
