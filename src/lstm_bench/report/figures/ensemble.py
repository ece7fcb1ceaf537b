"""Figures of a seed ensemble: how its metrics grow with the number of seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lstm_bench.report.figures.figure import Figure, axes, axis, counting
from lstm_bench.report.figures.traces import Trace, line, points

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ensemble_figures"]

_COLUMNS = {"IC": "@blue", "ICIR": "@purple", "Rank IC": "@green", "Rank ICIR": "@orange"}
_LOW, _HIGH = 0.025, 0.975


def ensemble_figures(curve: pd.DataFrame) -> Iterator[Figure]:
    """Draw each metric of averaged scores by the number of seeds, from the record's table ``ensemble``."""
    greatest = int(curve["members"].max())
    for column, colour in _COLUMNS.items():
        yield Figure(
            f"ensemble_{column.lower().replace(' ', '_')}",
            f"{column} by number of seeds",
            "The line is the mean over random choices of so many seeds, each point is one choice, and the band holds "
            "95 % of them. It shows the luck of the choice, not that of the days, and ends in one value: all seeds.",
            list(_traces(curve, column, colour)),
            axes(counting("seeds averaged", greatest), axis(column, ".4f")),
        )


def _traces(curve: pd.DataFrame, column: str, colour: str) -> Iterator[Trace]:
    by_size = curve.groupby("members")[column]
    middle, low, high = by_size.mean(), by_size.quantile(_LOW), by_size.quantile(_HIGH)
    at = middle.index.to_numpy()
    hidden = {"width": 0, "showlegend": False, "hoverinfo": "skip"}
    yield line("low", at, low, colour, **hidden)
    yield line("95 % of choices", at, high, colour, width=0, fill="tonexty", fillcolor=f"{colour}/18")
    yield points("one choice", curve["members"], curve[column], f"{colour}/45", size=4)
    yield line("mean", at, middle, colour, width=2.2)
