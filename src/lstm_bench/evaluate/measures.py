"""The metrics that follow from daily series, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.returns.risk import TRADING_DAYS_PER_YEAR
from lstm_bench.statistics.influence import Statistic, influences

__all__ = ["MEASURES", "Measure", "Series"]

Series = Literal["ic", "rank_ic", "excess"]
"""A daily series: IC, Rank IC, or the return in excess of the benchmark, with cost."""


@dataclass(frozen=True)
class Measure:
    """A metric of one seed as a statistic of its daily series.

    Attributes
    ----------
    series : the daily series
    statistic : ``mean`` over days, or ``ratio``: the mean divided by the standard deviation (ddof 1)
    scale : factor of the statistic
    """

    series: Series
    statistic: Statistic
    scale: float = 1.0

    def by_seed(self, panel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the metric of each seed, ``[K, T] -> [K]``; NaN for a seed that has too few days."""
        if not panel.shape[1]:
            return np.full(len(panel), np.nan)
        return np.asarray(influences(panel, self.statistic, self.scale).mean(axis=1), dtype=np.float64)


_EXCESS = "1day.excess_return_with_cost"

MEASURES: Mapping[str, Measure] = {
    "IC": Measure("ic", "mean"),
    "ICIR": Measure("ic", "ratio"),
    "Rank IC": Measure("rank_ic", "mean"),
    "Rank ICIR": Measure("rank_ic", "ratio"),
    f"{_EXCESS}.annualized_return": Measure("excess", "mean", TRADING_DAYS_PER_YEAR),
    f"{_EXCESS}.information_ratio": Measure("excess", "ratio", TRADING_DAYS_PER_YEAR**0.5),
}
"""Qlib's metric name -> its measure. The maximum drawdown has none: it depends on the order of the days."""
