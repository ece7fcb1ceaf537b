"""Metrics that follow from daily series: a mean over days, or a mean over its standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.returns.risk import TRADING_DAYS_PER_YEAR, return_series
from lstm_bench.record.evidence import Daily
from lstm_bench.statistics.influence import Statistic

__all__ = ["DAILY_METRICS", "DailyMetric", "daily_panel"]

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class DailyMetric:
    """How a metric follows from a daily series.

    Attributes
    ----------
    series : takes the columns of the evidence, ``[T]`` each, and returns the series, ``[T]``
    statistic, scale : the metric is the statistic of the series, times the scale
    """

    series: Callable[[Mapping[str, Floats]], Floats]
    statistic: Statistic
    scale: float = 1.0


def _column(name: str) -> Callable[[Mapping[str, Floats]], Floats]:
    return lambda columns: columns[name]


def _excess(cost: str) -> Callable[[Mapping[str, Floats]], Floats]:
    return lambda columns: np.asarray(return_series(columns)[f"excess_return_{cost}_cost"], dtype=np.float64)


def _of_signal(name: str, column: str) -> dict[str, DailyMetric]:
    series = _column(column)
    return {name: DailyMetric(series, "mean"), f"{name}IR": DailyMetric(series, "ratio")}


def _of_returns(cost: str) -> dict[str, DailyMetric]:
    name, series, year = f"1day.excess_return_{cost}_cost", _excess(cost), float(TRADING_DAYS_PER_YEAR)
    return {
        f"{name}.mean": DailyMetric(series, "mean"),
        f"{name}.annualized_return": DailyMetric(series, "mean", year),
        f"{name}.information_ratio": DailyMetric(series, "ratio", year**0.5),
    }


DAILY_METRICS: Mapping[str, DailyMetric] = {
    **_of_signal("IC", "ic"),
    **_of_signal("Rank IC", "rank_ic"),
    **_of_returns("without"),
    **_of_returns("with"),
}
"""Qlib's name -> how it follows from the daily series. Other metrics, such as the maximum drawdown, do not."""


def daily_panel(metric: DailyMetric, seeds: Sequence[Daily]) -> tuple[Days, Floats]:
    """Align the series of several seeds.

    Returns
    -------
    days : ``[T]``
        On which any seed has a row, ascending.
    panel : ``[K, T]``
        NaN where a seed has no value.
    """
    days = np.unique(np.concatenate([daily.days for daily in seeds]))
    panel = np.full((len(seeds), len(days)), np.nan)
    for values, daily in zip(panel, seeds, strict=True):
        values[np.searchsorted(days, daily.days)] = metric.series(daily.series)
    return days, panel
