"""The figure of capacity: information ratio and participation by assets."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_bench.report.figures.figure import Figure, axes, axis
from lstm_bench.report.figures.traces import horizontal, line, points
from lstm_bench.run.controls.document import CapacityRow

__all__ = ["assets_label", "capacity_figure"]


def assets_label(assets: float) -> str:
    """Write assets in millions, or in billions from a billion on: ``320 million``, ``3.2 billion``."""
    return f"{assets / 1e9:g} billion" if assets >= 1e9 else f"{assets / 1e6:g} million"


def capacity_figure(rows: Sequence[CapacityRow]) -> Figure:
    """Draw the information ratio after cost and impact by assets, with its 95 % interval."""
    names = [assets_label(row.assets) for row in rows]
    values = [row.information_ratio for row in rows]
    above = [_distance(row.high, row.information_ratio) for row in rows]
    below = [_distance(row.information_ratio, row.low) for row in rows]
    error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
    error |= {"thickness": 1.6, "width": 5, "color": "@blue"}
    beyond = [row for row in rows if not row.is_meaningful]
    traces = [
        line("information ratio", names, values, "@blue"),
        points("95 % interval", names, values, "@blue", size=8, error_y=error),
    ]
    if beyond:
        at = [assets_label(row.assets) for row in beyond]
        ratios = [row.information_ratio for row in beyond]
        traces.append(points("meaningless", at, ratios, "@orange", size=15, symbol="circle-open"))
    return Figure(
        "capacity",
        "Capacity",
        "Information ratio of the excess return after cost and impact, from the same scores, as the account "
        "grows. Within a ring the orders are too large a share of the market for the figures to mean anything.",
        traces,
        axes(
            axis("assets", type="category", categoryorder="array", categoryarray=names),
            "information ratio",
            shapes=[horizontal(0.0)],
        ),
        is_wide=True,
    )


def _distance(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else high - low
