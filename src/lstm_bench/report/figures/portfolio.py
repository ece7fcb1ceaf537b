"""Figures of the backtest: returns, drawdowns and holdings of the account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.evaluate.returns.drawdown import Accumulation, below_high
from lstm_bench.report.figures.figure import DATES, Figure, Layout, axes, axis, day_texts
from lstm_bench.report.figures.months import months_figure
from lstm_bench.report.figures.signal import WINDOW
from lstm_bench.report.figures.traces import bars, histogram, horizontal, line, span, with_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["holding_figures", "return_figures", "series_of"]


def series_of(report: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Return the daily series of a backtest's report under the names of the record's analysis."""
    gross, bench, cost = report["return"], report["bench"], report["cost"]
    return {
        "return_without_cost": gross,
        "return_with_cost": gross - cost,
        "bench": bench,
        "excess_return_without_cost": gross - bench,
        "excess_return_with_cost": gross - bench - cost,
    }


def return_figures(report: pd.DataFrame, drawdowns: pd.DataFrame | None) -> Iterator[Figure]:
    """Draw cumulative returns, drawdowns, months and the distribution of days, from a record's tables.

    ``drawdowns`` is None if the record has no table of the worst periods.
    """
    series = series_of(report)
    days = report.index.to_numpy()
    yield _summed(days, series)
    yield _compounded(days, series)
    yield _drawdown(days, series, drawdowns)
    excess = series["excess_return_with_cost"]
    yield months_figure(
        "excess_months",
        "Excess return with cost by month, summed",
        "Blue months beat the benchmark, orange months fell behind it. A signal that depends on a few months "
        "shows here.",
        excess,
        "sum",
        series="excess",
        form=".1%",
        hover=".2%",
    )
    middle, counts, _ = histogram(excess.dropna().to_numpy(), 50)
    yield Figure(
        "return_distribution",
        "Daily excess return with cost",
        "Number of days by excess return. A long left tail means rare large losses, which mean and standard "
        "deviation hide.",
        [bars("days", middle, counts, "@blue/60")],
        axes(axis("excess return of a day", ".1%"), "days", bargap=0.04, showlegend=False),
    )


def _summed(days: Any, series: dict[str, pd.Series[float]]) -> Figure:
    shown: Sequence[tuple[str, str, str, dict[str, Any]]] = (
        ("excess_return_with_cost", "excess, with cost", "@blue", {"width": 2.4}),
        ("excess_return_without_cost", "excess, without cost", "@blue", {"dash": "dot"}),
        ("return_with_cost", "account, with cost", "@green", {}),
        ("return_without_cost", "account, without cost", "@green", {"dash": "dot"}),
        ("bench", "benchmark", "@grey", {}),
    )
    return Figure(
        "cumulative_return",
        "Cumulative return, summed",
        "Sum of daily returns, as Qlib computes it. The gap between a solid and a dotted line is the cost of "
        "trading; the blue lines are the excess over the benchmark.",
        [line(name, days, series[key].cumsum(), colour, **more) for key, name, colour, more in shown],
        axes(DATES, axis("sum of daily returns", ".0%"), shapes=[horizontal(0.0)]),
        is_wide=True,
        height=380,
    )


def _compounded(days: Any, series: dict[str, pd.Series[float]]) -> Figure:
    shown = {
        "return_with_cost": ("account, with cost", "@green"),
        "bench": ("benchmark", "@grey"),
        "excess_return_with_cost": ("excess, with cost", "@blue"),
    }
    return Figure(
        "growth",
        "Growth of 1, compounded",
        "Value of 1 if each day's return is reinvested. On the logarithmic axis equal slopes are equal rates "
        "of growth.",
        [line(name, days, _wealth(series[key]), colour) for key, (name, colour) in shown.items()],
        axes(DATES, axis("value of 1", ".2f", type="log", nticks=8), shapes=[horizontal(1.0)]),
    )


def _wealth(daily: pd.Series[float]) -> pd.Series[float]:
    """Value of 1 by day; NaN from a total loss on, since a logarithmic axis has no 0."""
    wealth = (1 + daily).cumprod()
    return wealth.where(~(daily <= -1).cummax())


