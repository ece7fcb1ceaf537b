"""Interval of one daily series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.estimate import LEVEL, Estimate
from lstm_bench.statistics.influence import Statistic
from lstm_bench.statistics.nested import nested_interval

__all__ = ["daily_interval"]


def daily_interval(
    series: npt.ArrayLike, statistic: Statistic = "mean", *, scale: float = 1.0, level: float = LEVEL
) -> Estimate:
    """Return a statistic of one daily series with its interval: what other days like these would give.

    Parameters
    ----------
    series : ``[T]``
        In the order of days, NaN on days without a value.
    statistic, scale, level
        See :func:`~lstm_bench.statistics.nested.nested_interval`, of which this is the case of one series.

    References
    ----------
    D. Politis and J. Romano (1994), The stationary bootstrap, Journal of the American Statistical Association 89.
    """
    return nested_interval(
        np.asarray(series, dtype=np.float64)[None], statistic, scale=scale, level=level
    ).estimate
