"""Drawdowns: the spans in which a strategy is below its highest value so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_bench.data.arrays import Floats
from lstm_bench.evaluate.returns.growth import reinvested

__all__ = ["Accumulation", "Drawdown", "below_high", "drawdowns", "worst"]

Accumulation = Literal["summed", "compounded"]


@dataclass(frozen=True)
class Drawdown:
    """One drawdown; days are positions in the returns."""

    # the day of the high before the fall; None if that is the wealth before the first day
    start: int | None
    bottom: int  # the day of its deepest point, the first of equal ones
    recovery: int | None  # the first day at that high or above; None if there is none yet
    # at the bottom, negative: the loss of summed returns, or the lost share of compounded wealth
    depth: float
    days: int  # number of days below the high


def below_high(returns: Floats, accumulation: Accumulation) -> Floats:
    """Distance of a strategy below its highest value so far at the end of each day, ``[T]``: negative, or 0 at a high.

    The ``returns [T]`` are fractions, none NaN. ``summed`` is of their running sum, which starts with the first
    day's, as in Qlib's maximum drawdown. ``compounded`` is of the reinvested wealth, as a share of its highest value,
    which includes the wealth before the first day. After a day that loses everything it stays -1.
    """
    if accumulation == "summed":
        with np.errstate(over="ignore", invalid="ignore"):
            curve = returns.cumsum()
            return curve - np.maximum.accumulate(curve)
    # relative to the high, which can overflow a float64
    share, below, distances = 1.0, 0.0, np.empty(len(returns))
    for t, growth in enumerate(reinvested(returns).tolist()):
        if min(below, growth) > -0.5:  # the same formula in a form that rounds small losses less
            below += growth * (1 + below)
            share = 1 + below
        else:
            share *= 1 + growth
            below = share - 1
        if below >= 0:
            share, below = 1.0, 0.0
        distances[t] = below
    return distances


def drawdowns(returns: Floats, accumulation: Accumulation) -> list[Drawdown]:
    """Find all drawdowns of daily returns, in order; see :func:`below_high`."""
    below = below_high(returns, accumulation)
    under = np.concatenate(([False], below < 0, [False]))
    begins, ends = np.flatnonzero(~under[:-1] & under[1:]), np.flatnonzero(under[:-1] & ~under[1:])
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        bottom = begin + int(below[begin:end].argmin())
        recovery = end if end < len(returns) else None
        start = begin - 1 if begin > 0 else None
        found.append(Drawdown(start, bottom, recovery, float(below[bottom]), end - begin))
    return found


def worst(candidates: list[Drawdown], n: int = 5) -> list[Drawdown]:
    """Pick the n deepest drawdowns, deepest first; of equal ones the earlier first."""
    return sorted(candidates, key=lambda drawdown: (drawdown.depth, drawdown.bottom))[:n]
