"""Order statistics of a rolling window, read from one sorted copy of it."""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints

__all__ = ["rolling_order"]


@kernel(error_model="numpy")
def rolling_order(
    x: Floats, first: Ints, last: Ints, window: int, quantiles: Floats, rank: bool, median: bool
) -> Floats:
    """Quantiles, percentile rank of the last value and median.

    The Q ``quantiles``, from 0 to 1, are interpolated linearly. Returns ``[Q + rank + median, N, T]``, in this order.
    The rank is that of the window's last value among its observations, divided by their number; ties share their mean
    rank. NaN if the last value is missing.
    """
    rows, days = x.shape
    out = np.full((len(quantiles) + rank + median, rows, days), np.nan)
    # Observations in order between -inf and inf. A missing value is inf, so that the number of entries is constant;
    # with a multiple of 8, the compiler's vector loop has no remainder.
    size = (min(window, days) + 7) // 8 * 8
    ordered = np.empty(size + 2)
    spare = np.empty(size + 2)
    for n in range(rows):
        ordered[:] = np.inf
        ordered[0] = spare[0] = -np.inf
        spare[-1] = np.inf
        count = 0
        for t in range(first[n], last[n] + 1):
            leaving = np.inf
            if t - window >= first[n] and x[n, t - window] == x[n, t - window]:
                leaving = x[n, t - window]
                count -= 1
            value = x[n, t]
            observed = value == value
            count += observed
            below = _replace(ordered, spare, leaving, value if observed else np.inf)
            ordered, spare = spare, ordered
            if count == 0:
                continue
            for q in range(len(quantiles)):
                place = quantiles[q] * (count - 1)
                whole = int(place)
                low = ordered[1 + whole]
                out[q, n, t] = low if place == whole else low + (ordered[2 + whole] - low) * (place - whole)
            if rank and observed:
                through = below + 1
                while through < count and ordered[1 + through] == value:
                    through += 1
                out[len(quantiles), n, t] = 0.5 * (below + 1 + through) / count
            if median:
                high = ordered[1 + count // 2]
                out[-1, n, t] = high if count % 2 == 1 else (high + ordered[count // 2]) / 2
    return out


@kernel(error_model="numpy")
def _replace(ordered: Floats, out: Floats, leaving: float, entering: float) -> int:
    """Write ``ordered`` to ``out`` with one value replaced; return the number of values below the entering one.

    Every position is computed in the same way, without a branch: values from the leaving one on move down by one, and
    the entering value is placed where it is the median of itself and its neighbours.
    """
    below = 0
    for k in range(1, len(ordered) - 1):
        previous = ordered[k - 1] if ordered[k - 1] < leaving else ordered[k]
        here = ordered[k] if ordered[k] < leaving else ordered[k + 1]
        below += 1 if here < entering else 0
        smaller = here if here < entering else entering
        out[k] = previous if previous > smaller else smaller
    return below
