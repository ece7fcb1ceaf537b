"""Risk of a series of daily returns, as Qlib sums it up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TRADING_DAYS_PER_YEAR", "excess_risk", "risk_analysis"]

TRADING_DAYS_PER_YEAR = 238
"""Qlib's scaler for daily series."""


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
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"returns: got the shape {values.shape}, expected one daily series [T]")
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return dict.fromkeys(
            ("mean", "std", "annualized_return", "information_ratio", "max_drawdown"), np.nan
        )
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
    gross = np.asarray(report["return"], dtype=np.float64) - np.asarray(report["bench"], dtype=np.float64)
    net = gross - np.asarray(report["cost"], dtype=np.float64)
    series = {"excess_return_without_cost": gross, "excess_return_with_cost": net}
    return {
        f"1day.{name}.{key}": value
        for name, excess in series.items()
        for key, value in risk_analysis(excess).items()
    }
