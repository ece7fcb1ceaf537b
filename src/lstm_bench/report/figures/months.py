"""Daily series by calendar month and year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.returns.growth import reinvested
from lstm_bench.report.figures.figure import Figure, grid_layout
from lstm_bench.report.figures.traces import heatmap

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MONTHS", "How", "month_grid", "months_figure", "yearly"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

How = Literal["mean", "sum", "compounded"]
"""Aggregation of a period's days to one value."""


def month_grid(daily: pd.Series[float], how: How) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Aggregate a daily series by month: the years, and a grid ``[years, 12]``, NaN for months without a day."""
    by_month = _aggregated(daily, "M", how)
    years = sorted({period[:4] for period in by_month})
    grid = np.full((len(years), len(MONTHS)), np.nan)
    for period, value in by_month.items():
        grid[years.index(period[:4]), int(period[5:]) - 1] = value
    return years, grid


def months_figure(
    name: str,
    title: str,
    reading: str,
    daily: pd.Series[float],
    how: How,
    *,
    series: str,
    form: str,
    hover: str,
) -> Figure:
    """Draw a daily series by month, one row a year.

    ``form`` and ``hover`` are d3 formats of a month's value in its cell and in the hover text, such as ``.1%``.
    """
    years, grid = month_grid(daily, how)
    cells = heatmap(
        series,
        MONTHS,
        years,
        grid,
        texttemplate=f"%{{z:{form}}}",
        textfont={"size": 10},
        showscale=False,
        hovertemplate=f"%{{x}} %{{y}}: %{{z:{hover}}}<extra></extra>",
    )
    return Figure(name, title, reading, [cells], grid_layout(), height=90 + 44 * len(years))


def yearly(daily: pd.Series[float], how: How) -> dict[str, float]:
    """Aggregate a daily series by year."""
    return _aggregated(daily, "Y", how)


def _aggregated(daily: pd.Series[float], unit: Literal["M", "Y"], how: How) -> dict[str, float]:
    """Map each period, ``2017-01`` or ``2017``, to its value."""
    import pandas as pd

    known = daily.dropna()
    if how == "compounded":
        known = 1 + pd.Series(reinvested(known.to_numpy().astype(np.float64)), known.index)
    by_period = known.groupby(known.index.to_numpy().astype(f"datetime64[{unit}]").astype(str))
    if how == "compounded":
        values = by_period.prod() - 1
    else:
        values = by_period.sum() if how == "sum" else by_period.mean()
    return {str(period): float(value) for period, value in values.items()}
