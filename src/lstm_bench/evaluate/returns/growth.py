"""Growth: what daily returns make of wealth that is reinvested."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["growth", "log_growth", "reinvested"]

Floats = npt.NDArray[np.float64]


def reinvested(returns: Floats) -> Floats:
    """Give the daily returns ``[T]`` that reinvested wealth has.

    Nobody loses more than everything, and what is lost earns nothing: a return below -1 is -1, and those after it 0.
    """
    ruined = np.flatnonzero(returns <= -1)
    if len(ruined) == 0:
        return returns
    lived = returns.copy()
    lived[ruined[0]] = -1.0
    lived[ruined[0] + 1 :] = 0.0
    return lived


def log_growth(returns: Floats) -> Floats:
    """Give the logarithm of each day's growth of wealth, ``[T]``; minus infinity on the day that loses everything."""
    with np.errstate(divide="ignore"):
        return np.log1p(reinvested(returns))


def growth(logs: float) -> float:
    """Return that a sum of logarithms of growth stands for; infinite where no float64 holds it."""
    with np.errstate(over="ignore"):
        return float(np.expm1(logs))
