"""The LSTM rows of Qlib's benchmark README."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COLUMNS", "IN_PERCENT", "PUBLISHED", "PublishedRow"]

COLUMNS = {
    "IC": "IC",
    "ICIR": "ICIR",
    "Rank IC": "Rank IC",
    "Rank ICIR": "Rank ICIR",
    "1day.excess_return_with_cost.annualized_return": "Annualized Return",
    "1day.excess_return_with_cost.information_ratio": "Information Ratio",
    "1day.excess_return_with_cost.max_drawdown": "Max Drawdown",
}
"""Qlib's metric name -> the column's name in Qlib's README."""

IN_PERCENT = frozenset(name for name in COLUMNS if name.endswith(("annualized_return", "max_drawdown")))
"""Metrics that pages show in per cent."""


@dataclass(frozen=True)
class PublishedRow:
    """A row as published.

    Attributes
    ----------
    features : the handler's class
    dataset : the dataset's name
    cells : metric -> (mean, std) over the seeds, in the order of the leaderboard's columns
    seeds : number of seeds
    """

    features: str
    dataset: str
    cells: dict[str, tuple[float, float]]
    seeds: int = 20


def _cells(*figures: tuple[float, float]) -> dict[str, tuple[float, float]]:
    return dict(zip(COLUMNS, figures, strict=True))


PUBLISHED = (
    PublishedRow(
        "Alpha158",
        "Alpha158 (20 selected features)",
        _cells(
            (0.0318, 0.00),
            (0.2367, 0.04),
            (0.0435, 0.00),
            (0.3389, 0.03),
            (0.0381, 0.03),
            (0.5561, 0.46),
            (-0.1207, 0.04),
        ),
    ),
    PublishedRow(
        "Alpha360",
        "Alpha360",
        _cells(
            (0.0448, 0.00),
            (0.3474, 0.04),
            (0.0549, 0.00),
            (0.4366, 0.03),
            (0.0647, 0.03),
            (0.8963, 0.39),
            (-0.0875, 0.02),
        ),
    ),
)
"""Computed on an older vintage of the data than is available today."""
