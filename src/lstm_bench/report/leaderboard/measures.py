"""The columns of the leaderboard as statistics of the daily series of evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.measures import Measure, Series
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.record.evidence import Daily
from lstm_bench.statistics.influence import days_with_values

__all__ = ["Days", "Panel", "common_axis", "common_panels", "panel_of"]

Days = npt.NDArray[np.datetime64]
Panel = npt.NDArray[np.float64]
"""A daily series of several seeds: ``[K, T]`` float64, NaN on days without a value."""


def common_axis(series: Sequence[Daily]) -> Days:
    """Return the days of any of the series, ``[T]``, ascending."""
    return np.unique(np.concatenate([one.days for one in series])) if series else np.empty(0, "datetime64[D]")


def panel_of(series: Sequence[Daily], measure: Measure, days: Days) -> Panel:
    """Align the daily series of several seeds on ``days [T]``, which include all of theirs."""
    panel = np.full((len(series), len(days)), np.nan)
    for k, one in enumerate(series):
        panel[k, np.searchsorted(days, one.days)] = _series(one, measure.series)
    return panel


def _series(daily: Daily, name: Series) -> npt.NDArray[np.float64]:
    if name == "excess":
        return return_series(daily.series)["excess_return_with_cost"]
    return daily.series[name]


def common_panels(sides: Iterable[Sequence[Daily]], measure: Measure) -> list[Panel]:
    """Align the seeds of several rows on the days on which every row has a value, ``[K_i, T]`` each."""
    series = list(sides)
    days = common_axis([one for side in series for one in side])
    panels = [panel_of(side, measure, days) for side in series]
    common = np.logical_and.reduce([days_with_values(panel) for panel in panels])
    return [panel[:, common] for panel in panels]
