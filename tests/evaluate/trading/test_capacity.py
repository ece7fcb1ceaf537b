"""Capacity: participation against a plain loop over holdings, and a market that is moved as it is traded."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.core.errors import DataError
from lstm_bench.data.panel import Panel
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.evaluate.trading.backtest import backtest
from lstm_bench.evaluate.trading.capacity import (
    ASSETS,
    IMPACT_COST,
    CapacityPoint,
    capacity,
    participation,
    with_assets,
)

T, N = 40, 12
FIRST = np.datetime64("2020-01-01")


def config(**exchange: float) -> PortAnalysisConfig:
    content = {
        "strategy": {"kwargs": {"topk": 3, "n_drop": 1}},
        "backtest": {"account": 1e6, "exchange_kwargs": {"limit_threshold": 0.095, **exchange}},
    }
    return resolve(PortAnalysisConfig.model_validate(content), "cn")


def market(seed: int = 0, *, volume: bool = True) -> tuple[np.ndarray, Panel, np.ndarray]:
    rng = np.random.default_rng(seed)
    change = rng.normal(0, 0.02, (T, N))
    bars = {
        "close": 10 * np.cumprod(1 + change, axis=0),
        "change": change,
        "factor": np.ones((T, N)),
    }
    if volume:
        bars["volume"] = np.exp(rng.normal(16, 1, (T, N)))
        bars["volume"][rng.random((T, N)) < 0.1] = 0.0
    quotes = Panel(
        FIRST + np.arange(T),
        0,
        tuple(f"S{j:02d}" for j in range(N)),
        {name: np.asfortranarray(array, dtype=np.float32) for name, array in bars.items()},
        np.zeros(N, dtype=np.int64),
        np.full(N, T - 1),
    )
    return rng.normal(size=(T, N)), quotes, np.zeros(T, dtype=np.float32)


def test_participation_is_the_change_of_a_holding_over_the_volume() -> None:
    score, quotes, bench = market()
    result = backtest(score, quotes, bench, with_assets(config(), 1e8))
    held = [dict[str, float]() for _ in range(len(result.days) + 1)]
    positions = result.positions
    for day, stock, amount in zip(positions.day, positions.instrument, positions.amount, strict=True):
        held[day + 1][result.instruments[stock]] = amount
    expected, dealt = [], 0.0
    for day, (before, now) in enumerate(itertools.pairwise(held)):
        row = int(np.flatnonzero(quotes.days == result.days[day])[0])
        for stock, code in enumerate(result.instruments):
            ordered = abs(now.get(code, 0.0) - before.get(code, 0.0))
            dealt += ordered
            if ordered:
                volume = float(quotes.fields["volume"][row, stock])
                expected.append(ordered / volume if volume > 0 else np.nan)
    np.testing.assert_allclose(participation(result, quotes), expected, rtol=1e-12)
    assert dealt == pytest.approx(result.trades["deal_amount"].sum(), rel=1e-9)
    assert np.isnan(expected).any()


def test_the_impact_is_paid() -> None:
    score, quotes, bench = market()
    points = capacity(score, quotes, bench, config())
    assert [point.assets for point in points] == list(ASSETS)
    assert len(ASSETS) == 7
    means = [point.participation.mean() for point in points[:4]]  # the accounts beyond are ruined
    assert means == sorted(means)
    assert points[0].excess.mean() > points[3].excess.mean()
    for point in points[:2]:
        report = backtest(score, quotes, bench, with_assets(config(), point.assets)).report
        np.testing.assert_array_equal(point.excess, return_series(report)["excess_return_with_cost"])
        assert point.cost == pytest.approx(report["cost"].mean() * 238)


def test_an_own_impact_cost_is_kept() -> None:
    assert with_assets(config(), 1e7).backtest.exchange_kwargs.impact_cost == IMPACT_COST
    assert with_assets(config(impact_cost=0.5), 1e7).backtest.exchange_kwargs.impact_cost == 0.5
    assert with_assets(config(), 1e7).backtest.account == 1e7


@pytest.mark.parametrize(
    ("shares", "expected"),
    [([0.05] * 20, True), ([0.05] * 19 + [5.0], True), ([0.05] * 17 + [0.2] * 3, False), ([], False)],
)
def test_figures_mean_nothing_if_many_orders_are_large(shares: list[float], expected: bool) -> None:
    point = CapacityPoint(1e8, np.zeros(3), 0.0, np.array(shares), 0)
    assert point.is_meaningful is expected


def test_without_volume_there_is_no_capacity() -> None:
    score, quotes, bench = market(volume=False)
    with pytest.raises(DataError, match="no volume"):
        capacity(score, quotes, bench, config())
    quotes.fields["volume"] = np.full((T, N), np.nan, dtype=np.float32)  # type: ignore[index]
    with pytest.raises(DataError, match="no volume"):
        capacity(score, quotes, bench, config())
