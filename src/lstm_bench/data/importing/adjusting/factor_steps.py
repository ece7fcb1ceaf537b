"""Finds the days on which a factor steps, and tests whether the closes step with it.

When a factor goes from ``F`` to ``F g`` (a split of ``g`` new shares per old one, a dividend), raw closes fall by
``g`` in addition to their own return, and adjusted closes do not. The distance of a return from either case is in
units of the stock's usual daily deviation: a split of two to one is obvious, a dividend of half a percent is not.

Likelihoods are those of Student's t with four degrees of freedom, because returns have heavy tails. A ``lean`` is
the log-likelihood ratio of raw prices over adjusted ones. Leans of independent days add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_bench.data.arrays import Days, Floats
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["CLOSE_NOISE", "FactorSteps", "Noise", "find_steps", "steps_of_closes"]

_SMALLEST = 1e-3
"""Smaller log steps are rounding, or negligible."""

_TIMES_ROUNDING = 8
"""Least size of a step, as a multiple of the factor's median change, which is due to rounding."""

_NEAR = 3
_LARGE = 0.25
"""Smallest log step that is searched for on nearby days: a stock's usual moves are smaller."""

_DEGREES_OF_FREEDOM = 4
_FEW = 10
_LONGEST_GAP = 25
_MEDIAN_TO_DEVIATION = 1.4826  # median of absolute values -> standard deviation, for a normal distribution


@dataclass(frozen=True)
class Noise:
    """Least deviation of a usual day: ``floor``, or ``unknown`` if there are too few days to measure it."""

    floor: float
    unknown: float


CLOSE_NOISE = Noise(floor=0.01, unknown=0.02)


@dataclass(frozen=True)
class FactorSteps:
    """K steps of one symbol."""

    symbol: str
    days: Days  # ``[K]`` datetime64[D]
    step: Floats  # ``[K]``, log of the factor over the factor before
    move: Floats  # ``[K]``, log move of the closes beyond the expected one
    noise: Floats  # ``[K]``, deviation of a move
    near: Floats  # ``[K, 6]``, moves of the three bars before and after, NaN if there is none

    @property
    def lean(self) -> Floats:
        """``[K]``: above 0 if the prices seem raw, below 0 if they seem adjusted."""
        lean: Floats = _fit(self.move + self.step, self.noise) - _fit(self.move, self.noise)
        return lean

    @property
    def inverse_lean(self) -> Floats:
        """``[K]``: log-likelihood ratio of raw prices under the factor's inverse, over the better of the others."""
        others = np.maximum(_fit(self.move + self.step, self.noise), _fit(self.move, self.noise))
        lead: Floats = _fit(self.move - self.step, self.noise) - others
        return lead

    @property
    def displaced_lean(self) -> Floats:
        """``[K]``: the highest lean of a bar near the step: above 0 if closes seem to step on another day."""
        noise = self.noise[:, None]
        lean = _fit(self.near + self.step[:, None], noise) - _fit(self.near, noise)
        highest: Floats = np.max(np.where(np.isnan(lean), -np.inf, lean), axis=1)
        return np.where(np.abs(self.step) >= _LARGE, highest, -np.inf)


def _fit(distance: Floats, noise: Floats) -> Floats:
    """Log-likelihood of a distance, up to a constant."""
    scaled = np.log1p((distance / noise) ** 2 / _DEGREES_OF_FREEDOM)
    fit: Floats = -(_DEGREES_OF_FREEDOM + 1) / 2 * scaled
    return fit


def find_steps(rows: SymbolRows, factor: Floats, moves: Floats, noise: Noise) -> FactorSteps:
    """Find the steps of a factor.

    ``factor [n]`` is what raw prices are multiplied by. ``moves [B - 1]`` are log moves from bar to bar of a series
    that is continuous if it is adjusted, such as the closes; ``noise`` is theirs.
    """
    days = rows.bar_days
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.diff(np.log(factor[rows.traded]))
    known = np.isfinite(step) & np.isfinite(moves)
    usual = float(np.median(np.abs(step[known]))) if known.sum() >= _FEW else 0.0
    at = known & (np.abs(step) > max(_SMALLEST, _TIMES_ROUNDING * usual))
    gap = np.sqrt(np.clip(np.busday_count(days[:-1], days[1:]), 1, _LONGEST_GAP))
    quiet = known & ~at
    deviation = 0.0
    if quiet.any():
        deviation = _MEDIAN_TO_DEVIATION * float(np.median(np.abs(moves[quiet] / gap[quiet])))
    least = noise.floor if quiet.sum() >= _FEW else noise.unknown
    around = np.flatnonzero(at)[:, None] + np.delete(np.arange(2 * _NEAR + 1), _NEAR)
    near = np.pad(np.where(at, np.nan, moves), _NEAR, constant_values=np.nan)[around]
    return FactorSteps(rows.symbol, days[1:][at], step[at], moves[at], max(deviation, least) * gap[at], near)


def steps_of_closes(rows: SymbolRows, factor: Floats, adjusted_by: Floats | None = None) -> FactorSteps:
    """Find the steps of a factor over the closes, or over closes that ``adjusted_by`` (``[n]``) adjusts."""
    closes = rows.closes if adjusted_by is None else rows.closes * adjusted_by[rows.traded]
    return find_steps(rows, factor, np.diff(np.log(closes)), CLOSE_NOISE)
