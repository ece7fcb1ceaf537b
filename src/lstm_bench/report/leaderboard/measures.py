"""The columns of the leaderboard as statistics of daily series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.returns.risk import TRADING_DAYS_PER_YEAR
from lstm_bench.record.evidence import Daily
from lstm_bench.statistics.influence import days_with_values, influences

__all__ = ["MEASURES", "Days", "Measure", "Panel", "common_axis", "common_panels", "panel_of"]

Days = npt.NDArray[np.datetime64]
Panel = npt.NDArray[np.float64]
"""A daily series of several seeds: ``[K, T]`` float64, NaN on days without a value."""


@dataclass(frozen=True)
class Measure:
    """A metric of one seed as a statistic of its daily series.

    Attributes
    ----------
    series : returns the daily series, ``[T]``
    statistic : ``mean`` over days, or ``ratio``: the mean divided by the standard deviation (ddof 1)
    scale : factor of the statistic
    """

    series: Callable[[Daily], npt.NDArray[np.float64]]
    statistic: Literal["mean", "ratio"]
    scale: float = 1.0

    def by_seed(self, panel: Panel) -> npt.NDArray[np.float64]:
        """Return the metric of each seed, ``[K, T] -> [K]``; NaN for a seed that has too few days."""
        if not panel.shape[1]:
            return np.full(len(panel), np.nan)
        return np.asarray(influences(panel, self.statistic, self.scale).mean(axis=1), dtype=np.float64)


def _ic(daily: Daily) -> npt.NDArray[np.float64]:
    return daily.series["ic"]


def _rank_ic(daily: Daily) -> npt.NDArray[np.float64]:
    return daily.series["rank_ic"]


def _excess_return(daily: Daily) -> npt.NDArray[np.float64]:
    return daily.series["return"] - daily.series["bench"] - daily.series["cost"]


_EXCESS = "1day.excess_return_with_cost"

MEASURES: Mapping[str, Measure] = {
    "IC": Measure(_ic, "mean"),
    "ICIR": Measure(_ic, "ratio"),
    "Rank IC": Measure(_rank_ic, "mean"),
    "Rank ICIR": Measure(_rank_ic, "ratio"),
    f"{_EXCESS}.annualized_return": Measure(_excess_return, "mean", TRADING_DAYS_PER_YEAR),
    f"{_EXCESS}.information_ratio": Measure(_excess_return, "ratio", TRADING_DAYS_PER_YEAR**0.5),
}
"""Qlib's metric name -> its measure. The maximum drawdown has none: it depends on the order of the days."""


def common_axis(series: Sequence[Daily]) -> Days:
    """Return the days of any of the series, ``[T]``, ascending."""
    return np.unique(np.concatenate([one.days for one in series])) if series else np.empty(0, "datetime64[D]")


def panel_of(series: Sequence[Daily], measure: Measure, days: Days) -> Panel:
    """Align the daily series of several seeds on ``days [T]``, which include all of theirs."""
    panel = np.full((len(series), len(days)), np.nan)
    for k, one in enumerate(series):
        panel[k, np.searchsorted(days, one.days)] = measure.series(one)
    return panel


def common_panels(sides: Iterable[Sequence[Daily]], measure: Measure) -> list[Panel]:
    """Align the seeds of several rows on the days on which every row has a value, ``[K_i, T]`` each."""
    series = list(sides)
    days = common_axis([one for side in series for one in side])
    panels = [panel_of(side, measure, days) for side in series]
    common = np.logical_and.reduce([days_with_values(panel) for panel in panels])
    return [panel[:, common] for panel in panels]
