"""Figures of daily returns against exact rational arithmetic, at their edges too."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.evaluate import exact

from lstm_bench.evaluate.returns.drawdown import drawdowns, worst
from lstm_bench.evaluate.returns.performance import performance
from lstm_bench.evaluate.returns.risk import compounded_risk, risk_analysis

NAN = math.nan
RETURNS = st.lists(
    st.one_of(
        st.integers(-40, 40).map(lambda n: n / 1024),
        st.sampled_from([0.0, 1.0, -0.5, 3.0, -0.75, -1.0, -1.5, -4.0, 2.0**-40, -(2.0**-30)]),
        st.just(NAN),
    ),
    max_size=70,
)
"""Multiples of powers of two, whose sums are exact; ruin, debt and doublings among them."""


def days_of(n: int) -> Any:
    return np.busday_offset(np.datetime64("2020-01-01"), np.arange(n), roll="forward")


def close_to(wanted: float) -> Any:
    return pytest.approx(wanted, rel=1e-10, abs=1e-15, nan_ok=True)


def months_of(values: list[Fraction], days: Any) -> list[list[Fraction]]:
    months: dict[str, list[Fraction]] = {}
    for value, day in zip(values, days.astype("datetime64[M]").astype(str), strict=True):
        months.setdefault(day, []).append(value)
    return list(months.values())


@given(RETURNS)
@example([0.01] * 30)
@example([-0.25, 0.125])
@example([0.25, -1.0, 0.5, 0.5])
@example([-1.5, -1.5])
@settings(max_examples=150)
def test_summed(returns: list[float]) -> None:
    values = np.array(returns, dtype=np.float64)
    got = performance(values, days_of(len(values)))["summed_238"]
    known = ~np.isnan(values)
    x, days = exact.exact(values[known]), days_of(len(values))[known]
    if not x:
        assert all(math.isnan(value) for value in got.values())
        return
    curve = [sum(x[: t + 1], Fraction(0)) for t in range(len(x))]
    below = exact.below_high(curve, None, as_share=False)
    mean, root_238 = exact.mean(x), math.sqrt(238)
    assert got["mean"] == close_to(float(mean))
    assert got["annualized_return"] == close_to(float(238 * mean))
    assert got["total_return"] == close_to(float(curve[-1]))
    assert got["max_drawdown"] == float(min(below))
    assert got["current_drawdown"] == float(below[-1])
    assert got["longest_drawdown_days"] == exact.longest_run_below(below)
    varies = len(set(x)) > 1
    assert got["std"] == close_to(exact.root(exact.variance(x)) if varies else 0.0 if len(x) > 1 else NAN)
    ratio = math.copysign(exact.root(mean**2 / exact.variance(x)), mean) * root_238 if varies else NAN
    assert got["information_ratio"] == close_to(ratio)
    losses = sum((min(one, Fraction(0)) ** 2 for one in x), Fraction(0)) / len(x)
    assert got["sortino_ratio"] == close_to(float(mean) / exact.root(losses) * root_238 if losses else NAN)
    deepest = -min(below)
    assert got["calmar_ratio"] == close_to(float(238 * mean / deepest) if deepest else NAN)
    months = [sum(month) > 0 for month in months_of(x, days)]
    assert got["hit_rate_month"] == close_to(sum(months) / len(months))
    assert risk_analysis(values) == {name: close_to(got[name]) for name in risk_analysis(values)}


@given(RETURNS)
@example([0.01] * 30)
@example([-0.25, 0.125])
@example([0.25, -1.0, 0.5, 0.5])
@example([-1.5, -1.5])
@example([3.0] * 70)
@settings(max_examples=150)
def test_compounded(returns: list[float]) -> None:
    values = np.array(returns, dtype=np.float64)
    got = performance(values, days_of(len(values)))["compounded_252"]
    known = ~np.isnan(values)
    x, days = exact.exact(values[known]), days_of(len(values))[known]
    if not x:
        assert all(math.isnan(value) for value in got.values())
        return
    curve, T = exact.wealth(x), len(x)
    below = exact.below_high(curve, Fraction(1), as_share=True)
    mean = exact.power_less_one(curve[-1], Fraction(1, T))
    annualized = exact.power_less_one(curve[-1], Fraction(252, T))
    assert got["total_return"] == close_to(float(curve[-1] - 1))
    assert got["mean"] == close_to(mean)
    assert got["annualized_return"] == pytest.approx(annualized, rel=1e-9, abs=1e-13)
    assert got["max_drawdown"] == close_to(float(min(below)))
    assert got["current_drawdown"] == close_to(float(below[-1]))
    assert got["longest_drawdown_days"] == exact.longest_run_below(below)
    grown = [now > before for before, now in month_ends(curve, x, days)]
    assert got["hit_rate_month"] == close_to(sum(grown) / len(grown))
    if curve[-1] == 0:
        assert [got[name] for name in ("total_return", "annualized_return", "mean", "max_drawdown")] == [
            -1.0
        ] * 4
        assert all(math.isnan(got[f"{name}_ratio"]) for name in ("information", "sortino", "calmar"))
        return
    logs = [exact.log(1 + one) for one in x]
    varies, root_252 = len(set(x)) > 1, math.sqrt(252)
    deviation = exact.root(exact.variance(logs)) if varies else 0.0 if T > 1 else NAN
    assert got["std"] == close_to(deviation)
    assert got["information_ratio"] == close_to(mean / deviation * root_252 if varies else NAN)
    losses = sum((min(one, Fraction(0)) ** 2 for one in logs), Fraction(0)) / T
    assert got["sortino_ratio"] == close_to(mean / exact.root(losses) * root_252 if losses else NAN)
    deepest = -min(below)
    assert got["calmar_ratio"] == close_to(annualized / float(deepest) if deepest else NAN)


def month_ends(curve: list[Fraction], x: list[Fraction], days: Any) -> list[tuple[Fraction, Fraction]]:
    ends, at = [Fraction(1)], 0
    for month in months_of(x, days):
        at += len(month)
        ends.append(curve[at - 1])
    return list(itertools.pairwise(ends))


@given(RETURNS)
@settings(max_examples=80)
def test_single_days(returns: list[float]) -> None:
    values = np.array(returns, dtype=np.float64)
    got = performance(values, days_of(len(values)))["daily"]
    x = exact.exact(values[~np.isnan(values)])
    assert got["days"] == len(x)
    assert got["hit_rate"] == close_to(sum(one > 0 for one in x) / len(x) if x else NAN)
    assert got["best_day"] == close_to(float(max(x)) if x else NAN)
    for level in (95, 99):
        if x:
            value = exact.quantile(x, Fraction(100 - level, 100))
            assert got[f"var_{level}"] == pytest.approx(float(value), rel=1e-9, abs=1e-14)
        assert not got[f"cvar_{level}"] > got[f"var_{level}"]
    if len(x) < 3 or len(set(x)) == 1:
        assert math.isnan(got["skew"])


@given(RETURNS.filter(lambda returns: any(one == one for one in returns)))
@settings(max_examples=80)
def test_the_deepest_of_the_drawdowns_is_the_maximum(returns: list[float]) -> None:
    values = np.array([one for one in returns if not math.isnan(one)])
    for accumulation, risk in (("summed", risk_analysis), ("compounded", compounded_risk)):
        found = worst(drawdowns(values, accumulation), 1)  # type: ignore[arg-type]
        assert risk(values)["max_drawdown"] == (found[0].depth if found else 0.0)


@pytest.mark.parametrize("constant", [0.01, 0.1, 1 / 3, -0.02, 1e-12, 0.0])
@pytest.mark.parametrize("days", [2, 3, 30, 251])
def test_a_constant_has_no_deviation(constant: float, days: int) -> None:
    got = performance(np.full(days, constant), days_of(days))
    for section in ("summed_238", "compounded_252"):
        assert got[section]["std"] == 0.0
        assert math.isnan(got[section]["information_ratio"])
    assert got["daily"]["var_95"] == got["daily"]["cvar_99"] == constant
    assert math.isnan(got["daily"]["kurtosis"])


def test_an_excess_that_is_constant_but_for_rounding_has_no_deviation() -> None:
    bench = np.random.default_rng(0).normal(0, 0.01, 60)
    excess = (bench + 0.001) - bench
    assert len(set(excess)) > 1
    assert math.isnan(risk_analysis(excess)["information_ratio"])


def test_a_loss_on_the_first_day() -> None:
    got = performance(np.array([-0.5, 0.1]), days_of(2))
    assert got["summed_238"]["max_drawdown"] == 0.0  # as in Qlib, the curve starts after the first day
    compounded = got["compounded_252"]
    assert compounded["max_drawdown"] == -0.5
    assert compounded["current_drawdown"] == pytest.approx(-0.45)
    assert compounded["calmar_ratio"] == compounded["annualized_return"] / 0.5
    assert (compounded["longest_drawdown_days"], compounded["current_drawdown_days"]) == (2, 2)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-20])
def test_tiny_returns_keep_their_digits(scale: float) -> None:
    returns = np.array([3.0, -1.0, 2.0, -2.5]) * scale
    got = performance(returns, days_of(4))
    one = performance(returns / scale, days_of(4))["summed_238"]
    for section, year in (("summed_238", 238), ("compounded_252", 252)):
        for name in ("information_ratio", "sortino_ratio"):
            assert got[section][name] == pytest.approx(one[name] * math.sqrt(year / 238))
        assert got[section]["max_drawdown"] == pytest.approx(-2.5 * scale)
        assert got[section]["total_return"] == pytest.approx(1.5 * scale)


def test_wealth_beyond_float64_still_has_drawdowns() -> None:
    returns = np.array([9.0] * 400 + [-0.5] + [9.0] * 3)
    got = performance(returns, days_of(len(returns)))["compounded_252"]
    assert got["total_return"] == math.inf
    assert got["max_drawdown"] == -0.5
    assert got["current_drawdown"] == 0.0
