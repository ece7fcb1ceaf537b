"""Figures of the backtest: what the account earned, lost and held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.evaluate.returns.drawdown import Accumulation, below_high
from lstm_bench.report.figures.figure import (
    Figure,
    Layout,
    axis,
    bars,
    day_texts,
    horizontal,
    line,
    span,
)
from lstm_bench.report.figures.months import months_figure
from lstm_bench.report.figures.signal import WINDOW

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["holding_figures", "return_figures", "series_of"]


def series_of(report: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Return the daily series of a backtest's report, by the names that the record's analysis has for them."""
    gross, bench, cost = report["return"], report["bench"], report["cost"]
    return {
        "return_without_cost": gross,
        "return_with_cost": gross - cost,
        "bench": bench,
        "excess_return_without_cost": gross - bench,
        "excess_return_with_cost": gross - bench - cost,
    }


def return_figures(report: pd.DataFrame, drawdowns: pd.DataFrame | None) -> Iterator[Figure]:
    """Draw cumulative returns, drawdowns, months and the distribution of days.

    Parameters
    ----------
    report
        A record's table of that name.
    drawdowns
        Its table of the worst periods, None where it has none.
    """
    series = series_of(report)
    days = report.index.to_numpy()
    yield _summed(days, series)
    yield _compounded(days, series)
    yield _drawdown(days, series, drawdowns)
    yield _months(series["excess_return_with_cost"])
    yield _distribution(series["excess_return_with_cost"])


def _summed(days: Any, series: dict[str, pd.Series[float]]) -> Figure:
    shown: dict[str, tuple[str, str, dict[str, Any]]] = {
        "excess_return_with_cost": ("excess, with cost", "@blue", {"width": 2.4}),
        "excess_return_without_cost": ("excess, without cost", "@blue", {"dash": "dot"}),
        "return_with_cost": ("account, with cost", "@green", {}),
        "return_without_cost": ("account, without cost", "@green", {"dash": "dot"}),
        "bench": ("benchmark", "@grey", {}),
    }
    return Figure(
        "cumulative_return",
        "Cumulative return, summed",
        "Daily returns added up, as Qlib does: between a solid and a dotted line lies what trading cost, and "
        "the blue lines are "
        "what is left beside the benchmark.",
        [
            line(name, days, series[key].cumsum(), colour, **more)
            for key, (name, colour, more) in shown.items()
        ],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("sum of daily returns", tickformat=".0%"),
            "shapes": [horizontal(0.0)],
        },
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
        "What 1 became if each day's return was reinvested; on the logarithmic axis equal slopes are equal "
        "rates of growth.",
        [line(name, days, _wealth(series[key]), colour) for key, (name, colour) in shown.items()],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("value of 1", type="log", tickformat=".2f", nticks=8),
            "shapes": [horizontal(1.0)],
        },
    )


def _wealth(daily: pd.Series[float]) -> pd.Series[float]:
    """Return what 1 became by each day; NaN from the day on that everything is lost, which no logarithm has."""
    wealth = (1 + daily).cumprod()
    return wealth.where(~(daily <= -1).cummax())


def _drawdown(days: Any, series: dict[str, pd.Series[float]], drawdowns: pd.DataFrame | None) -> Figure:
    return Figure(
        "drawdown",
        "Drawdown",
        "How far below its highest value so far: the excess as Qlib counts it (a running sum, from the first "
        "day's on), the account compounded, from what it began with; shaded and "
        "numbered are the excess's five deepest periods.",
        [
            line(
                "excess, with cost (summed)",
                days,
                _below_high(series["excess_return_with_cost"], "summed"),
                "@blue",
                fill="tozeroy",
                fillcolor="@blue/20",
            ),
            line(
                "account, with cost (compounded)",
                days,
                _below_high(series["return_with_cost"], "compounded"),
                "@green",
                width=1.2,
            ),
        ],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("below the high", tickformat=".0%"),
            **({} if drawdowns is None else _worst(drawdowns, f"{series['bench'].index[-1]:%Y-%m-%d}")),
        },
    )


def _below_high(daily: pd.Series[float], accumulation: Accumulation) -> npt.NDArray[np.float64]:
    """How far below its high a series lies each day, ``[T]``; NaN on days without a return."""
    returns = daily.to_numpy().astype(np.float64)
    known, found = ~np.isnan(returns), np.full(len(returns), np.nan)
    found[known] = below_high(returns[known], accumulation)
    return found


