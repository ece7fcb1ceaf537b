"""The days on which a column says that prices change their basis, and how the closes moved on them.

A factor that goes from ``F`` to ``F g`` (a split of ``g`` new shares per old one, a dividend) says that raw closes fall
by ``g`` beside their own return, and that adjusted ones do not. How far a return is from either is measured by what
is usual for the stock: a split of two to one is told apart at a glance, a dividend of half a percent is not.

The likelihoods are those of Student's t with four degrees of freedom, since returns have heavy tails. A ``lean`` is
a log-likelihood ratio: that of raw prices over that of adjusted ones. Leans of independent days add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Noise", "Steps", "find_steps"]

_Floats = npt.NDArray[np.float64]

_SMALLEST = 1e-3
"""Logarithmic steps below are rounding, or do not matter."""

_OF_ROUNDING = 8
"""A step is above so many times the median change of a factor, which is what rounding makes of it."""

_NEAR = 3
_LARGE = 0.25
"""A step is looked for on other days from here on: stocks move by less on their own."""

_FREEDOM = 4
_FEW = 10
_LONGEST_GAP = 25
_TO_DEVIATION = 1.4826  # median of absolute values -> standard deviation, for a normal distribution


@dataclass(frozen=True)
class Noise:
    """Deviation of a usual day: at least ``floor``, and at least ``unknown`` where there are few days to measure it."""

    floor: float
    unknown: float


@dataclass(frozen=True)
class Steps:
    """K steps of one symbol.

    Attributes
    ----------
    symbol : str
    days : ``[K]`` datetime64[D]
    step : ``[K]``, log of what the factor is multiplied by
    move : ``[K]``, what the closes did beside what they should have done: log
    noise : ``[K]``, deviation of a move
    near : ``[K, 6]``, moves of the three bars before and behind, NaN where there are none
    """

    symbol: str
    days: npt.NDArray[np.datetime64]
    step: _Floats
    move: _Floats
    noise: _Floats
    near: _Floats

    @property
    def lean(self) -> _Floats:
        """``[K]``: above 0 where the prices seem raw, below where they seem adjusted."""
        lean: _Floats = _fit(self.move + self.step, self.noise) - _fit(self.move, self.noise)
        return lean

    @property
    def against(self) -> _Floats:
        """``[K]``: log-likelihood ratio of raw prices under the factor's inverse, over the better of the others."""
        others = np.maximum(_fit(self.move + self.step, self.noise), _fit(self.move, self.noise))
        lead: _Floats = _fit(self.move - self.step, self.noise) - others
        return lead

    @property
    def displaced(self) -> _Floats:
        """``[K]``: the highest lean of a bar near the step: above 0 where closes seem to fall, but on another day."""
        noise = self.noise[:, None]
        lean = _fit(self.near + self.step[:, None], noise) - _fit(self.near, noise)
        highest: _Floats = np.max(np.where(np.isnan(lean), -np.inf, lean), axis=1)
        return np.where(np.abs(self.step) >= _LARGE, highest, -np.inf)


def _fit(distance: _Floats, noise: _Floats) -> _Floats:
    """Log-likelihood of a distance, but for a constant."""
    fit: _Floats = -(_FREEDOM + 1) / 2 * np.log1p((distance / noise) ** 2 / _FREEDOM)
    return fit


def find_steps(
    symbol: str, days: npt.NDArray[np.datetime64], factor: _Floats, moves: _Floats, noise: Noise
) -> Steps:
    """Find the steps of a factor.

    Parameters
    ----------
    symbol : names them
    days : ``[n]``, those of the bars
    factor : ``[n]``, what raw prices are multiplied by
    moves : ``[n - 1]``, log returns of the closes, or of whatever should be continuous if it is adjusted
    noise : of the moves
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.diff(np.log(factor))
    known = np.isfinite(step) & np.isfinite(moves)
    usual = float(np.median(np.abs(step[known]))) if known.sum() >= _FEW else 0.0
    at = known & (np.abs(step) > max(_SMALLEST, _OF_ROUNDING * usual))
    gap = np.sqrt(np.clip(np.busday_count(days[:-1], days[1:]), 1, _LONGEST_GAP))
    quiet = known & ~at
    deviation = _TO_DEVIATION * float(np.median(np.abs(moves[quiet] / gap[quiet]))) if quiet.any() else 0.0
    least = noise.floor if quiet.sum() >= _FEW else noise.unknown
    around = np.flatnonzero(at)[:, None] + np.delete(np.arange(2 * _NEAR + 1), _NEAR)
    near = np.pad(np.where(at, np.nan, moves), _NEAR, constant_values=np.nan)[around]
    return Steps(symbol, days[1:][at], step[at], moves[at], max(deviation, least) * gap[at], near)
