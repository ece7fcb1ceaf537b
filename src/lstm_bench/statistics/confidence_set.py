"""The rows that cannot be told from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.blocks import dependence_of
from lstm_bench.statistics.estimate import FEWEST
from lstm_bench.statistics.influence import Statistic, days_with_values, influences
from lstm_bench.statistics.seed_part import seed_part
from lstm_bench.statistics.stationary import StationaryBootstrap

__all__ = ["SET_LEVEL", "confidence_set"]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

SET_LEVEL = 0.90
"""Probability with which the set is to contain the best row."""

DRAWS = 2000


@dataclass(frozen=True)
class _Rows:
    """Rows with the variance of their means, as a nested interval has it.

    Attributes
    ----------
    values : ``[n]`` mean over seeds of the statistic
    day_root : ``[n, n]``, a root of the covariances that days give the means, without the interaction
    between : ``[n]`` part of seeds, with the interaction, see :class:`~lstm_bench.statistics.seed_part.SeedPart`
    seed_freedom : ``[n]`` seeds less one; 0 for a model without seeds
    day_freedom : degrees of freedom of the covariances
    """

    values: Floats
    day_root: Floats
    between: Floats
    seed_freedom: Floats
    day_freedom: float


def confidence_set(
    panels: Sequence[npt.ArrayLike], statistic: Statistic = "mean", level: float = SET_LEVEL, seed: int = 0
) -> tuple[bool, ...]:
    """Tell the rows that cannot be told from the best, where higher is better: the model confidence set.

    While the most unequal pair of rows differs more than chance lets the most unequal pair of equal rows differ, its
    lower row leaves. Differences have the variance of seeds and days, days being common to all rows, and rows may
    have different numbers of seeds. What chance does is drawn from normal distributions with these variances, and
    from chi-squared ones for the estimates of variances, so that three seeds count as three.

    Parameters
    ----------
    panels : ``[K_i, T]`` each
        A daily series per seed of each row, with columns of the same days, NaN on days without a value. Days on which
        a row has no value at all are left out for all. A row of one seed is taken as a model without seeds.
    statistic
        See :data:`~lstm_bench.statistics.influence.Statistic`.
    level
        Probability with which the set is to contain the best row.
    seed
        Seed of the generator: the same panels give the same set.

    Raises
    ------
    ValueError
        If rows have different numbers of days, a row has no statistic, or fewer than ``FEWEST`` days are common to all
        rows.

    References
    ----------
    P. Hansen, A. Lunde and J. Nason (2011), The model confidence set, Econometrica 79(2), with their range statistic.
    """
    sides = [np.asarray(panel, dtype=np.float64) for panel in panels]
    if len({side.shape[-1] for side in sides}) > 1:
        raise ValueError(
            f"panels have {', '.join(str(side.shape[-1]) for side in sides)} days; expected the same"
        )
    if len(sides) < 2:
        return (True,) * len(sides)
    common = np.logical_and.reduce([days_with_values(side) for side in sides])
    if common.sum() < FEWEST:
        raise ValueError(f"panels: got {common.sum()} days that all rows have; expected {FEWEST} or more")
    rows = _rows([influences(side[:, common], statistic) for side in sides])
    return _eliminate(rows, level, np.random.default_rng(seed))


def _rows(sides: Sequence[Floats]) -> _Rows:
    series = np.stack([side.mean(axis=0) for side in sides])
    if not np.isfinite(series).all():
        missing = np.flatnonzero(~np.isfinite(series).all(axis=1))
        raise ValueError(f"panels: {', '.join(map(str, missing))} without a value of the statistic")
    # what decides a difference is not what moves all rows, so blocks fit the deviations from the rows' mean
    found = [dependence_of(one) for one in series - series.mean(axis=0)]
    block, shortfall = (
        float(np.mean([getattr(one, name) for one in found])) for name in ("block", "shortfall")
    )
    bootstrap = StationaryBootstrap(series.shape[1], block, shortfall)
    parts = [seed_part(side, bootstrap) for side in sides]
    of_days = bootstrap.covariance(series) * bootstrap.inflation
    scales, directions = np.linalg.eigh(of_days - np.diag([part.interaction for part in parts]))
    return _Rows(
        series.mean(axis=1),
        # where chance makes a variance negative, it is 0
        directions * np.sqrt(np.maximum(scales, 0.0)),
        np.array([part.between for part in parts]),
        np.array([part.seeds - 1.0 for part in parts]),
        bootstrap.degrees_of_freedom,
    )


def _eliminate(rows: _Rows, level: float, generator: np.random.Generator) -> tuple[bool, ...]:
    first, second = np.triu_indices(len(rows.values), 1)
    observed, drawn = _statistics(rows, first, second, generator)
    inside = np.ones(len(rows.values), dtype=bool)
    while inside.sum() > 1:
        pairs = np.flatnonzero(inside[first] & inside[second])
        worst = pairs[np.abs(observed[pairs]).argmax()]
        by_chance = np.abs(drawn[:, pairs]).max(axis=1) >= abs(observed[worst])
        if by_chance.mean() >= 1 - level:
            break
        inside[second[worst] if observed[worst] > 0 else first[worst]] = False
    return tuple(bool(one) for one in inside)


def _statistics(
    rows: _Rows, first: Indices, second: Indices, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Statistics of the pairs at hand, ``[P]``, and of pairs of equal rows, ``[DRAWS, P]``: normal quantiles.

    Student's t of each pair becomes the normal quantile of the same probability, so that a pair of three seeds does
    not decide for all pairs what chance can do.
    """
    days = ((rows.day_root[first] - rows.day_root[second]) ** 2).sum(axis=1)
    observed = _quantiles(rows.values, days, rows.between, rows, first, second)

    n = len(rows.values)
    errors = generator.standard_normal((DRAWS, n)) @ rows.day_root.T
    errors += np.sqrt(rows.between) * generator.standard_normal((DRAWS, n))
    day_factor = generator.chisquare(rows.day_freedom, (DRAWS, 1)) / rows.day_freedom
    with_seeds = np.maximum(rows.seed_freedom, 1.0)
    between = rows.between * generator.chisquare(with_seeds, (DRAWS, n)) / with_seeds
    return observed, _quantiles(errors, days * day_factor, between, rows, first, second)


def _quantiles(
    values: Floats, days: Floats, between: Floats, rows: _Rows, first: Indices, second: Indices
) -> Floats:
    """Return normal quantiles of differences, ``[..., n] -> [..., P]``, with variances ``days`` and ``between``."""
    differences = values[..., first] - values[..., second]
    variances = days + between[..., first] + between[..., second]
    # the degrees of freedom of a nested difference
    by_freedom = between / np.maximum(rows.seed_freedom, 1.0)
    inverse = days / rows.day_freedom + by_freedom[..., first] + by_freedom[..., second]
    known = variances > 0
    freedom = np.divide(variances, inverse, out=np.ones_like(variances), where=known)
    # rows that differ by the same on every day and seed differ surely
    squares = np.where(differences == 0, 0.0, np.finfo(np.float64).max)
    np.divide(differences**2, variances, out=squares, where=known)
    # D. Wallace 1959, Annals of Mathematical Statistics 30: Student's t as a normal quantile, to about 1 %
    size = (8 * freedom + 1) / (8 * freedom + 3) * np.sqrt(freedom * np.log1p(squares / freedom))
    return np.asarray(np.copysign(size, differences), dtype=np.float64)
