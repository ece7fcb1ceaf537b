"""Exponentially weighted means."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints

__all__ = ["expanding_exponential", "exponential_mean"]


@kernel(error_model="numpy")
def exponential_mean(x: Floats, first: Ints, last: Ints, alpha: float) -> Floats:
    """Mean with weights ``(1 - alpha) ** age`` that add up to one.

    Ages count days, missing ones included; on a missing day the mean does not change (pandas' ``adjust=True``,
    ``ignore_na=False``).
    """
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        mean = np.nan
        weight = 1.0
        for t in range(first[n], last[n] + 1):
            value = x[n, t]
            if mean == mean:
                weight *= 1.0 - alpha
                if value == value:
                    if mean != value:
                        mean = (weight * mean + value) / (weight + 1.0)
                    weight += 1.0
            else:
                mean = value
            out[n, t] = mean
    return out


@kernel(error_model="numpy")
def expanding_exponential(x: Floats, first: Ints, last: Ints) -> Floats:
    """Weighted sum of all days so far, with a decay that slows with their number.

    With n days, the weights are ``(1 - 2 / (n + 1)) ** age``, scaled to add up to one; a missing day counts as 0. NaN
    before the first observation.
    """
    out = np.full(x.shape, np.nan)
    for n in range(x.shape[0]):
        observed = False
        for t in range(first[n], last[n] + 1):
            observed = observed or x[n, t] == x[n, t]
            if not observed:
                continue
            decay = 1.0 - 2.0 / (t - first[n] + 2.0)
            total = 0.0
            weights = 0.0
            for s in range(first[n], t + 1):
                total = total * decay + (x[n, s] if x[n, s] == x[n, s] else 0.0)
                weights = weights * decay + 1.0
            out[n, t] = total / weights
    return out
