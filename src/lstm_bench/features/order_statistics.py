"""Median and median absolute deviation of long float32 columns, by counting instead of sorting.

A float32 maps to a 32-bit key with the same order. Counting the key's upper halves finds the median's bin, counting
the lower halves in it finds its value: two passes, for data in any order.
"""

from __future__ import annotations

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats32, Ints32

__all__ = ["median_and_deviation"]

_BINS = 1 << 16
_SIGN = np.uint32(0x80000000)


@kernel()
def _key(bits: np.uint32) -> np.uint32:
    """Key that sorts as the float32 with these bits does."""
    return np.uint32(~bits) if bits & _SIGN else np.uint32(bits | _SIGN)


@kernel()
def _bits(key: np.uint32) -> np.uint32:
    """Bits of the float32 with this key."""
    return np.uint32(key & ~_SIGN) if key & _SIGN else np.uint32(~key)


@kernel()
def _find(counts: Ints32, rank: int) -> tuple[int, int]:
    """Bin that holds the element of ``rank`` (from 0), and the elements in the bins before it."""
    seen = 0
    for b in range(_BINS):
        here = counts[0, b] + counts[1, b]
        if seen + here > rank:
            return b, seen
        seen += here
    return _BINS - 1, seen


@kernel()
def _median(values: Floats32, counts: Ints32) -> np.float32:
    """Median; ``counts`` is scratch, ``[2, 65536]``."""
    bits = values.view(np.uint32)
    counts[:] = 0
    total = 0
    for i in range(len(values)):
        if not np.isnan(values[i]):
            # neighbours often share a bin; with two counters, no increment waits for the other
            counts[i & 1, _key(bits[i]) >> np.uint32(16)] += 1
            total += 1
    if total == 0:
        return np.float32(np.nan)
    lower_bin, before = _find(counts, (total - 1) // 2)
    upper_bin, _ = _find(counts, total // 2)

    counts[:] = 0
    least = np.uint32(0xFFFFFFFF)
    for i in range(len(values)):
        if not np.isnan(values[i]):
            key = _key(bits[i])
            top = np.int64(key >> np.uint32(16))
            if top == lower_bin:
                counts[0, key & np.uint32(0xFFFF)] += 1
            elif top == upper_bin:
                least = min(least, key)
    ends = np.empty(2, dtype=np.uint32)
    low, _ = _find(counts, (total - 1) // 2 - before)
    ends[0] = _bits(np.uint32((lower_bin << 16) | low))
    if lower_bin == upper_bin:
        low, _ = _find(counts, total // 2 - before)
        ends[1] = _bits(np.uint32((lower_bin << 16) | low))
    else:
        # the upper rank directly follows the lower one, so in another bin it is that bin's smallest
        ends[1] = _bits(least)
    pair = ends.view(np.float32)
    if total % 2:
        return np.float32(pair[0])
    return np.float32(np.float32(pair[0] + pair[1]) / np.float32(2))


@kernel()
def _median_and_deviation(values: Floats32) -> tuple[np.float32, np.float32]:
    counts = np.empty((2, _BINS), dtype=np.int32)
    center = _median(values, counts)
    distances = np.empty(len(values), dtype=np.float32)
    for i in range(len(values)):
        distances[i] = abs(values[i] - center)
    return center, _median(distances, counts)


def median_and_deviation(values: Floats32) -> tuple[np.float32, np.float32]:
    """Median of a float32 column ``[R]``, and median of the absolute distances from it.

    NaN are left out; the mean of the two middle values is taken in float32. The GIL is released, so that threads can
    process several columns.
    """
    center, deviation = _median_and_deviation(values)
    return np.float32(center), np.float32(deviation)
