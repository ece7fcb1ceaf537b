"""Figures of a backtest: drawdowns, growth and weights, at their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.evaluate.returns.performance import performance
from lstm_bench.report.figures.figure import Figure
from lstm_bench.report.figures.months import month_grid, yearly
from lstm_bench.report.figures.portfolio import holding_figures, return_figures


def report_of(returns: list[float]) -> pd.DataFrame:
    days = pd.bdate_range("2020-01-30", periods=len(returns), name="datetime")
    nothing = np.zeros(len(returns))
    return pd.DataFrame(
        {"return": returns, "bench": nothing, "cost": nothing, "turnover": nothing, "cash": 1.0, "account": 1.0}, days
    )  # fmt: skip


def by_name(figures: Any) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def trace(figure: Figure, name: str) -> list[float]:
    (found,) = (one for one in figure.traces if one["name"] == name)
    return [np.nan if value is None else value for value in found["y"]]


@pytest.mark.parametrize(
    "returns", [[-0.5, 0.1, 0.2], [0.1, -0.2, 0.05], [0.1, -1.0, 0.3], [0.1, -1.5, -1.5]]
)
def test_the_drawn_drawdowns_are_the_measured_ones(returns: list[float]) -> None:
    report = report_of(returns)
    figures = by_name(return_figures(report, None))
    measured = performance(np.array(returns), report.index.to_numpy())
    drawn = figures["drawdown"]
    for name, section in (
        ("excess, with cost (summed)", "summed_238"),
        ("account, with cost (compounded)", "compounded_252"),
    ):
        values = trace(drawn, name)
        assert min(values) == measured[section]["max_drawdown"]
        assert values[-1] == measured[section]["current_drawdown"]


def test_growth_ends_where_everything_is_lost() -> None:
    grown = trace(by_name(return_figures(report_of([0.5, -1.0, 0.5]), None))["growth"], "account, with cost")
    np.testing.assert_array_equal(grown, [1.5, np.nan, np.nan])


def test_months_and_years_keep_what_is_lost_lost() -> None:
    daily = pd.Series(
        [0.5, -1.5, -3.0, 0.5], pd.to_datetime(["2020-01-30", "2020-01-31", "2020-02-03", "2020-02-04"])
    )
    _, grid = month_grid(daily, "compounded")
    np.testing.assert_array_equal(grid[0, :2], [-1.0, 0.0])
    assert yearly(daily, "compounded") == {"2020": -1.0}


@pytest.mark.parametrize(
    ("topk", "expected"), [(50, "50 stocks would be 2 % each"), (1, "1 stock would be 100 %"), (30, "3.33 %")]
)
def test_equal_weights_are_those_of_the_strategy(topk: int, expected: str) -> None:
    report = report_of([0.01, 0.02])
    index = pd.MultiIndex.from_product([report.index, ["A", "B"]])
    positions = pd.DataFrame({"weight": 0.5}, index)
    assert expected in by_name(holding_figures(report, positions, topk))["concentration"].reading
