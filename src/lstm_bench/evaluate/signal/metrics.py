"""Signal metrics: how well a day's scores order the returns that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Reals
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.correlation import average_ranks, correlation
from lstm_bench.evaluate.signal.daily import extreme_fifths, label_mean

__all__ = ["SIGNAL_DAYS_PER_YEAR", "SignalMetrics", "signal_metrics"]

SIGNAL_DAYS_PER_YEAR = 252
"""Qlib's scaler for the long-short returns (its risk analysis of a backtest has another)."""


@dataclass(frozen=True)
class SignalMetrics:
    """Daily signal metrics and their summary."""

    # ``[T]`` float64: Pearson and Spearman correlation between score and label over the stocks that have both; NaN on
    # days without a correlation
    ic: Floats
    rank_ic: Floats
    # ``[T]`` float64, or None if not requested: half the difference between the mean label of the best and of the
    # worst fifth
    long_short: Floats | None = None
    # ``[T]`` float64, or None if not requested: mean label of all stocks
    long_average: Floats | None = None

    def summary(self, days_per_year: float = SIGNAL_DAYS_PER_YEAR) -> dict[str, float]:
        """Summarise by Qlib's metric names.

        ``IC`` and ``Rank IC`` are means over days; ``ICIR`` and ``Rank ICIR`` are means divided by the standard
        deviation (ddof 1), not annualised. With long-short returns, also the annualised return and Sharpe ratio of
        both portfolios, scaled by ``days_per_year`` (Qlib's ``ann_scaler``).
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
    score: Reals, label: Reals, rows: Bools | None = None, long_short: bool = False
) -> SignalMetrics:
    """Compare scores with labels, day by day.

    Raises InputError if the shapes differ.

    Parameters
    ----------
    score, label : ``[T, N]`` float32 or float64
        NaN if there is none. The label is the *raw* one: the return that follows.
    rows : ``[T, N]`` bool, optional
        The pairs (day, instrument) that exist, with or without a score; they determine the size of a day's fifth. By
        default those with a score or a label.
    long_short : whether to compute the returns of the long-short portfolio too (Qlib's ``ana_long_short``)

    Notes
    -----
    A day whose scores or labels are all equal has no correlation: its IC is NaN and left out of every mean.
    """
    arrays = aligned(score, label, rows)
    portfolios = _long_short_returns(*arrays) if long_short else ()
    return SignalMetrics(*_information_coefficients(*arrays), *portfolios)


@kernel()
def _information_coefficients(score: Reals, label: Reals, rows: Bools) -> tuple[Floats, Floats]:
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
def _long_short_returns(score: Reals, label: Reals, rows: Bools) -> tuple[Floats, Floats]:
    """Half the spread between the mean labels of a day's best and worst fifth, and the mean of all labels."""
    T = score.shape[0]
    spread, average = np.empty(T), np.empty(T)
    for t in range(T):
        stocks = np.nonzero(rows[t])[0]
        best, worst = extreme_fifths(stocks, score[t])
        spread[t] = (label_mean(label[t], best) - label_mean(label[t], worst)) / 2
        average[t] = label_mean(label[t], stocks)
    return spread, average