def _drawdown(days: Any, series: dict[str, pd.Series[float]], drawdowns: pd.DataFrame | None) -> Figure:
    excess = _below_high(series["excess_return_with_cost"], "summed")
    account = _below_high(series["return_with_cost"], "compounded")
    area = {"fill": "tozeroy", "fillcolor": "@blue/20"}
    worst = {} if drawdowns is None else _worst(drawdowns, f"{series['bench'].index[-1]:%Y-%m-%d}")
    return Figure(
        "drawdown",
        "Drawdown",
        "Distance below the highest value so far: the excess as Qlib counts it (a running sum from the first "
        "day on), the account compounded from its initial value. The five deepest drawdowns of the excess are "
        "shaded and numbered.",
        [
            line("excess, with cost (summed)", days, excess, "@blue", **area),
            line("account, with cost (compounded)", days, account, "@green", width=1.2),
        ],
        axes(DATES, axis("below the high", ".0%"), **worst),
    )


def _below_high(daily: pd.Series[float], accumulation: Accumulation) -> npt.NDArray[np.float64]:
    """Distance of a series below its high by day, ``[T]``; NaN on days without a return."""
    returns = daily.to_numpy().astype(np.float64)
    known, below = ~np.isnan(returns), np.full(len(returns), np.nan)
    below[known] = below_high(returns[known], accumulation)
    return below


def _worst(drawdowns: pd.DataFrame, last_day: str) -> Layout:
    """Shade the deepest drawdowns, and number each at its bottom."""
    chosen = (drawdowns["series"] == "excess_return_with_cost") & (drawdowns["accumulation"] == "summed")
    shapes, annotations = [], []
    for row in drawdowns[chosen].to_dict("records"):
        start, bottom, recovery = day_texts(row[name] for name in ("start", "bottom", "recovery"))
        shapes.append(span(start, recovery or last_day, "@orange/12"))
        font = {"size": 11, "color": "@ink"}
        mark = {"x": bottom, "y": row["depth"], "text": str(row["rank"]), "showarrow": False, "yshift": -9}
        annotations.append(mark | {"font": font})
    return {"shapes": shapes, "annotations": annotations}


def holding_figures(report: pd.DataFrame, positions: pd.DataFrame, topk: int) -> Iterator[Figure]:
    """Draw the number of stocks held, their concentration, the turnover and the cost of trading.

    ``report`` and ``positions`` are the record's tables, ``topk`` is the number of stocks that the strategy holds.
    """
    by_day = positions["weight"].groupby(level=0)
    held = by_day.size().reindex(report.index, fill_value=0)
    invested = report.index[int(np.argmax(held.to_numpy() > 0)) :]  # before that all is cash
    days, before = invested.to_numpy(), len(report) - len(invested)
    note = f"From the first purchase on; {counted(before, 'day')} before it." if before else ""
    yield Figure(
        "holdings",
        "Stocks held",
        "Number of stocks held at the close. It differs from the strategy's number when orders could not be "
        "executed.",
        [line("stocks", days, held.loc[invested], "@blue")],
        axes(DATES, "stocks", showlegend=False),
        note=note,
    )
    yield Figure(
        "concentration",
        "Concentration",
        "Share of the account in the largest holding, and in cash. Equal weights of "
        f"{counted(topk, 'stock')} would be {100 / topk:.3g} % each.",
        [
            line("largest weight", days, by_day.max().reindex(invested, fill_value=0.0), "@orange"),
            line("cash", days, (report["cash"] / report["account"]).loc[invested], "@grey"),
        ],
        axes(DATES, axis("share of the account", ".0%", rangemode="tozero")),
        note=note,
    )
    yield _turnover(report["turnover"], invested)
    area = {"fill": "tozeroy", "fillcolor": "@orange/15"}
    yield Figure(
        "cost",
        "Cost of trading, summed",
        "Sum of daily trading cost. The signal has to earn this slope before anything is left.",
        [line("cost", report.index.to_numpy(), report["cost"].cumsum(), "@orange", **area)],
        axes(DATES, axis("sum of daily cost", ".1%"), showlegend=False),
    )


def _turnover(turnover: pd.Series[float], invested: pd.Index[Any]) -> Figure:
    """Draw the turnover; the axis ends above its greatest value after the first purchases."""
    usual = float(turnover.loc[invested[1:]].max()) if len(invested) > 1 else float(turnover.max())
    above = turnover[turnover > usual]
    note = (
        f"The first purchases, {above.iloc[0]:.0%} of the account, lie above the axis." if len(above) else ""
    )
    return Figure(
        "turnover",
        "Turnover",
        "Value traded in a day over the value of the account. Grey bars are days, the line is the mean of "
        f"{WINDOW} days.",
        with_mean(turnover, WINDOW, "@blue"),
        axes(DATES, axis("share of the account", ".0%", range=[0, usual * 1.1 or 1]), bargap=0),
        note=note,
    )
