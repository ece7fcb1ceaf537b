"""Measures of daily returns against plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lstm_bench
from lstm_bench import InputError


def test_risk_analysis_is_plain_pandas() -> None:
    returns = pd.Series(np.random.default_rng(0).normal(0, 0.01, 250))
    curve = returns.cumsum()
    assert lstm_bench.risk_analysis(returns) == pytest.approx(
        {
            "mean": returns.mean(),
            "std": returns.std(),
            "annualized_return": returns.mean() * 238,
            "information_ratio": returns.mean() / returns.std() * 238**0.5,
            "max_drawdown": (curve - curve.cummax()).min(),
        }
    )


def test_performance_wants_numbers_that_are_finite() -> None:
    days = pd.bdate_range("2020-01-01", periods=3)
    with pytest.raises(InputError, match="returns: 1 of 3 are infinite, the first on 2020-01-02"):
        lstm_bench.performance(pd.Series([0.1, -np.inf, 0.2], days))
    with pytest.raises(InputError, match=r"returns: got values of .*, expected numbers"):
        lstm_bench.performance(pd.Series(["a", "b", "c"], days))
    whole = lstm_bench.performance(pd.Series([1, 0, None], days, dtype="Int64"))
    assert whole["daily"]["days"] == 2


def test_performance_wants_a_series_by_days() -> None:
    days = pd.bdate_range("2020-01-01", periods=3)
    with pytest.raises(InputError, match="returns: got a ndarray, expected a Series"):
        lstm_bench.performance(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match="returns: got a Series with a RangeIndex, expected a Series with a DatetimeIndex"
    ):
        lstm_bench.performance(pd.Series([0.1, 0.2]))
    with pytest.raises(InputError, match="returns: its days are not ascending"):
        lstm_bench.performance(pd.Series([0.1, 0.2, 0.3], index=days[::-1]))


def test_performance_counts_the_days_of_the_place() -> None:
    days = pd.DatetimeIndex(["2020-01-31", "2020-02-03", "2020-02-04"])
    wanted = lstm_bench.performance(pd.Series([0.1, -0.2, 0.3], days))
    for index in (days.tz_localize("Asia/Shanghai"), (days + pd.Timedelta("16h")).tz_localize("US/Eastern")):
        assert str(lstm_bench.performance(pd.Series([0.1, -0.2, 0.3], index))) == str(wanted)
    with pytest.raises(InputError, match="returns: its days are not ascending, each once"):
        lstm_bench.performance(
            pd.Series([0.1, 0.2], pd.DatetimeIndex(["2020-01-01 09:30", "2020-01-01 15:00"]))
        )


def test_returns_beyond_a_float64_sum_up_to_infinity() -> None:
    days = pd.bdate_range("2020-01-01", periods=3)
    summed = lstm_bench.performance(pd.Series([1.7e308, 1.7e308, -0.5], days))["summed_238"]
    assert summed["total_return"] == summed["annualized_return"] == np.inf
    assert summed["mean"] == pytest.approx(1.7e308 / 3 * 2)
