"""A cell of the leaderboard: a metric over the seeds of a row, and how sure its mean is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from lstm_bench.evaluate.measures import Measure
from lstm_bench.report.leaderboard.measures import Panel
from lstm_bench.statistics.estimate import FEWEST, Estimate

if TYPE_CHECKING:
    from lstm_bench.statistics.nested import Nested

__all__ = ["Basis", "Cell"]

Basis = Literal["days and seeds", "days", "seeds"]
"""What an interval generalises to: other days, other seeds or both."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A metric over the complete seeds.

    Attributes
    ----------
    by_seed : seed -> value; it lacks complete seeds whose runs lack the metric
    measure : how a value follows from the daily series; None for the maximum drawdown
    panel : the daily series of these seeds, ``[K, T]``; None without a measure
    has_seeds : whether other seeds would give other values
    greatest : no value of the metric is above it
    """

    by_seed: Mapping[int, float]
    measure: Measure | None = None
    panel: Panel | None = None
    has_seeds: bool = True
    greatest: float = np.inf

    @cached_property
    def values(self) -> tuple[float, ...]:
        """The values, in the order of seeds."""
        return tuple(self.by_seed.values())

    @property
    def n(self) -> int:
        """Number of values."""
        return len(self.by_seed)

    @cached_property
    def mean(self) -> float:
        """Mean over the seeds; NaN if there is no value."""
        return float(np.mean(self.values)) if self.n else np.nan

    @cached_property
    def std(self) -> float:
        """Standard deviation over the seeds (ddof 1); NaN if there are fewer than two."""
        return float(np.std(self.values, ddof=1)) if self.n > 1 else np.nan

    @property
    def basis(self) -> Basis | None:
        """What the interval generalises to; None if there is no interval.

        Fewer than three seeds do not tell how seeds differ. A model without seeds has an interval over days alone.
        """
        if self.n < (FEWEST if self.has_seeds else 1):
            return None
        if self.panel is None:
            return "seeds" if self.has_seeds else None
        return "days and seeds" if self.has_seeds else "days"

    @cached_property
    def nested(self) -> Nested | None:
        """The nested interval over days and seeds, or over days; None without a panel or with too few seeds."""
        if self.measure is None or self.panel is None or self.basis is None:
            return None
        from lstm_bench.statistics.nested import nested_interval

        return nested_interval(self.panel, self.measure.statistic, scale=self.measure.scale)

    @cached_property
    def interval(self) -> Estimate:
        """The mean with its 95 % interval: nested, or Student's t over seeds if the metric has no daily series."""
        if self.nested is not None:
            return self.nested.estimate
        if self.basis is None:
            return Estimate(self.mean, np.nan, np.nan)
        from lstm_bench.statistics.seed_interval import mean_interval

        found = mean_interval(self.values)
        return Estimate(found.value, found.low, min(found.high, self.greatest))
