"""Influence values against statistics of reweighted days."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.statistics.influence import Statistic, days_with_values, influences


def _panel() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    generator = np.random.default_rng(1)
    panel = generator.normal(0.04, 0.15, (3, 40))
    panel[1, 5:12] = np.nan
    return panel


@pytest.mark.parametrize("statistic", ["mean", "ratio"])
def test_the_mean_of_the_influences_is_the_statistic(statistic: Statistic) -> None:
    panel = _panel()
    found = influences(panel, statistic, 2.5)
    for k, series in enumerate(panel):
        days = series[~np.isnan(series)]
        value = days.mean() if statistic == "mean" else days.mean() / days.std(ddof=1)
        assert found[k].mean() == pytest.approx(2.5 * value)


@pytest.mark.parametrize("statistic", ["mean", "ratio"])
def test_an_influence_is_the_derivative_by_the_weight_of_a_day(statistic: Statistic) -> None:
    panel = _panel()
    found = influences(panel, statistic)
    known = ~np.isnan(panel)

    def weighted(k: int, weights: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        series, own = panel[k][known[k]], weights[known[k]]
        mean = float(own @ series / own.sum())
        if statistic == "mean":
            return mean
        # a day drawn twice counts twice: ddof 1 scales the variance as for the days at hand
        n = len(series)
        return mean / float(np.sqrt(own @ (series - mean) ** 2 / own.sum() * n / (n - 1)))

    step = 1e-5
    for k in range(3):
        for day in (0, 7, 39):
            weights = np.ones(40)
            weights[day] += step
            derivative = (weighted(k, weights) - weighted(k, np.ones(40))) / step
            assert (found[k, day] - found[k].mean()) / 40 == pytest.approx(derivative, abs=1e-5)


def test_a_seed_without_a_statistic_is_missing() -> None:
    panel = np.array([[np.nan, np.nan, np.nan], [1.0, 1.0, 1.0], [1.0, 2.0, 4.0]])
    assert np.isnan(influences(panel, "ratio")[:2]).all()
    assert np.isnan(influences(panel, "mean")[0]).all()
    assert np.isfinite(influences(panel, "ratio")[2]).all()
    assert days_with_values(panel[:1]).sum() == 0


def test_an_unknown_statistic_is_named() -> None:
    with pytest.raises(ValueError, match="got 'median'; expected one of mean, ratio"):
        influences(_panel(), "median")  # type: ignore[arg-type]
