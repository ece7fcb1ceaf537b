from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.returns.risk import compounded_risk, excess_risk, return_series, risk_analysis


def test_risk_by_hand() -> None:
    risk = risk_analysis([0.01, -0.02, -0.01, 0.03])
    assert risk["mean"] == pytest.approx(0.0025)
    assert risk["std"] == pytest.approx(np.std([0.01, -0.02, -0.01, 0.03], ddof=1))
    assert risk["annualized_return"] == pytest.approx(0.0025 * 238)
    assert risk["information_ratio"] == pytest.approx(risk["mean"] / risk["std"] * np.sqrt(238))
    assert risk["max_drawdown"] == pytest.approx(-0.03)


def test_the_first_day_is_no_drawdown() -> None:
    # as in Qlib, the curve starts after the first day, not at zero
    assert risk_analysis([-0.5, 0.1])["max_drawdown"] == 0.0


def test_missing_days_are_left_out() -> None:
    assert risk_analysis([0.01, np.nan, -0.02]) == risk_analysis([0.01, -0.02])


@pytest.mark.parametrize("returns", [[], [np.nan], [0.01]])
def test_too_few_days_have_no_risk(returns: list[float]) -> None:
    assert np.isnan(risk_analysis(returns)["information_ratio"])


def test_constant_returns_have_no_information_ratio() -> None:
    for constant in (0.25, 0.01, 1 / 3):
        assert np.isnan(risk_analysis([constant] * 30)["information_ratio"])


def test_excess_is_over_the_benchmark_and_takes_a_frame() -> None:
    report = pd.DataFrame({"return": [0.02, 0.01], "bench": [0.01, -0.01], "cost": [0.001, 0.002]})
    risk = excess_risk(report)
    assert risk["1day.excess_return_without_cost.mean"] == pytest.approx(0.015)
    assert risk["1day.excess_return_with_cost.mean"] == pytest.approx(0.0135)
    assert len(risk) == 10


def test_one_series_only() -> None:
    with pytest.raises(InputError, match=r"\(2, 2\)"):
        risk_analysis([[0.1, 0.2], [0.3, 0.4]])


def test_compounded_by_hand() -> None:
    returns = pd.Series([0.1, -0.2, 0.05, 0.3])
    risk = compounded_risk(returns)
    wealth = 1.1 * 0.8 * 1.05 * 1.3
    assert risk["mean"] == pytest.approx(wealth**0.25 - 1)
    assert risk["std"] == pytest.approx(np.log(1 + returns).std())
    assert risk["annualized_return"] == pytest.approx(wealth ** (252 / 4) - 1)
    assert risk["information_ratio"] == pytest.approx(risk["mean"] / risk["std"] * np.sqrt(252))
    assert risk["max_drawdown"] == pytest.approx(-0.2)
    assert compounded_risk(returns, 4)["annualized_return"] == pytest.approx(wealth - 1)


def test_compounded_edges() -> None:
    assert compounded_risk([0.01, np.nan, -0.02]) == compounded_risk([0.01, -0.02])
    assert np.isnan(compounded_risk([0.1, 0.1, 0.1])["information_ratio"])
    assert np.isnan(compounded_risk([0.1])["information_ratio"])
    for none in ([], [np.nan]):
        assert all(np.isnan(value) for value in compounded_risk(none).values())


@pytest.mark.parametrize("returns", [[0.1, -1.0], [-1.5, 0.2], [-1.0], [-2.0, -2.0]])
def test_compounded_wealth_that_is_lost(returns: list[float]) -> None:
    risk = compounded_risk(returns)
    assert [risk[name] for name in ("mean", "annualized_return", "max_drawdown")] == [-1.0, -1.0, -1.0]
    assert np.isnan(risk["std"])
    assert np.isnan(risk["information_ratio"])


def test_five_series_of_a_report() -> None:
    report = {"return": [0.02, 0.01], "bench": [0.01, -0.01], "cost": [0.001, 0.002]}
    series = return_series(report)
    assert list(series) == [
        *("excess_return_without_cost", "excess_return_with_cost"),
        *("return_without_cost", "return_with_cost", "bench"),
    ]
    np.testing.assert_allclose(series["excess_return_with_cost"], [0.009, 0.018])
    np.testing.assert_allclose(series["return_with_cost"], [0.019, 0.008])
