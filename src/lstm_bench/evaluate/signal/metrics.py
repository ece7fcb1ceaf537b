"""Signal metrics: how well a day's scores order the returns that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.core.kernel import kernel
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.ranking import best_first
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.correlation import average_ranks, correlation
from lstm_bench.evaluate.signal.daily import label_mean

__all__ = ["QUANTILE", "SIGNAL_DAYS_PER_YEAR", "SignalMetrics", "signal_metrics"]

SIGNAL_DAYS_PER_YEAR = 252
"""Qlib's scaler for the long-short returns (its risk analysis of a backtest has another)."""

QUANTILE = 0.2
"""Share of a day's stocks that is bought, and that is sold short."""


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
            measured = moments(series)
            metrics[name] = measured.mean
            metrics[f"{name}IR"] = measured.ratio
        for name, returns in (("Long-Short", self.long_short), ("Long-Avg", self.long_average)):
            if returns is not None:
                measured = moments(returns)
                metrics[f"{name} Ann Return"] = measured.mean * days_per_year
                metrics[f"{name} Ann Sharpe"] = measured.ratio * days_per_year**0.5
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
    arrays = aligned(score, label, rows)
    portfolios = _long_short_returns(*arrays) if long_short else ()
    return SignalMetrics(*_information_coefficients(*arrays), *portfolios)


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
        ic[t] = correlation(x[:n], y[:n])
        rank_ic[t] = correlation(average_ranks(x[:n]), average_ranks(y[:n]))
    return ic, rank_ic


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
        fifth = int(len(there) * QUANTILE)
        best = best_first(there, score[t])[:fifth]
        worst = best_first(there, -score[t])[:fifth]
        spread[t] = (label_mean(label[t], best) - label_mean(label[t], worst)) / 2
        average[t] = label_mean(label[t], there)
    return spread, average
