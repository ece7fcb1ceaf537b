"""The columns of the leaderboard, and the LSTM rows of Qlib's benchmark README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["COLUMNS", "IN_PERCENT", "PUBLISHED", "Reference"]

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
class Reference:
    """A line that was not computed from evidence: rows are compared with it by eye alone.

    Attributes
    ----------
    name
    remark : why it is no row
    cells : each metric -> mean and standard deviation over its seeds, NaN if there is none; in the order of the columns
    features : the handler's class; empty if it is a line of any feature set
    dataset : the feature set in the words of its source
    seeds : number of its seeds; None if it has none
    """

    name: str
    remark: str
    cells: Mapping[str, tuple[float, float]]
    features: str = ""
    dataset: str = ""
    seeds: int | None = None


def _cells(means: Sequence[float], stds: Sequence[float]) -> dict[str, tuple[float, float]]:
    return {name: (mean, std) for name, mean, std in zip(COLUMNS, means, stds, strict=True)}


def _published(features: str, dataset: str, cells: Mapping[str, tuple[float, float]]) -> Reference:
    return Reference("LSTM, published by Qlib", "another vintage of the data", cells, features, dataset, 20)


PUBLISHED = (
    _published(
        "Alpha158",
        "Alpha158 (20 selected features)",
        _cells(
            means=(0.0318, 0.2367, 0.0435, 0.3389, 0.0381, 0.5561, -0.1207),
            stds=(0.00, 0.04, 0.00, 0.03, 0.03, 0.46, 0.04),
        ),
    ),
    _published(
        "Alpha360",
        "Alpha360",
        _cells(
            means=(0.0448, 0.3474, 0.0549, 0.4366, 0.0647, 0.8963, -0.0875),
            stds=(0.00, 0.04, 0.00, 0.03, 0.03, 0.39, 0.02),
        ),
    ),
)
"""Rows of 20 seeds, computed on an older vintage of the data than is available today."""
