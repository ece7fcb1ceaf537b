"""The test days of rows: which rows have too few of them to stand beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lstm_bench.report.leaderboard.measures import Days
from lstm_bench.report.leaderboard.rows import Row

__all__ = ["LEAST_SHARE", "days_text", "shares_of_days"]

LEAST_SHARE = 0.95
"""Share of the days of its table that a row needs. Means over other days differ for reasons other than the model."""


def shares_of_days(rows: Sequence[Row]) -> dict[str, float]:
    """Return the share of days that each row has, by name, of the days that any of the rows has.

    A day counts if the row has an IC on it. Of seeds with different days, the one with the fewest counts. Rows without
    a complete seed are left out.
    """
    found = {row.name: _days_of_seeds(row) for row in rows if row.complete}
    every = [days for seeds in found.values() for days in seeds]
    total = len(np.unique(np.concatenate(every))) if every else 0
    return {name: min(map(len, seeds), default=0) / total if total else 1.0 for name, seeds in found.items()}


def days_text(row: Row, shares: Mapping[str, float]) -> str:
    """Describe the lack of days, such as ``52 % of days``; empty if the row has enough."""
    share = shares.get(row.name, 1.0)
    return "" if share >= LEAST_SHARE else f"{100 * share:.0f} % of days"


def _days_of_seeds(row: Row) -> list[Days]:
    """Return the days on which a seed has an IC, for each seed that has one."""
    known = (row.daily[seed] for seed in row.values("IC") if seed in row.daily)
    return [one.days[~np.isnan(one.series["ic"])] for one in known]
