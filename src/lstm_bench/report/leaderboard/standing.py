"""How the rows of a table stand to each other: which cannot be told from the best, and what they add to a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.report.leaderboard.cell import Cell
from lstm_bench.report.leaderboard.measures import common_panels
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.row_days import days_text, shares_of_days
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.statistics.estimate import FEWEST, Estimate

__all__ = ["Skill", "Standing"]

_FEWEST_ROWS = 2


@dataclass(frozen=True, eq=False)
class Skill:
    """The part of a row's metric above the best baseline of its table.

    Attributes
    ----------
    metric
    row
    baseline : the baseline with the highest mean; None for the market's zero, if no baseline is above it
    """

    metric: str
    row: Row
    baseline: Row | None

    @property
    def value(self) -> float:
        """Difference of the means, over the days that both rows have."""
        return self.interval.value

    @cached_property
    def interval(self) -> Estimate:
        """The difference with its 95 % interval over days and seeds; without an interval if a side has none."""
        cell = self.row.cell(self.metric)
        if self.baseline is None:
            return cell.interval
        other = self.baseline.cell(self.metric)
        if cell.measure is None or cell.panel is None or other.panel is None:
            return Estimate(cell.mean - other.mean, np.nan, np.nan)
        from lstm_bench.statistics.nested import nested_difference

        sides = (row.series(self.metric) for row in (self.row, self.baseline))
        a, b = common_panels(sides, cell.measure)
        found = nested_difference(a, b, cell.measure.statistic, scale=cell.measure.scale)
        is_known = cell.interval.is_decided and other.interval.is_decided
        return found.estimate if is_known else Estimate(found.value, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Standing:
    """The rows of one table beside each other.

    A row that lacks days of the table, see :data:`~lstm_bench.report.leaderboard.row_days.LEAST_SHARE`, is not
    compared: it has no skill, and is neither marked nor a baseline.
    """

    rows: tuple[Row, ...]

    @cached_property
    def baselines(self) -> tuple[Row, ...]:
        """The rows that the LSTM has to beat."""
        return tuple(row for row in self.rows if row.is_baseline and row.complete and not self.lack(row))

    def lack(self, row: Row) -> str:
        """Describe the days that a row lacks, such as ``52 % of days``; empty if it has enough."""
        return days_text(row, self.shares)

    def remarks(self, row: Row) -> str:
        """Describe the seeds and the days that a row lacks; empty if there are none."""
        return ", ".join(filter(None, (row.shortfall, self.lack(row))))

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """Name -> share of the table's days that a row has, of the rows with a complete seed."""
        return shares_of_days(self.rows)

    @cached_property
    def best(self) -> dict[str, frozenset[str]]:
        """Metric -> names of the rows that cannot be told from its best row, at 90 %.

        It is the model confidence set over days and seeds, of the rows that have an interval over days. Rows that lack
        days and the control with permuted labels are left out. The set is empty with fewer than two such rows, and
        with fewer than three days that all of them have.
        """
        return {metric: self._best(metric) for metric in COLUMNS}

    def _best(self, metric: str) -> frozenset[str]:
        measure = MEASURES.get(metric)
        rows = [
            row
            for row in self.rows
            if not (row.has_permuted_labels or self.lack(row)) and _has_days(row.cell(metric))
        ]
        if measure is None or len(rows) < _FEWEST_ROWS:
            return frozenset()
        panels = common_panels((row.series(metric) for row in rows), measure)
        if panels[0].shape[1] < FEWEST:
            return frozenset()
        from lstm_bench.statistics.confidence_set import confidence_set

        inside = confidence_set(panels, measure.statistic)
        return frozenset(row.name for row, is_best in zip(rows, inside, strict=True) if is_best)

    def skill(self, row: Row, metric: str) -> Skill | None:
        """Return a row's part above the best baseline; None for baselines, controls, and rows that lack days.

        It is also None without a baseline.

        The market itself, whose IC and excess return are 0, is a baseline too. It is none for the maximum drawdown: a
        portfolio that never leaves the benchmark has no drawdown, and no return either.
        """
        is_candidate = not (row.is_baseline or row.has_permuted_labels or self.lack(row))
        if not self.baselines or not is_candidate or not row.cell(metric).n:
            return None
        known = [one for one in self.baselines if one.cell(metric).n]
        highest = max(known, key=lambda one: one.cell(metric).mean, default=None)
        if metric in MEASURES and (highest is None or highest.cell(metric).mean < 0):
            highest = None
        elif highest is None:
            return None
        return Skill(metric, row, highest)


def _has_days(cell: Cell) -> bool:
    """Whether a cell has an interval over days."""
    return cell.nested is not None and cell.interval.is_decided
