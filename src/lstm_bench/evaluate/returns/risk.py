"""Risk of a series of daily returns, as in Qlib's ``risk_analysis``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import InputError
from lstm_bench.data.arrays import Floats
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.returns.drawdown import below_high
from lstm_bench.evaluate.returns.growth import growth, log_growth

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COMPOUNDING_DAYS_PER_YEAR",
    "TRADING_DAYS_PER_YEAR",
    "compounded_risk",
    "excess_risk",
    "return_series",
    "risk_analysis",
]

TRADING_DAYS_PER_YEAR = 238
"""Qlib's scaler for daily series."""

COMPOUNDING_DAYS_PER_YEAR = 252
"""The usual scaler for compounded returns."""


def risk_analysis(returns: npt.ArrayLike, scaler: float = TRADING_DAYS_PER_YEAR) -> dict[str, float]:
    """Risk of daily returns that are summed up, not compounded (Qlib's ``mode="sum"``).

    Parameters
    ----------
    returns : ``[T]``
        Daily returns, fractions; NaN days are left out.
    scaler
        Trading days per year.

    Returns
    -------
    dict
        ``mean`` and ``std`` (ddof 1) of a day, ``annualized_return = mean * scaler``, ``information_ratio =
        mean / std * sqrt(scaler)`` and ``max_drawdown``: the deepest fall of the running sum below its highest value so
        far, never positive. The sum's first value is the first high, as in Qlib: a loss on the first day is no
        drawdown. NaN if there are too few days; ``information_ratio`` also if the returns are constant, where Qlib
        divides by a deviation that is only rounding error.

    Raises
    ------
    InputError
        If ``returns`` does not have exactly one dimension.
    """
    measured, below = moments(values := _known(returns)), below_high(values, "summed")
    return {
        "mean": measured.mean,
        "std": measured.std,
        "annualized_return": measured.mean * scaler,
        "information_ratio": measured.ratio * scaler**0.5,
        "max_drawdown": float(below.min()) if len(below) else np.nan,
    }


def compounded_risk(returns: npt.ArrayLike, scaler: float = COMPOUNDING_DAYS_PER_YEAR) -> dict[str, float]:
    """Risk of daily returns that are compounded (Qlib's ``mode="product"``).

    ``returns`` ``[T]`` are daily, fractions; NaN days are left out. ``scaler`` is the trading days per year. Returns
    ``mean``, the geometric mean of a day; ``std`` (ddof 1) of the log returns; ``annualized_return``, the growth of a
    year; ``information_ratio = mean / std * sqrt(scaler)``; and ``max_drawdown``, the deepest fall of the wealth
    below its highest value so far, as a share of that value. The initial wealth is the first high (in Qlib the wealth
    after the first day). NaN if there are too few days; ``information_ratio`` also if the returns are constant. After
    a day that loses everything, mean, annualized return and maximum drawdown are -1, and the other two NaN. Raises
    InputError if ``returns`` does not have exactly one dimension.
    """
    logs = log_growth(values := _known(returns))
    measured, below = moments(logs), below_high(values, "compounded")
    mean = growth(measured.mean)
    return {
        "mean": mean,
        "std": measured.std,
        "annualized_return": growth(measured.mean * scaler),
        "information_ratio": np.nan if np.isnan(measured.ratio) else mean / measured.std * scaler**0.5,
        "max_drawdown": float(below.min()) if len(below) else np.nan,
    }


def return_series(report: Mapping[str, Any] | pd.DataFrame) -> dict[str, Floats]:
    """Daily returns of the strategy, of the benchmark, and of the strategy in excess of the benchmark.

    The report has ``return``, ``bench`` and ``cost``: arrays ``[T]`` or the columns of a DataFrame. Returns
    ``excess_return_without_cost``, ``excess_return_with_cost``, ``return_without_cost``, ``return_with_cost`` and
    ``bench``: ``[T]`` each.
    """
    gross, bench, cost = (np.asarray(report[name], dtype=np.float64) for name in ("return", "bench", "cost"))
    return {
        "excess_return_without_cost": gross - bench,
        "excess_return_with_cost": gross - bench - cost,
        "return_without_cost": gross,
        "return_with_cost": gross - cost,
        "bench": bench,
    }


def excess_risk(report: Mapping[str, Any] | pd.DataFrame) -> dict[str, float]:
    """Risk of the return in excess of the benchmark, without and with cost, by Qlib's metric names.

    ``report``: as for :func:`return_series`. Returns ``1day.excess_return_without_cost.mean`` ..
    ``1day.excess_return_with_cost.max_drawdown``.
    """
    series = return_series(report)
    return {
        f"1day.{name}.{key}": value
        for name in ("excess_return_without_cost", "excess_return_with_cost")
        for key, value in risk_analysis(series[name]).items()
    }


def _known(returns: npt.ArrayLike) -> Floats:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"returns: got the shape {values.shape}, expected one daily series [T]")
    return values[~np.isnan(values)]
