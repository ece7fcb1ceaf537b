"""Means over days: of what has a value each day, and of labels over some of a day's stocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.kernel import kernel

__all__ = ["label_mean", "mean_std"]


def mean_std(series: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation (ddof 1) over the days of ``series [T]`` that have a value."""
    values = series[~np.isnan(series)]
    mean = float(values.mean()) if len(values) > 0 else np.nan
    return mean, float(values.std(ddof=1)) if len(values) > 1 else np.nan


@kernel()
def label_mean(label: npt.NDArray[np.floating], at: npt.NDArray[np.int64]) -> float:
    """Mean of a day's ``label[at]`` without the NaN ones; NaN where there is none."""
    total, n = 0.0, 0
    for j in at:
        if not np.isnan(label[j]):
            total += label[j]
            n += 1
    return total / n if n > 0 else np.nan
