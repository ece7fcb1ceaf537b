"""Tail risk: what daily returns look like at their worst."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.moments import moments, scaled

__all__ = ["tail_risk"]

_LEVELS = (95, 99)
_SHAPE = ("skew", "kurtosis")


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
        ``skew`` and excess ``kurtosis``, corrected for bias as pandas does. NaN where there are too few days, the
        shape also where the returns are constant, all where a return is infinite.
    """
    import pandas as pd

    if not np.isfinite(returns).all():
        return dict.fromkeys(
            (*(f"{name}_{level}" for level in _LEVELS for name in ("var", "cvar")), *_SHAPE), np.nan
        )
    tail: dict[str, float] = {}
    units, exponent = scaled(returns)
    for level in _LEVELS:
        value = np.quantile(units, 1 - level / 100) if len(units) else np.nan
        beyond = moments(units[units <= value]).mean  # of equal days that day, not a rounding below it
        tail |= {
            f"{name}_{level}": float(np.ldexp(each, exponent))
            for name, each in (("var", value), ("cvar", beyond))
        }
    if np.isnan(moments(returns).ratio):  # what rounding leaves of a constant has no shape
        return tail | dict.fromkeys(_SHAPE, np.nan)
    series = pd.Series(units)
    shape = np.array([series.skew(), series.kurt()], dtype=np.float64)
    return tail | dict(zip(_SHAPE, shape.tolist(), strict=True))
