"""The difference of a metric between two rows, and how sure it is: over seeds and days where days are known.

The seeds are paired if three or more are common. Otherwise the difference is of the means of all seeds. A row of a
model that has no seed, such as a ridge regression, has one run, which stands for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.measures import MEASURES, Measure
from lstm_bench.report.leaderboard.measures import common_axis, panel_of
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.statistics.estimate import FEWEST, Estimate
from lstm_bench.statistics.nested import Nested, nested_difference
from lstm_bench.statistics.paired_t import paired_p_value
from lstm_bench.statistics.ranks import probability_of_improvement
from lstm_bench.statistics.seed_interval import mean_interval

__all__ = ["Difference", "difference_of", "has_seeds"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One metric of A and B.

    Attributes
    ----------
    metric : Qlib's name
    mean_a, mean_b : over the seeds that ``estimate`` is of
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


def has_seeds(row: Row) -> bool:
    """Whether other seeds would give a row other figures; not if its model is deterministic, with one run."""
    return row.model is None or len(row.complete) > 1


def difference_of(a: Row, b: Row, metric: str) -> Difference | None:
    """Return the difference of a metric; None if a row lacks it. The rows must be comparable."""
    of_a, of_b = a.values(metric), b.values(metric)
    if not of_a or not of_b:
        return None
    common = sorted(of_a.keys() & of_b.keys())
    seeds_a, seeds_b = (common, common) if len(common) >= FEWEST else (sorted(of_a), sorted(of_b))
    left, right = (np.array([of[seed] for seed in seeds]) for of, seeds in ((of_a, seeds_a), (of_b, seeds_b)))
    measure = MEASURES.get(metric)
    nested = None
    enough = all(len(side) >= FEWEST or not has_seeds(row) for row, side in ((a, left), (b, right)))
    if measure is not None and enough:
        nested = _nested((a, seeds_a), (b, seeds_b), measure)
    paired = has_seeds(a) and has_seeds(b)
    pairs = np.array([of_a[seed] - of_b[seed] for seed in common]) if paired else left - right
    if nested is not None and nested.has_interval:
        estimate, p_value = nested.estimate, nested.p_value
    elif measure is None and enough and len(pairs) >= FEWEST:
        nested, estimate, p_value = None, mean_interval(pairs), paired_p_value(pairs)
    else:
        nested, p_value = None, np.nan
        estimate = Estimate(float(left.mean() - right.mean()), np.nan, np.nan)
    improvement = probability_of_improvement(list(of_a.values()), list(of_b.values()))
    mean_a, mean_b = float(left.mean()), float(right.mean())
    return Difference(metric, mean_a, mean_b, estimate, p_value, nested, tuple(pairs.tolist()), improvement)


def _nested(a: tuple[Row, Sequence[int]], b: tuple[Row, Sequence[int]], measure: Measure) -> Nested | None:
    """Interval over seeds and the days that both rows have; None if there is no such day."""
    sides = [[row.daily[seed] for seed in seeds] for row, seeds in (a, b)]
    days_a, days_b = (common_axis(series) for series in sides)
    left, right = panel_of(sides[0], measure, days_a), panel_of(sides[1], measure, days_b)
    _, at_a, at_b = np.intersect1d(days_a, days_b, assume_unique=True, return_indices=True)
    if not len(at_a):
        return None
    return nested_difference(
        left[:, at_a], right[:, at_b], measure.statistic, seeds=(a[1], b[1]), scale=measure.scale
    )
