"""Drawdowns: the spans in which a strategy lies below its highest value so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.returns.growth import reinvested

__all__ = ["Accumulation", "Drawdown", "below_high", "drawdowns", "worst"]

Accumulation = Literal["summed", "compounded"]


@dataclass(frozen=True)
class Drawdown:
    """One drawdown; days are positions in the returns.

    Attributes
    ----------
    start : the day of the high that it falls from; None where that is the wealth before the first day
    bottom : the day of its deepest point, the first of equal ones
    recovery : the first day at that high or above; None where there is none yet
    depth : at the bottom, negative: what the sum of returns lost, or the share that the compounded wealth lost
    days : how many days lie below the high
    """

    start: int | None
    bottom: int
    recovery: int | None
    depth: float
    days: int


def below_high(returns: npt.NDArray[np.float64], accumulation: Accumulation) -> npt.NDArray[np.float64]:
    """How far below its highest value so far a strategy lies at the end of each day, ``[T]``: 0 at a high.

    Parameters
    ----------
    returns : ``[T]`` float64
        Fractions, none NaN.
    accumulation
        ``summed``: of the running sum of returns, which starts with the first day's, as Qlib's maximum drawdown does.
        ``compounded``: of the wealth that they make, as a share of its highest value, where the wealth before the first
        day counts too. Wealth that is lost stays 1 below.
    """
    if accumulation == "summed":
        with np.errstate(over="ignore", invalid="ignore"):
            curve = returns.cumsum()
            return curve - np.maximum.accumulate(curve)
    share, below, found = 1.0, 0.0, np.empty(len(returns))  # of the high, which may outgrow a float64
    for t, growth in enumerate(reinvested(returns).tolist()):
        if min(below, growth) > -0.5:  # of two ways to write the same, the one that rounds a small loss less
            below += growth * (1 + below)
            share = 1 + below
        else:
            share *= 1 + growth
            below = share - 1
        if below >= 0:
            share, below = 1.0, 0.0
        found[t] = below
    return found


def drawdowns(returns: npt.NDArray[np.float64], accumulation: Accumulation) -> list[Drawdown]:
    """Find all drawdowns of daily returns, in order, as :func:`below_high` has the days."""
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


def worst(found: list[Drawdown], n: int = 5) -> list[Drawdown]:
    """Pick the n deepest drawdowns, deepest first, the earlier of equal ones before the later."""
    return sorted(found, key=lambda drawdown: (drawdown.depth, drawdown.bottom))[:n]
