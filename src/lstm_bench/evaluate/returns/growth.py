"""Growth of reinvested wealth by daily returns."""

from __future__ import annotations

import numpy as np

from lstm_bench.data.arrays import Floats

__all__ = ["growth", "log_growth", "reinvested"]


def reinvested(returns: Floats) -> Floats:
    """Daily returns ``[T]`` of reinvested wealth.

    Wealth cannot fall below 0, and lost wealth earns nothing: a return below -1 counts as -1, and later ones as 0.
    """
    ruined = np.flatnonzero(returns <= -1)
    if len(ruined) == 0:
        return returns
    lived = returns.copy()
    lived[ruined[0]] = -1.0
    lived[ruined[0] + 1 :] = 0.0
    return lived


def log_growth(returns: Floats) -> Floats:
    """Logarithm of each day's growth of wealth, ``[T]``; minus infinity on a day that loses everything."""
    with np.errstate(divide="ignore"):
        return np.log1p(reinvested(returns))


def growth(logs: float) -> float:
    """Convert a sum of log growth to a return; infinite if it overflows."""
    with np.errstate(over="ignore"):
        return float(np.expm1(logs))
