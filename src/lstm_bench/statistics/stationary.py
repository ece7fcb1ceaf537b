"""The stationary bootstrap of daily series, in closed form: no resampling is drawn.

The stationary bootstrap (Politis and Romano 1994) joins blocks of days that start anywhere, wrap around the end, and
have geometric lengths. The covariance of two resampled means is a weighted sum of the series' circular
cross-covariances, so it needs no random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.blocks import Dependence

__all__ = ["StationaryBootstrap"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StationaryBootstrap:
    """Resampling of ``days`` days in blocks with the mean length ``block``.

    Attributes
    ----------
    days : T
    block : mean length of a block in days, 1 or more
    shortfall : part of the variance that blocks of this length miss, see :class:`Dependence`
    """

    days: int
    block: float
    shortfall: float = 0.0

    @classmethod
    def of(cls, dependence: Dependence) -> StationaryBootstrap:
        """Resample days that depend on each other in this way."""
        return cls(dependence.days, dependence.block, dependence.shortfall)

    @cached_property
    def degrees_of_freedom(self) -> float:
        """Those of a chi-squared variable that varies as much as the variance estimate: T - 1 for blocks of a day.

        They are the equivalent degrees of freedom of a smoothed periodogram (M. Priestley 1981, Spectral Analysis and
        Time Series, section 6.2.4), without the frequency 0, which the subtracted mean removes.
        """
        weights = self._frequency_weights
        # each of a pair of conjugate frequencies has half of their weight
        squares = weights[1:] @ (weights / self._frequency_counts)[1:]
        return max(1.0, float(weights[1:].sum() ** 2 / squares))

    @cached_property
    def inflation(self) -> float:
        """Factor that removes two biases of the bootstrap's variance.

        Deviations from the sample's own mean are too small: for blocks of one day this is the factor ``T / (T - 1)``.
        Blocks cut the dependence at their ends: see :attr:`Dependence.shortfall`.
        """
        at_zero = float(self._frequency_weights[0] * self.days**2)  # part of white noise at the frequency 0
        return (1 + self.shortfall) / (1 - min(at_zero, 0.5))

    def variance(self, panel: Floats) -> Floats:
        """Variance of each series' resampled mean, ``[..., T] -> [...]``, without :attr:`inflation`."""
        spectrum = self._spectrum(panel)
        return np.asarray((np.abs(spectrum) ** 2) @ self._frequency_weights, dtype=np.float64)

    def covariance(self, panel: Floats) -> Floats:
        """Covariances of the resampled means of n series, ``[n, T] -> [n, n]``, without :attr:`inflation`."""
        spectrum = self._spectrum(panel)
        return np.asarray(((spectrum * self._frequency_weights) @ spectrum.conj().T).real, dtype=np.float64)

    def _spectrum(self, panel: Floats) -> npt.NDArray[np.complex128]:
        return np.asarray(np.fft.rfft(panel - panel.mean(axis=-1, keepdims=True)), dtype=np.complex128)

    @cached_property
    def _frequency_weights(self) -> Floats:
        """Weights of the periodogram: circular covariances with symmetric weights are a product per frequency."""
        lags = np.arange(self.days)
        stay = 1 - 1 / self.block  # probability that a block goes on
        one_sided = (1 - lags / self.days) * stay**lags
        symmetric = 2 * np.fft.rfft(one_sided).real - 1
        return np.maximum(symmetric, 0.0) * self._frequency_counts / self.days**3

    @cached_property
    def _frequency_counts(self) -> Floats:
        """How many frequencies each of numpy's stands for: one of a pair of conjugates is left out."""
        counts = np.full(self.days // 2 + 1, 2.0)
        counts[0] = 1.0
        if self.days % 2 == 0:
            counts[-1] = 1.0
        return counts
