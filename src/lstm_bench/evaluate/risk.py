"""Risk of a series of daily returns, as Qlib sums it up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.errors import InputError

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
"""The trade's scaler, for compounded returns."""

_MEASURES = ("mean", "std", "annualized_return", "information_ratio", "max_drawdown")


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
        mean / std * sqrt(scaler)`` and ``max_drawdown``: the deepest fall of the running sum below its
        highest value so far, never positive. NaN where there are too few days, ``information_ratio`` also
        where the returns are constant.

    Raises
    ------
    InputError
        Where ``returns`` has not exactly one dimension.
    """
    values = _known(returns)
    if len(values) == 0:
        return dict.fromkeys(_MEASURES, np.nan)
    mean = float(values.mean())
    std = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    curve = values.cumsum()
    return {
        "mean": mean,
        "std": std,
        "annualized_return": mean * scaler,
        "information_ratio": mean / std * scaler**0.5 if std > 0 else np.nan,
        "max_drawdown": float((curve - np.maximum.accumulate(curve)).min()),
    }


def compounded_risk(returns: npt.ArrayLike, scaler: float = COMPOUNDING_DAYS_PER_YEAR) -> dict[str, float]:
    """Risk of daily returns that are compounded (Qlib's ``mode="product"``).

    Parameters
    ----------
    returns : ``[T]``
        Daily returns, fractions; NaN days are left out.
    scaler
        Trading days per year.

    Returns
    -------
    dict
        ``mean``, the geometric mean of a day, ``std`` (ddof 1) of the log returns, ``annualized_return``, the growth of
        a year, ``information_ratio = mean / std * sqrt(scaler)`` and ``max_drawdown``: the deepest fall of the wealth
        below its highest value so far, as a share of that. NaN where there are too few days, all of them where a day
        loses everything, ``information_ratio`` also where the returns are constant.

    Raises
    ------
    InputError
        Where ``returns`` has not exactly one dimension.
    """
    values = _known(returns)
    if len(values) == 0 or values.min() <= -1:
        return dict.fromkeys(_MEASURES, np.nan)
    wealth, logs = (1 + values).cumprod(), np.log1p(values)
    mean = float(wealth[-1] ** (1 / len(values)) - 1)
    std = float(logs.std(ddof=1)) if len(values) > 1 else np.nan
    constant = logs.min() == logs.max()  # whose deviation need not be exactly 0
    return {
        "mean": mean,
        "std": std,
        "annualized_return": float(wealth[-1] ** (scaler / len(values)) - 1),
        "information_ratio": np.nan if constant else mean / std * scaler**0.5,
        "max_drawdown": float((wealth / np.maximum.accumulate(wealth) - 1).min()),
    }


def return_series(report: Mapping[str, Any] | pd.DataFrame) -> dict[str, npt.NDArray[np.float64]]:
    """Daily returns of the strategy, of the benchmark, and of the one in excess of the other.

    Parameters
    ----------
    report
        The daily report, with ``return``, ``bench`` and ``cost``: arrays ``[T]`` or the columns of a
        DataFrame.

    Returns
    -------
    dict
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

    Parameters
    ----------
    report
        The daily report, with ``return``, ``bench`` and ``cost``: arrays ``[T]`` or the columns of a
        DataFrame.

    Returns
    -------
    dict
        ``1day.excess_return_without_cost.mean`` .. ``1day.excess_return_with_cost.max_drawdown``.
    """
    series = return_series(report)
    return {
        f"1day.{name}.{key}": value
        for name in ("excess_return_without_cost", "excess_return_with_cost")
        for key, value in risk_analysis(series[name]).items()
    }


def _known(returns: npt.ArrayLike) -> npt.NDArray[np.float64]:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"returns: got the shape {values.shape}, expected one daily series [T]")
    return values[~np.isnan(values)]
