"""Signal metrics of each year and of each month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_bench.data.arrays import Days, Floats
from lstm_bench.evaluate.moments import moments

__all__ = ["ic_by_period", "ic_summary"]

_SPANS = {"year": "datetime64[Y]", "month": "datetime64[M]"}


def ic_summary(series: Mapping[str, Floats]) -> dict[str, float]:
    """Summarise daily ICs.

    ``series``: ``ic``, ``rank_ic`` -> ``[T]`` float64, NaN on days without one. Returns ``days``, the number of days
    with an IC; ``ic`` and ``rank_ic``, the means; ``icir`` and ``rank_icir``, the means divided by the standard
    deviation (ddof 1), not annualised. NaN if there are too few days.
    """
    summary: dict[str, float] = {"days": int((~np.isnan(series["ic"])).sum())}
    for name in ("ic", "rank_ic"):
        measured = moments(series[name])
        summary |= {name: measured.mean, f"{name}ir": measured.ratio}
    return summary


def ic_by_period(series: Mapping[str, Floats], days: Days) -> list[dict[str, Any]]:
    """Summarise daily ICs by year, then by month.

    Returns ``span`` (``year`` or ``month``), ``period`` (``2017``, ``2017-01``) and the entries of
    :func:`ic_summary`.
    ``days`` ``[T]`` ascend, ``series`` is as for :func:`ic_summary`.
    """
    summaries = []
    for span, unit in _SPANS.items():
        period_of_day = days.astype(unit)
        for period in np.unique(period_of_day):
            inside = period_of_day == period
            part = {name: series[name][inside] for name in ("ic", "rank_ic")}
            summaries.append({"span": span, "period": str(period), **ic_summary(part)})
    return summaries
