"""Interval of a mean over seeds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.estimate import FEWEST, LEVEL, Estimate

__all__ = ["mean_interval"]


def mean_interval(values: npt.ArrayLike, level: float = LEVEL) -> Estimate:
    """Mean over seeds and its interval by Student's t: what other seeds would give on the same days.

    Parameters
    ----------
    values : ``[n]``
        One value per seed, without NaN. Fewer than ``FEWEST`` have no interval.
    level
        Probability with which the interval is to cover the true mean.

    References
    ----------
    Student (1908), The probable error of a mean, Biometrika 6(1). A percentile bootstrap of 3 normal values covers
    the mean in 75 % of cases instead of 95 %, of 20 values in 93 %; Student's t is exact for them.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n < FEWEST:
        return Estimate(float(sample.mean()) if n else np.nan, np.nan, np.nan)
    from scipy.stats import t

    mean = float(sample.mean())
    half = float(t.ppf((1 + level) / 2, n - 1) * sample.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half)
