"""Periods: signal metrics of each year and of each month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.moments import moments

__all__ = ["ic_by_period", "ic_summary"]

_SPANS = {"year": "datetime64[Y]", "month": "datetime64[M]"}


def ic_summary(series: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, float]:
    """Sum daily ICs up.

    Parameters
    ----------
    series : ``ic``, ``rank_ic`` -> ``[T]`` float64, NaN on days without one

    Returns
    -------
    dict
        ``days`` that have an IC, ``ic`` and ``rank_ic``, the means, ``icir`` and ``rank_icir``, those over the standard
        deviation (ddof 1), not annualised; NaN where there are too few days.
    """
    summary: dict[str, float] = {"days": int((~np.isnan(series["ic"])).sum())}
    for name in ("ic", "rank_ic"):
        measured = moments(series[name])
        summary |= {name: measured.mean, f"{name}ir": measured.ratio}
    return summary


def ic_by_period(
    series: Mapping[str, npt.NDArray[np.float64]], days: npt.NDArray[np.datetime64]
) -> list[dict[str, Any]]:
    """Sum daily ICs up by year, then by month.

    Parameters
    ----------
    series : ``ic``, ``rank_ic`` -> ``[T]`` float64
    days : ``[T]`` datetime64[D], ascending

    Returns
    -------
    list of dict
        ``span`` (``year`` or ``month``), ``period`` (``2017``, ``2017-01``) and what :func:`ic_summary` gives.
    """
    found = []
    for span, unit in _SPANS.items():
        of_day = days.astype(unit)
        for period in np.unique(of_day):
            inside = of_day == period
            own = {name: series[name][inside] for name in ("ic", "rank_ic")}
            found.append({"span": span, "period": str(period), **ic_summary(own)})
    return found
