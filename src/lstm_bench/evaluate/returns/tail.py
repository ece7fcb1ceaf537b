"""Tail risk of daily returns: value at risk and the shape of their distribution."""

from __future__ import annotations

import numpy as np

from lstm_bench.data.arrays import Floats
from lstm_bench.evaluate.moments import moments, scaled

__all__ = ["tail_risk"]

_LEVELS = (95, 99)
_SHAPE = ("skew", "kurtosis")


def tail_risk(returns: Floats) -> dict[str, float]:
    """Historical tail risk of daily returns, without a model of their distribution.

    ``returns``: ``[T]`` float64, fractions, none NaN. Returns ``var_95`` and ``var_99``, value at risk: the 5% and
    the 1% quantile of the returns (a loss is negative), interpolated linearly; ``cvar_95`` and ``cvar_99``, the mean
    of the returns at or below it; ``skew`` and excess ``kurtosis``, corrected for bias as in pandas. NaN if there are
    too few days or a return is infinite; skew and kurtosis also if the returns are constant.
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
        beyond = moments(units[units <= value]).mean  # exactly the common value of equal days
        tail |= {
            f"{name}_{level}": float(np.ldexp(each, exponent))
            for name, each in (("var", value), ("cvar", beyond))
        }
    if np.isnan(moments(returns).ratio):  # constant, apart from rounding
        return tail | dict.fromkeys(_SHAPE, np.nan)
    series = pd.Series(units)
    shape = np.array([series.skew(), series.kurt()], dtype=np.float64)
    return tail | dict(zip(_SHAPE, shape.tolist(), strict=True))
