"""Values of other days."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Array, Ints

__all__ = ["blank", "first_value", "shift"]

Values = Array  # float32 or float64


@kernel()
def shift(x: Values, first: Ints, last: Ints, days: int) -> Values:
    """Values of ``days`` ago (ahead, if negative); NaN if that day is outside the span."""
    out = np.full_like(x, np.nan)
    for n in range(x.shape[0]):
        for t in range(max(first[n], first[n] + days), min(last[n], last[n] + days) + 1):
            out[n, t] = x[n, t - days]
    return out


@kernel()
def first_value(x: Values, first: Ints, last: Ints) -> Values:
    """Repeat the span's first value on every day of it."""
    out = np.full_like(x, np.nan)
    for n in range(x.shape[0]):
        for t in range(first[n], last[n] + 1):
            out[n, t] = x[n, first[n]]
    return out


def blank(x: Values, first: Ints, last: Ints) -> Values:
    """Copy ``x``, with NaN outside the span."""
    return shift(x, first, last, 0)
