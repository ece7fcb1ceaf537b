"""Measure daily returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.returns import performance as measures
from lstm_bench.evaluate.signal.grid import is_real

__all__ = ["performance"]


def performance(returns: pd.Series) -> dict[str, dict[str, Any]]:
    """Measure daily returns under Qlib's convention and compounded.

    Parameters
    ----------
    returns
        Fractions by ascending day; NaN days are left out. Of a timestamp, with or without a zone, the day counts.

    Returns
    -------
    dict
        ``summed_238`` (Qlib's sums, 238 days a year) and ``compounded_252``: mean, std, annualized return, information
        ratio, drawdowns, Sortino and Calmar ratio, hit rate of months; ``daily``: hit rate, best and worst day, value
        at risk, skew and kurtosis. See :func:`lstm_bench.evaluate.returns.performance.performance`.

    Raises
    ------
    InputError
        If ``returns`` is not a series of numbers by ascending days, or one of them is infinite.
    """
    if not (isinstance(returns, pd.Series) and isinstance(returns.index, pd.DatetimeIndex)):
        index = f" with a {type(returns.index).__name__}" if isinstance(returns, pd.Series) else ""
        raise InputError(
            f"returns: got a {type(returns).__name__}{index}, expected a Series with a DatetimeIndex"
        )
    days = returns.index.tz_localize(None).normalize()  # the local day, not the UTC day
    if not (days.is_monotonic_increasing and days.is_unique):
        raise InputError("returns: its days are not ascending, each once")
    if not is_real(returns):
        raise InputError(f"returns: got values of {returns.dtype}, expected numbers")
    values = returns.to_numpy(np.float64, na_value=np.nan)
    if (infinite := np.isinf(values)).any():
        first = returns.index[infinite.argmax()]
        raise InputError(
            f"returns: {infinite.sum()} of {len(values)} are infinite, the first on {first:%Y-%m-%d}"
        )
    return measures.performance(values, days.to_numpy().astype("datetime64[D]"))
