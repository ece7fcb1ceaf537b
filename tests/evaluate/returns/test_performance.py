from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.returns.drawdown import drawdowns
from lstm_bench.evaluate.returns.performance import performance
from lstm_bench.evaluate.returns.risk import compounded_risk, risk_analysis


def returns_of(seed: int, days: int = 130) -> pd.Series[float]:
    rng = np.random.default_rng(seed)
    return pd.Series(rng.normal(0.0005, 0.01, days), index=pd.bdate_range("2019-10-01", periods=days))


def measure(returns: pd.Series[float]) -> dict[str, dict[str, Any]]:
    return performance(
        np.asarray(returns, dtype=np.float64), returns.index.to_numpy().astype("datetime64[D]")
    )


def test_summed_by_plain_pandas() -> None:
    returns = returns_of(0)
    got = measure(returns)["summed_238"]
    assert {name: got[name] for name in risk_analysis(returns)} == risk_analysis(returns)
    losses = [min(one, 0.0) ** 2 for one in returns]
    downside = (sum(losses) / len(losses)) ** 0.5
    assert got["sortino_ratio"] == pytest.approx(returns.mean() / downside * 238**0.5)
    assert got["calmar_ratio"] == pytest.approx(returns.mean() * 238 / -got["max_drawdown"])
    assert got["total_return"] == pytest.approx(returns.sum())
    assert got["hit_rate_month"] == (returns.resample("ME").sum() > 0).mean()
    curve = returns.cumsum()
    assert got["longest_drawdown_days"] == longest_run(curve < curve.cummax())
    assert got["current_drawdown"] == pytest.approx((curve - curve.cummax()).iloc[-1])


def test_compounded_by_plain_pandas() -> None:
    returns = returns_of(1)
    got = measure(returns)["compounded_252"]
    assert {name: got[name] for name in compounded_risk(returns)} == compounded_risk(returns)
    wealth = (1 + returns).cumprod()
    growth = wealth.iloc[-1] ** (1 / len(returns)) - 1
    downside = np.square(np.minimum(np.log(1 + returns.to_numpy(np.float64)), 0)).mean() ** 0.5
    assert got["sortino_ratio"] == pytest.approx(growth / downside * 252**0.5)
    assert got["total_return"] == pytest.approx(wealth.iloc[-1] - 1)
    assert got["calmar_ratio"] == pytest.approx(got["annualized_return"] / -got["max_drawdown"])
    assert got["hit_rate_month"] == ((1 + returns).resample("ME").prod() > 1).mean()
    below = wealth < wealth.cummax()
    assert got["longest_drawdown_days"] == longest_run(below)
    assert got["current_drawdown"] == pytest.approx((wealth / wealth.cummax() - 1).iloc[-1])
    last = drawdowns(np.asarray(returns, dtype=np.float64), "compounded")[-1]
    assert got["current_drawdown_days"] == (last.days if last.recovery is None else 0)


def longest_run(days: pd.Series[bool]) -> int:
    longest = run = 0
    for inside in days:
        run = run + 1 if inside else 0
        longest = max(longest, run)
    return longest


def test_days() -> None:
    returns = returns_of(2)
    daily = measure(returns)["daily"]
    assert daily["days"] == 130
    assert daily["hit_rate"] == (returns > 0).mean()
    assert (daily["best_day"], daily["worst_day"]) == (returns.max(), returns.min())
    assert daily["best_day_date"] == returns.index[int(returns.argmax())].strftime("%Y-%m-%d")
    assert daily["worst_day_date"] == returns.index[int(returns.argmin())].strftime("%Y-%m-%d")
    assert daily["var_95"] == pytest.approx(returns.quantile(0.05))


def test_days_without_a_return_are_left_out() -> None:
    returns = returns_of(3)
    gaps = returns.copy()
    gaps.iloc[[0, 40, 129]] = np.nan
    assert measure(gaps) == measure(gaps.dropna())


def test_a_series_at_its_high_has_no_loss_to_divide_by() -> None:
    returns = pd.Series([0.01, 0.02, 0.0], index=pd.bdate_range("2020-01-01", periods=3))
    for section in ("summed_238", "compounded_252"):
        got = measure(returns)[section]
        assert np.isnan(got["sortino_ratio"])
        assert np.isnan(got["calmar_ratio"])
        assert got["max_drawdown"] == got["current_drawdown"] == got["longest_drawdown_days"] == 0.0


def test_wealth_that_is_lost() -> None:
    got = measure(pd.Series([0.1, -1.0, 0.1], index=pd.bdate_range("2020-01-01", periods=3)))
    lost = got["compounded_252"]
    for name in ("total_return", "annualized_return", "max_drawdown", "current_drawdown"):
        assert lost[name] == -1.0
    for name in ("information_ratio", "sortino_ratio", "calmar_ratio"):
        assert np.isnan(lost[name])
    assert (lost["longest_drawdown_days"], lost["hit_rate_month"]) == (2.0, 0.0)
    assert got["summed_238"]["total_return"] == pytest.approx(-0.8)
    assert got["summed_238"]["max_drawdown"] == -1.0
    assert list(got["summed_238"]) == list(lost)


def test_nothing_at_all() -> None:
    got = measure(pd.Series([np.nan], index=pd.bdate_range("2020-01-01", periods=1)))
    assert got["daily"].pop("days") == 0
    assert got["daily"].pop("best_day_date") is None
    assert got["daily"].pop("worst_day_date") is None
    assert all(np.isnan(value) for section in got.values() for value in section.values())


def test_one_series_on_its_days() -> None:
    with pytest.raises(InputError, match=r"returns: got the shape \(3,\), expected one daily series \[2\]"):
        performance(np.zeros(3), np.zeros(2, dtype="datetime64[D]"))
