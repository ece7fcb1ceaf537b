"""Mean, standard deviation and their ratio, of a daily series."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_bench.data.arrays import Floats

__all__ = ["ROUNDING", "Moments", "moments", "scaled"]

ROUNDING = 2.0**-40
"""Values whose range is at most this share of the largest differ only by rounding."""

_CLOSE = 2.0**-20


class Moments(NamedTuple):
    """Mean and standard deviation (ddof 1) of a series, and the mean divided by the deviation."""

    mean: float  # NaN if there is no value
    std: float  # NaN if there are fewer than two values, or one is infinite; 0 if all are equal
    ratio: float  # NaN also if the values differ by no more than :data:`ROUNDING`


def moments(series: Floats) -> Moments:
    """Compute the moments of ``series [T]`` without NaN, for values of any magnitude.

    Values are scaled near 1 by a power of two, without rounding, so that squares neither overflow nor underflow.
    """
    values = series[~np.isnan(series)]
    if len(values) == 0:
        return Moments(np.nan, np.nan, np.nan)
    if not np.isfinite(values).all():
        with np.errstate(invalid="ignore"):
            return Moments(float(values.sum()), np.nan, np.nan)
    values, exponent = scaled(values)
    spread = float(values.max() - values.min())
    if spread == 0:
        return Moments(float(np.ldexp(values[0], exponent)), 0.0 if len(values) > 1 else np.nan, np.nan)
    mean = float(values.mean())
    # the mean of nearly equal values is rounded as coarsely as they differ; differences from the first are exact
    std = float((values - values[0] if spread < _CLOSE else values).std(ddof=1))
    with np.errstate(over="ignore"):
        return Moments(
            float(np.ldexp(mean, exponent)),
            float(np.ldexp(std, exponent)),
            mean / std if spread > ROUNDING else np.nan,
        )


def scaled(values: Floats) -> tuple[Floats, int]:
    """Return finite ``values [T]`` in units of ``2 ** exponent``, in which the largest lies between 0.5 and 1."""
    exponent = int(np.frexp(np.abs(values).max())[1]) if len(values) else 0
    return np.ldexp(values, -exponent), exponent
