"""Tail risk: what daily returns look like at their worst."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["tail_risk"]

_LEVELS = (95, 99)


def tail_risk(returns: npt.NDArray[np.float64]) -> dict[str, float]:
    """Measure the tail of daily returns as they were, without a model of them.

    Parameters
    ----------
    returns : ``[T]`` float64
        Fractions, none NaN.

    Returns
    -------
    dict
        ``var_95`` and ``var_99``, value at risk: the return (a loss is negative) that 5 or 1 of 100 days stay below,
        interpolated linearly between days; ``cvar_95`` and ``cvar_99``, the mean of the returns up to it;
        ``skew`` and excess ``kurtosis``, corrected for bias as pandas does. NaN where there are too few days.
    """
    import pandas as pd

    tail: dict[str, float] = {}
    for level in _LEVELS:
        value = float(np.quantile(returns, 1 - level / 100)) if len(returns) else np.nan
        tail[f"var_{level}"] = value
        tail[f"cvar_{level}"] = float(returns[returns <= value].mean()) if len(returns) else np.nan
    series = pd.Series(returns)
    shape = np.array([series.skew(), series.kurt()], dtype=np.float64)
    return tail | {"skew": float(shape[0]), "kurtosis": float(shape[1])}
