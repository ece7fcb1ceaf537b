"""Regimes against plain loops."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.evaluate.measures import MEASURES, Series
from lstm_bench.evaluate.regimes import (
    VOLATILITY_WINDOW,
    DailyPanel,
    Regime,
    regimes,
    trailing_deviation,
)
from lstm_bench.statistics.nested import nested_interval

T = 400
EXCESS = "1day.excess_return_with_cost"
DAYS = np.busday_offset("2019-01-01", np.arange(T), roll="forward")


SERIES: tuple[Series, ...] = get_args(Series)


def panel(seeds: int = 1, seed: int = 0, *, liquidity: bool = True) -> DailyPanel:
    rng = np.random.default_rng(seed)
    series = {name: rng.normal(0.03, 0.1, (seeds, T)) for name in SERIES}
    series["ic"][:, ::50] = np.nan
    bench = rng.normal(0.0, 0.01, T)
    terciles = {
        name: {which: rng.normal(0.03, 0.1, (seeds, T)) for which in SERIES[:2]}
        for name in ("low", "mid", "high")
    }
    return DailyPanel(DAYS, series, bench, terciles if liquidity else {})


def named(found: list[Regime]) -> dict[str, Regime]:
    return {f"{one.group} {one.name}": one for one in found}


def test_years_and_months_are_those_of_the_calendar() -> None:
    data = panel()
    found = named(regimes(data))
    assert [name for name in found if name.startswith("year")] == ["year 2019", "year 2020"]
    up = np.zeros(T, dtype=bool)
    for month in np.unique(DAYS.astype("datetime64[M]")):
        inside = DAYS.astype("datetime64[M]") == month
        up[inside] = data.bench[inside].sum() > 0
    assert 0 < up.sum() < T
    excess = data.series["excess"][0]
    for name, inside in (("up", up), ("down", ~up)):
        regime = found[f"market {name}"]
        assert regime.metrics[f"{EXCESS}.annualized_return"].value == pytest.approx(
            238 * excess[inside].mean()
        )
        ratio = excess[inside].mean() / excess[inside].std(ddof=1) * np.sqrt(238)
        assert regime.metrics[f"{EXCESS}.information_ratio"].value == pytest.approx(ratio)
        assert regime.days == (~np.isnan(data.series["ic"][0, inside])).sum()


def test_volatility_is_that_of_the_days_before() -> None:
    data = panel()
    expected = np.full(T, np.nan)
    for day in range(VOLATILITY_WINDOW, T):
        expected[day] = data.bench[day - VOLATILITY_WINDOW : day].std(ddof=1)
    found = trailing_deviation(data.bench)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    changed = data.bench.copy()
    changed[200:] = 1.0
    np.testing.assert_array_equal(
        trailing_deviation(changed)[:201], found[:201]
    )  # a day does not know itself
    days = {name: one.days for name, one in named(regimes(data)).items() if name.startswith("volatility")}
    assert list(days) == ["volatility low", "volatility mid", "volatility high"]
    assert sum(days.values()) == (~np.isnan(data.series["ic"][0, VOLATILITY_WINDOW:])).sum()
    calm = expected <= np.sort(expected[VOLATILITY_WINDOW:])[(T - VOLATILITY_WINDOW) // 3 - 1]
    mean = data.series["rank_ic"][0, calm].mean()
    assert named(regimes(data))["volatility low"].metrics["Rank IC"].value == pytest.approx(mean, abs=2e-3)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(missing=st.sets(st.integers(0, 79), max_size=60))
def test_days_without_a_return_are_passed_over(missing: set[int]) -> None:
    returns = np.random.default_rng(0).normal(size=80)
    returns[list(missing)] = np.nan
    found = trailing_deviation(returns)
    for day in range(80):
        before = returns[:day][~np.isnan(returns[:day])][-VOLATILITY_WINDOW:]
        if len(before) < VOLATILITY_WINDOW:
            assert np.isnan(found[day])
        else:
            assert found[day] == pytest.approx(before.std(ddof=1))


def test_an_interval_is_that_of_the_regimes_days_in_order() -> None:
    data = panel(seeds=4)
    regime = named(regimes(data))["year 2020"]
    inside = np.datetime64("2020-01-01") <= DAYS
    assert list(regime.metrics) == list(MEASURES)
    for metric, measure in MEASURES.items():
        series = data.series[measure.series][:, inside]
        expected = nested_interval(series, measure.statistic, scale=measure.scale).estimate
        assert regime.metrics[metric] == expected
        assert expected.low < expected.value < expected.high


def test_liquidity_has_no_returns_and_may_be_absent() -> None:
    found = named(regimes(panel()))
    assert list(found["liquidity low"].metrics) == ["IC", "ICIR", "Rank IC", "Rank ICIR"]
    assert not [name for name in named(regimes(panel(liquidity=False))) if name.startswith("liquidity")]


def test_without_a_backtest_there_are_years_only() -> None:
    data = panel(liquidity=False)
    series = {name: data.series[name] for name in SERIES[:2]}
    found = regimes(DailyPanel(DAYS, series, np.full(T, np.nan)))
    assert {one.group for one in found} == {"all", "year"}
    assert all(f"{EXCESS}.annualized_return" not in one.metrics for one in found)
