"""Mean of the labels of some of a day's stocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.core.kernel import kernel

__all__ = ["label_mean"]


@kernel()
def label_mean(label: npt.NDArray[np.floating], at: npt.NDArray[np.int64]) -> float:
    """Mean of a day's ``label[at]`` without the NaN ones, however large they are; NaN where there is none."""
    total, n, first, is_constant = 0.0, 0, 0.0, True
    for j in at:
        if not np.isnan(label[j]):
            first = label[j] if n == 0 else first
            is_constant &= label[j] == first
            total += label[j]
            n += 1
    if n == 0:
        return np.nan
    if is_constant:  # which the mean is too, without rounding
        return first
    if np.isfinite(total):
        return total / n
    mean = 0.0  # the sum overflows: the shares of finite labels do not
    for j in at:
        if not np.isnan(label[j]):
            mean += label[j] / n
    return mean
