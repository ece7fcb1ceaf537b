"""A daily statistic of each seed, and how much each day moves it.

A statistic such as ICIR is not a mean over days, but it changes with the weights of days almost as a mean does: the
mean of its influence values. Resampling days then needs only these, whatever the statistic (B. Efron and R.
Tibshirani 1993, An Introduction to the Bootstrap, section 22.6).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = ["Statistic", "days_with_values", "influences"]

Floats = npt.NDArray[np.float64]

Statistic = Literal["mean", "ratio"]
"""``mean`` over days; ``ratio``: mean over standard deviation (ddof 1), as in ICIR or an information ratio."""


def days_with_values(panel: Floats) -> npt.NDArray[np.bool_]:
    """Tell the days on which any seed has a value, ``[K, T] -> [T]``."""
    return np.asarray((~np.isnan(panel)).any(axis=0), dtype=np.bool_)


def influences(panel: Floats, statistic: Statistic, scale: float = 1.0) -> Floats:
    """Return values whose mean over days is the seed's statistic, and whose deviations are its days' influence.

    Parameters
    ----------
    panel : ``[K, T]``
        A daily series per seed. NaN is a day without a value: it takes no part in the seed's statistic.
    statistic
        See :data:`Statistic`.
    scale
        Factor of the statistic, such as 238 days for an annualized mean, or the root of 238 for an information ratio.

    Returns
    -------
    ``[K, T]`` without NaN, unless a seed has no statistic: its row is then NaN. The ratio needs two days and a spread.

    Raises
    ------
    ValueError
        If the statistic is unknown.
    """
    if statistic not in get_args(Statistic):
        raise ValueError(f"statistic: got {statistic!r}; expected one of {', '.join(get_args(Statistic))}")
    known = ~np.isnan(panel)
    count = known.sum(axis=1, keepdims=True)
    total = panel.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):  # a seed without days is NaN
        mean = np.where(known, panel, 0.0).sum(axis=1, keepdims=True) / count
        deviations = np.where(known, panel - mean, 0.0)
        # a missing day has no influence, so the others have more each: those of a ratio of sums over days
        share = total / count
        if statistic == "mean":
            return np.asarray(scale * (mean + share * deviations), dtype=np.float64)
        variance = (deviations**2).sum(axis=1, keepdims=True) / (count - 1)
        std = np.sqrt(np.where(variance > 0, variance, np.nan))
        # what a day's weight does to the variance: 0 on the mean of all days, as the deviations are
        squares = np.where(known, deviations**2 * count / (count - 1) - variance, 0.0)
        by_day = share * (deviations / std - mean / (2 * std**3) * squares)
        return np.asarray(scale * (mean / std + by_day), dtype=np.float64)
