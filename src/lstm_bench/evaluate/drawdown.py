"""Drawdowns: the spans in which a strategy lies below its highest value so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Accumulation", "Drawdown", "drawdowns", "worst"]

Accumulation = Literal["summed", "compounded"]


@dataclass(frozen=True)
class Drawdown:
    """One drawdown; days are positions in the returns.

    Attributes
    ----------
    start : the day of the high that it falls from
    bottom : the day of its deepest point, the first of equal ones
    recovery : the first day at that high or above; None where there is none yet
    depth : at the bottom, negative: what the sum of returns lost, or the share that the compounded wealth lost
    days : how many days lie below the high
    """

    start: int
    bottom: int
    recovery: int | None
    depth: float
    days: int


def drawdowns(returns: npt.NDArray[np.float64], accumulation: Accumulation) -> list[Drawdown]:
    """Find all drawdowns of daily returns, in order.

    Parameters
    ----------
    returns : ``[T]`` float64
        Fractions, none NaN.
    accumulation
        ``summed``: of the running sum of returns; ``compounded``: of the wealth that they make, as a share of it. The
        curve starts after the first day, as Qlib's maximum drawdown does: the deepest one is that. Wealth that a day
        loses all of has no drawdowns, as it has no risk.
    """
    if len(returns) == 0 or (accumulation == "compounded" and returns.min() <= -1):
        return []
    if accumulation == "summed":
        curve = returns.cumsum()
        below = curve - np.maximum.accumulate(curve)
    else:
        curve = (1 + returns).cumprod()
        below = curve / np.maximum.accumulate(curve) - 1
    under = np.concatenate(([False], below < 0, [False]))
    begins, ends = np.flatnonzero(~under[:-1] & under[1:]), np.flatnonzero(under[:-1] & ~under[1:])
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        bottom = begin + int(below[begin:end].argmin())
        recovery = end if end < len(returns) else None
        found.append(Drawdown(begin - 1, bottom, recovery, float(below[bottom]), end - begin))
    return found


def worst(found: list[Drawdown], n: int = 5) -> list[Drawdown]:
    """Pick the n deepest drawdowns, deepest first, the earlier of equal ones before the later."""
    return sorted(found, key=lambda drawdown: (drawdown.depth, drawdown.start))[:n]
