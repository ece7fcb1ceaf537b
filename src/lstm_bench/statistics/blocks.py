"""Length of the blocks of days that the stationary bootstrap resamples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Dependence", "dependence_of"]

Floats = npt.NDArray[np.float64]

_LEAST_DAYS = 8
"""Fewer days have no autocorrelation to speak of; their blocks are one day long."""


@dataclass(frozen=True)
class Dependence:
    """How the days of a series depend on each other, from its autocovariances R(k) by a flat-top lag window.

    Attributes
    ----------
    days : T
    long_run_variance : sum of R(k) over all k, negative lags included
    slope : sum of ``abs(k) R(k)``, which Politis and White call G: the stationary bootstrap with mean block b
        underestimates the long-run variance by about ``slope / b``
    missing_variance, missing_slope : what the subtracted mean removes from both, as parts of the true long-run
        variance: it lowers each R(k) by about that variance times ``(T - k) / T**2``
    """

    days: int
    long_run_variance: float
    slope: float
    missing_variance: float = 0.0
    missing_slope: float = 0.0

    @property
    def block(self) -> float:
        """Mean block with the least mean squared error of the variance, in days: 1 or more."""
        if not self.long_run_variance or not self.slope:
            return 1.0
        longest = np.ceil(min(3 * np.sqrt(self.days), self.days / 3))
        # D of the corrected paper is 2 long_run_variance ** 2 for the stationary bootstrap
        best = np.cbrt(self.slope**2 / self.long_run_variance**2 * self.days)
        return float(max(1.0, min(best, longest)))

    @property
    def shortfall(self) -> float:
        """Part of the long-run variance, 0 to 1, that blocks of this length miss; 0 if they do not miss any."""
        if self.long_run_variance <= 0:
            return 0.0
        variance = self.long_run_variance / (1 - min(self.missing_variance, 0.5))
        slope = self.slope + self.missing_slope * variance
        return float(np.clip(slope / (self.block * variance), 0.0, 1.0))


def dependence_of(series: npt.ArrayLike) -> Dependence:
    """Estimate how the days of a series ``[T]``, without NaN, depend on each other.

    The lag window is flat up to M/2 and falls to 0 at M, where M/2 is the first of ``max(5, log10 T)`` lags in a row
    whose autocorrelations are not significant.

    References
    ----------
    D. Politis and H. White (2004), Automatic block-length selection for the dependent bootstrap, Econometric
    Reviews 23(1), with the correction of A. Patton, D. Politis and H. White (2009), Econometric Reviews 28(4).
    """
    values = np.asarray(series, dtype=np.float64)
    days = len(values)
    if days < _LEAST_DAYS:
        return Dependence(days, 0.0, 0.0)
    deviations = values - values.mean()
    run = max(5, int(np.log10(days)))  # lags in a row that have to be insignificant
    most = min(int(np.ceil(np.sqrt(days))) + run, days - 2)
    products = np.array([deviations[lag:] @ deviations[: days - lag] for lag in range(most + 1)])
    if products[0] <= np.finfo(np.float64).eps * days * (values @ values):  # a constant series
        return Dependence(days, 0.0, 0.0)
    window = _window(_significant(deviations, products), run, most)
    covariances = products[: window + 1] / days
    lags = np.arange(window + 1)
    weights = 2 * np.minimum(1.0, 2 * (1 - lags / window))  # both signs of a lag
    weights[0] = 1.0
    missing = (1 - lags / days) / days
    by_lag = weights * lags
    found = (weights @ covariances, by_lag @ covariances, weights @ missing, by_lag @ missing)
    return Dependence(days, *map(float, found))


def _significant(deviations: Floats, products: Floats) -> npt.NDArray[np.bool_]:
    """Which autocorrelations differ from 0, by lag; a correlation's two halves have deviations of their own."""
    days = len(deviations)
    squares = np.cumsum(deviations**2)
    lags = np.arange(1, len(products) + 1)
    late, early = squares[-1] - squares[lags - 1], squares[days - lags - 1]
    level = 2 * np.sqrt(np.log10(days) / days)
    significant: npt.NDArray[np.bool_] = np.abs(products) >= level * np.sqrt(np.maximum(late * early, 0.0))
    return significant


def _window(significant: npt.NDArray[np.bool_], run: int, most: int) -> int:
    for first in range(most - run + 1):
        if not significant[first : first + run].any():
            return min(2 * max(first, 1), most)
    return most
