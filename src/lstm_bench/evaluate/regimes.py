"""Metrics by regime: by year, by the market's direction and volatility, and by the liquidity of the stocks.

A regime is a set of days, except for liquidity, which is a set of stocks on each day. Its series is that of its days in
their order: days that were apart become neighbours, and the intervals take this series for one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lstm_bench.data.arrays import Bools, Days, Floats
from lstm_bench.evaluate.measures import MEASURES, Series
from lstm_bench.evaluate.signal.liquidity import TERCILES
from lstm_bench.statistics.estimate import Estimate
from lstm_bench.statistics.nested import nested_interval

__all__ = [
    "VOLATILITY_WINDOW", "DailyPanel", "Regime", "RegimeGroup", "regimes", "trailing_deviation",
]  # fmt: skip

RegimeGroup = Literal["all", "year", "market", "volatility", "liquidity"]

VOLATILITY_WINDOW = 20
"""Trading days before the day whose standard deviation of the benchmark's returns is its volatility."""


@dataclass(frozen=True, eq=False)
class DailyPanel:
    """Daily series of K runs, such as the seeds of one configuration, on T days.

    Attributes
    ----------
    days : ``[T]`` datetime64[D], ascending
    series : ``ic``, ``rank_ic``, ``excess`` (return in excess of the benchmark, with cost) -> ``[K, T]`` float64
        NaN on days without a value. ``excess`` is absent without a backtest.
    bench : ``[T]`` float64, the benchmark's return; NaN on days without one
    by_liquidity : tercile of the stocks -> ``ic`` and ``rank_ic`` within it, as in ``series``; may be empty
    """

    days: Days
    series: Mapping[Series, Floats]
    bench: Floats
    by_liquidity: Mapping[str, Mapping[Series, Floats]] = field(default_factory=dict)


@dataclass(frozen=True)
class Regime:
    """Metrics of one regime.

    Attributes
    ----------
    group, name : such as ``year`` and ``2017``
    days : number of days with an IC
    metrics : metric of :data:`~lstm_bench.evaluate.measures.MEASURES` -> estimate with its 95 % interval; without
        entries that there are no data for, such as returns by liquidity
    """

    group: RegimeGroup
    name: str
    days: int
    metrics: Mapping[str, Estimate]

    @property
    def label(self) -> str:
        """Its name: ``2017``, ``market up``, ``liquidity low``."""
        if self.group in ("all", "year"):
            return "all days" if self.group == "all" else self.name
        return f"{self.group} {self.name}"


def regimes(panel: DailyPanel) -> list[Regime]:
    """Compute the metrics of all regimes.

    - ``year``: calendar years.
    - ``market``: ``up`` are the days of months in which the sum of the benchmark's daily returns is above 0, ``down``
      those of other months. Whole months, because a day's IC is about the return of the days that follow.
    - ``volatility``: days by the standard deviation of the benchmark's returns on the 20 trading days before, in three
      groups of equal size. The day's own return is not in it. The first 20 days have none.
    - ``liquidity``: stocks by their mean traded amount of 20 days, in three groups of equal size on each day
      (:mod:`lstm_bench.evaluate.signal.liquidity`).
    """
    whole = np.ones(len(panel.days), dtype=np.bool_)
    found = [_regime("all", "all", panel.series, whole)]
    for group, name, inside in _day_groups(panel):
        found.append(_regime(group, name, panel.series, inside))
    for name in TERCILES:
        if name in panel.by_liquidity:
            found.append(_regime("liquidity", name, panel.by_liquidity[name], whole))
    return found


def _day_groups(panel: DailyPanel) -> Iterator[tuple[RegimeGroup, str, Bools]]:
    years = panel.days.astype("datetime64[Y]")
    for year in np.unique(years):
        yield "year", str(year), years == year
    known = ~np.isnan(panel.bench)
    if not known.any():
        return
    months = panel.days.astype("datetime64[M]")
    _, month = np.unique(months, return_inverse=True)
    of_month = np.bincount(month, np.where(known, panel.bench, 0.0))
    has_bench = np.bincount(month, known) > 0
    yield "market", "up", ((of_month > 0) & has_bench)[month]
    yield "market", "down", ((of_month <= 0) & has_bench)[month]
    volatility = trailing_deviation(panel.bench)
    measured = ~np.isnan(volatility)
    if not measured.any():
        return
    rank = np.argsort(np.argsort(np.where(measured, volatility, np.inf), kind="stable"), kind="stable")
    tercile = rank * 3 // int(measured.sum())
    for position, name in enumerate(TERCILES):
        yield "volatility", name, measured & (tercile == position)


def trailing_deviation(returns: Floats) -> Floats:
    """Compute the standard deviation (ddof 1) of the :data:`VOLATILITY_WINDOW` returns before each day.

    ``returns`` is ``[T]``; NaN days are passed over. NaN where fewer returns than the window's are known.
    """
    deviation = np.full(len(returns), np.nan)
    at = np.flatnonzero(~np.isnan(returns))
    if len(at) < VOLATILITY_WINDOW:
        return deviation
    windows = np.lib.stride_tricks.sliding_window_view(returns[at], VOLATILITY_WINDOW)
    # the window that ends with the i-th return is known on the days after it, up to the next return's day
    after = np.searchsorted(at, np.arange(len(returns)), side="left") - VOLATILITY_WINDOW
    deviation[after >= 0] = windows.std(axis=1, ddof=1)[after[after >= 0]]
    return deviation


def _regime(group: RegimeGroup, name: str, series: Mapping[Series, Floats], inside: Bools) -> Regime:
    metrics = {
        metric: nested_interval(
            series[measure.series][:, inside], measure.statistic, scale=measure.scale
        ).estimate
        for metric, measure in MEASURES.items()
        if measure.series in series
    }
    days = int((~np.isnan(series["ic"][:, inside])).any(axis=0).sum())
    return Regime(group, name, days, metrics)
