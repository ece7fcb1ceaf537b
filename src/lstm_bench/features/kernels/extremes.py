"""The largest or smallest value of a rolling window, and its position."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints

__all__ = ["rolling_extreme"]


@kernel(error_model="numpy")
def rolling_extreme(x: Floats, first: Ints, last: Ints, window: int, largest: bool) -> tuple[Floats, Floats]:
    """Extreme of the window and its position, counted from 1.

    The extreme skips missing values. The position is that of the first extreme, or that of the first missing value if
    the window has one (NumPy's ``argmax``). Both are NaN without an observation.
    """
    values = np.full(x.shape, np.nan)
    places = np.full(x.shape, np.nan)
    days = x.shape[1]
    # days of the candidates: a queue in an array as long as the history, because each day is pushed once
    queue = np.empty(days, np.int64)
    sign = 1.0 if largest else -1.0
    for n in range(x.shape[0]):
        head = 0
        tail = 0
        missing = first[n]  # the first missing day in the window, or a day after it
        for t in range(first[n], last[n] + 1):
            start = max(t - window + 1, first[n])
            value = x[n, t]
            if value == value:
                while tail > head and sign * x[n, queue[tail - 1]] < sign * value:
                    tail -= 1
                queue[tail] = t
                tail += 1
            while head < tail and queue[head] < start:
                head += 1
            missing = max(missing, start)
            while missing <= t and x[n, missing] == x[n, missing]:
                missing += 1
            if head < tail:
                values[n, t] = x[n, queue[head]]
                places[n, t] = (missing if missing <= t else queue[head]) - start + 1
    return values, places