def _worst(drawdowns: pd.DataFrame, last_day: str) -> Layout:
    """Shade the worst periods, and number them where they are deepest."""
    wanted = (drawdowns["series"] == "excess_return_with_cost") & (drawdowns["accumulation"] == "summed")
    shapes, numbers = [], []
    for row in drawdowns[wanted].to_dict("records"):
        start, bottom, recovery = day_texts(row[name] for name in ("start", "bottom", "recovery"))
        shapes.append(span(start, recovery or last_day, "@orange/12"))
        numbers.append(
            {
                "x": bottom,
                "y": row["depth"],
                "text": str(row["rank"]),
                "showarrow": False,
                "yshift": -9,
                "font": {"size": 11, "color": "@ink"},
            }
        )
    return {"shapes": shapes, "annotations": numbers}


def _months(excess: pd.Series[float]) -> Figure:
    return months_figure(
        "excess_months",
        "Excess return with cost by month, summed",
        "Blue months beat the benchmark, orange ones fell behind; a signal that lives on a few months shows "
        "here.",
        excess,
        "sum",
        series="excess",
        form=".1%",
        hover=".2%",
    )


def _distribution(excess: pd.Series[float]) -> Figure:
    counts, edges = np.histogram(excess.dropna(), bins=50)
    middle = (edges[:-1] + edges[1:]) / 2
    return Figure(
        "return_distribution",
        "Daily excess return with cost",
        "How many days had which excess: a long left arm is rare large losses that mean and deviation hide.",
        [bars("days", middle, counts, "@blue/60")],
        {
            "xaxis": axis("excess return of a day", tickformat=".1%"),
            "yaxis": axis("days"),
            "bargap": 0.04,
            "showlegend": False,
        },
    )


def holding_figures(report: pd.DataFrame, positions: pd.DataFrame, topk: int) -> Iterator[Figure]:
    """Draw how much was held, how concentrated it was, and what trading it cost.

    Parameters
    ----------
    report, positions
        A record's tables.
    topk
        How many stocks the strategy holds.
    """
    by_day = positions["weight"].groupby(level=0)
    held = by_day.size().reindex(report.index, fill_value=0)
    invested = report.index[int(np.argmax(held.to_numpy() > 0)) :]  # before that all is cash
    days, before = invested.to_numpy(), len(report) - len(invested)
    note = f"From the first purchase on; {counted(before, 'day')} before it." if before else ""
    yield Figure(
        "holdings",
        "Stocks held",
        "How many stocks the account held at the close: it strays from the strategy's number where orders "
        "could not be dealt.",
        [line("stocks", days, held.loc[invested], "@blue")],
        {"xaxis": axis(type="date"), "yaxis": axis("stocks"), "showlegend": False},
        note=note,
    )
    yield Figure(
        "concentration",
        "Concentration",
        "The largest holding's share of the account, and the cash that is not invested: equal weights of "
        f"{counted(topk, 'stock')} would be {100 / topk:.3g} % each.",
        [
            line("largest weight", days, by_day.max().reindex(invested, fill_value=0.0), "@orange"),
            line("cash", days, (report["cash"] / report["account"]).loc[invested], "@grey"),
        ],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("share of the account", tickformat=".0%", rangemode="tozero"),
        },
        note=note,
    )
    turnover = report["turnover"]
    usual = float(turnover.loc[invested[1:]].max()) if len(invested) > 1 else float(turnover.max())
    above = turnover[turnover > usual]
    yield Figure(
        "turnover",
        "Turnover",
        f"Value dealt in a day over the account's value, grey by day, the line its mean of {WINDOW} days.",
        [
            bars("day", report.index.to_numpy(), turnover, "@grey/45"),
            line(
                f"{WINDOW}-day mean",
                report.index.to_numpy(),
                turnover.rolling(WINDOW, min_periods=WINDOW).mean(),
                "@blue",
            ),
        ],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("share of the account", tickformat=".0%", range=[0, usual * 1.1 or 1]),
            "bargap": 0,
        },
        note=f"The first purchases, {above.iloc[0]:.0%} of the account, reach above the axis."
        if len(above)
        else "",
    )
    yield Figure(
        "cost",
        "Cost of trading, summed",
        "What commissions and the like took, summed over days: its slope is what the signal has to earn "
        "before anything is left.",
        [
            line(
                "cost",
                report.index.to_numpy(),
                report["cost"].cumsum(),
                "@orange",
                fill="tozeroy",
                fillcolor="@orange/15",
            )
        ],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("sum of daily cost", tickformat=".1%"),
            "showlegend": False,
        },
    )
