"""Mean and deviation of a daily series, and the ratio of the two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDING", "Moments", "moments", "scaled"]

ROUNDING = 2.0**-40
"""Values whose range is at most this share of the largest differ by rounding alone."""

_CLOSE = 2.0**-20

Floats = npt.NDArray[np.float64]


class Moments(NamedTuple):
    """Mean and standard deviation (ddof 1) of a series, and the one over the other.

    Attributes
    ----------
    mean : NaN where there is no value
    std : NaN where there are fewer than two values, or one is infinite; 0 where all are the same
    ratio : NaN also where the values differ by no more than :data:`ROUNDING`
    """

    mean: float
    std: float
    ratio: float


def moments(series: Floats) -> Moments:
    """Measure the values of ``series [T]`` that are not NaN, whatever their magnitude.

    Huge and tiny values are brought near 1 by a power of two, which rounds nothing, so that no square overflows or
    vanishes.
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
    # of nearly equal values the mean is rounded as coarsely as they differ; differences from the first are exact
    std = float((values - values[0] if spread < _CLOSE else values).std(ddof=1))
    with np.errstate(over="ignore"):
        return Moments(
            float(np.ldexp(mean, exponent)),
            float(np.ldexp(std, exponent)),
            mean / std if spread > ROUNDING else np.nan,
        )


def scaled(values: Floats) -> tuple[Floats, int]:
    """Give finite ``values [T]`` in units of ``2 ** exponent``, in which the largest lies between 0.5 and 1."""
    exponent = int(np.frexp(np.abs(values).max())[1]) if len(values) else 0
    return np.ldexp(values, -exponent), exponent
