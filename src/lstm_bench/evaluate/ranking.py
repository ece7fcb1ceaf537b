"""The order of a day's stocks by score, with a rule for every tie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Ints, Reals

__all__ = ["among", "best_first", "rising_order"]


@kernel()
def among(columns: Ints, N: int) -> Bools:
    """Which of N columns are in ``columns``, ``[N]``; a loop, as an indexed assignment takes seconds to compile."""
    inside = np.zeros(N, dtype=np.bool_)
    for j in columns:
        inside[j] = True
    return inside


@kernel()
def best_first(columns: Ints, score: Reals) -> Ints:
    """``columns`` by falling ``score[columns]``; equal scores keep their order, NaN comes last.

    If columns ascend, ties and stocks without a score are ordered by instrument.
    """
    key = np.empty(len(columns))
    for i in range(len(columns)):
        key[i] = -score[columns[i]]
    return columns[rising_order(key)]


@kernel()
def rising_order(values: Floats) -> Ints:
    """Positions that sort ``values [n]``, as ``numpy.argsort(values, kind="stable")`` does: NaN last.

    A radix sort on the bytes of the numbers. It is made for a few hundred values; float32 values leave three of eight
    bytes empty.
    """
    n = len(values)
    order, other = np.arange(n), np.empty(n, dtype=np.int64)
    if n < 2:
        return order
    key = _ordered_bits(values)
    histogram = np.zeros((8, 256), dtype=np.int64)
    for i in range(n):
        for byte in range(8):
            histogram[byte, (key[i] >> np.uint64(8 * byte)) & np.uint64(255)] += 1
    for byte in range(8):
        shift, place = np.uint64(8 * byte), histogram[byte]
        if place[(key[0] >> shift) & np.uint64(255)] == n:
            continue
        before = 0
        for digit in range(256):
            here = place[digit]
            place[digit] = before
            before += here
        for i in range(n):
            digit = (key[order[i]] >> shift) & np.uint64(255)
            other[place[digit]] = order[i]
            place[digit] += 1
        order, other = other, order
    return order


@kernel()
def _ordered_bits(values: Floats) -> npt.NDArray[np.uint64]:
    """Integers that compare like ``values``: both zeros are equal, and NaN is the largest."""
    sign = np.uint64(1) << np.uint64(63)
    bits = (values + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
    for i in range(len(bits)):
        if np.isnan(values[i]):
            bits[i] = ~np.uint64(0)
        elif bits[i] & sign:
            bits[i] = ~bits[i]
        else:
            bits[i] |= sign
    return bits
