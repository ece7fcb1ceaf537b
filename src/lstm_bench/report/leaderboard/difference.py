"""The difference of a metric between two rows, and how sure it is: over seeds and days where days are known.

The seeds are paired if three or more are common. Otherwise the difference is of the means of all seeds. A row of a
model that has no seed, such as a ridge regression, has one run, which stands for itself. All figures of a metric that
follows from daily series are over the days that both rows have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.measures import MEASURES, Measure
from lstm_bench.report.leaderboard.measures import Panel, common_panels
from lstm_bench.report.leaderboard.row_days import LEAST_SHARE, shares_of_days
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.statistics.estimate import FEWEST, Estimate
from lstm_bench.statistics.nested import Nested, nested_difference
from lstm_bench.statistics.paired_t import paired_p_value
from lstm_bench.statistics.ranks import probability_of_improvement
from lstm_bench.statistics.seed_interval import mean_interval

__all__ = ["Difference", "difference_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One metric of A and B.

    Attributes
    ----------
    metric : Qlib's name
    mean_a, mean_b : over the seeds and days that ``estimate`` is of
    estimate : A - B, and its interval; the ends are NaN if there are too few seeds
    p_value : two-sided, of no difference; NaN without an interval
    nested : the parts of the variance over seeds and days. None if the interval is over seeds alone, by Student's t,
        because the metric does not follow from daily series, or if there is no interval.
    pairs : ``[n]`` differences of common seeds; of the seeds of one row, if the other has none
    improvement : P(A > B) over all pairs of a seed of A and a seed of B
    """

    metric: str
    mean_a: float
    mean_b: float
    estimate: Estimate
    p_value: float
    nested: Nested | None
    pairs: tuple[float, ...]
    improvement: float


@dataclass(frozen=True, eq=False)
class _Sides:
    """A metric of some seeds of A and of B.

    Attributes
    ----------
    seeds : of A, of B
    values : ``[K]``, ``[M]``
    panels : daily series on the days that both have, ``[K, T]`` and ``[M, T]``; None if there are none
    """

    seeds: tuple[Sequence[int], Sequence[int]]
    values: tuple[Floats, Floats]
    panels: tuple[Panel, Panel] | None

    @property
    def pairs(self) -> Floats:
        """A - B for each common seed, ``[n]``."""
        _, at_a, at_b = np.intersect1d(*self.seeds, assume_unique=True, return_indices=True)
        return np.asarray(self.values[0][at_a] - self.values[1][at_b], dtype=np.float64)

    @property
    def is_known(self) -> bool:
        """Whether there are enough common days, and each seed has a value on them."""
        enough = self.panels is None or self.panels[0].shape[1] >= FEWEST
        return enough and bool(np.isfinite(np.concatenate(self.values)).all())


def difference_of(a: Row, b: Row, metric: str) -> Difference | None:
    """Return the difference of a metric. The rows must be comparable.

    It is None if a row lacks the metric, and if the rows have too few days in common. A metric that does not follow
    from daily series, such as the maximum drawdown, needs nearly the same days in both rows.
    """
    seeds_a, seeds_b = sorted(a.values(metric)), sorted(b.values(metric))
    measure = MEASURES.get(metric)
    if not seeds_a or not seeds_b or (measure is None and _lacks_days(a, b)):
        return None
    every = sides = _sides(a, b, (seeds_a, seeds_b), metric)
    common = sorted({*seeds_a} & {*seeds_b})
    if len(common) >= FEWEST and not seeds_a == common == seeds_b:
        sides = _sides(a, b, (common, common), metric)
    if not (every.is_known and sides.is_known):
        return None
    left, right = sides.values
    enough = all(len(side) >= FEWEST or not row.has_seeds for row, side in ((a, left), (b, right)))
    nested = _nested(sides, measure) if enough else None
    pairs = sides.pairs if a.has_seeds and b.has_seeds else left - right
    if nested is not None and nested.has_interval:
        estimate, p_value = nested.estimate, nested.p_value
    elif measure is None and enough and len(pairs) >= FEWEST:
        nested, estimate, p_value = None, mean_interval(pairs), paired_p_value(pairs)
    else:
        nested, p_value = None, np.nan
        estimate = Estimate(float(left.mean() - right.mean()), np.nan, np.nan)
    improvement = probability_of_improvement(*every.values)
    mean_a, mean_b = float(left.mean()), float(right.mean())
    return Difference(metric, mean_a, mean_b, estimate, p_value, nested, tuple(pairs.tolist()), improvement)


def _lacks_days(a: Row, b: Row) -> bool:
    return min(shares_of_days((a, b)).values()) < LEAST_SHARE


def _sides(a: Row, b: Row, seeds: tuple[Sequence[int], Sequence[int]], metric: str) -> _Sides:
    rows, measure = (a, b), MEASURES.get(metric)
    if measure is None:
        left, right = (
            np.array([row.values(metric)[seed] for seed in own]) for row, own in zip(rows, seeds, strict=True)
        )
        return _Sides(seeds, (left, right), None)
    series = ([row.daily[seed] for seed in own] for row, own in zip(rows, seeds, strict=True))
    of_a, of_b = common_panels(series, measure)
    return _Sides(seeds, (measure.by_seed(of_a), measure.by_seed(of_b)), (of_a, of_b))


def _nested(sides: _Sides, measure: Measure | None) -> Nested | None:
    if measure is None or sides.panels is None:
        return None
    return nested_difference(*sides.panels, measure.statistic, seeds=sides.seeds, scale=measure.scale)
