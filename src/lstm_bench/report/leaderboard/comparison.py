"""Comparison of two rows: over their common seeds, over all pairs of seeds, and over days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.record.evidence import Daily, Evidence
from lstm_bench.record.evidence_schema import METRICS
from lstm_bench.report.leaderboard.find_row import find_row
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row, rows_of
from lstm_bench.statistics.blocks import optimal_block
from lstm_bench.statistics.days import daily_interval
from lstm_bench.statistics.estimate import Estimate
from lstm_bench.statistics.ranks import probability_of_improvement, signed_rank_p_value
from lstm_bench.statistics.seed_interval import mean_interval

__all__ = ["Comparison", "DailyComparison", "MetricComparison", "compare_rows", "compare_seeds"]

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.datetime64]

_KNOWN = (*METRICS, *HEADLINES)
_HIGHER_IS_BETTER = tuple(
    name
    for name in _KNOWN
    if not name.endswith((".std", "Autocorrelation", "Turnover")) and not name.startswith("Long-Avg")
)
"""All metrics except standard deviations, the stability of scores, and the average of all stocks."""

_SERIES = ("IC", "Rank IC", "net return")


@dataclass(frozen=True)
class MetricComparison:
    """One metric of A and B.

    Attributes
    ----------
    metric : Qlib's name of a metric for which higher is better
    mean_a, mean_b : over the common seeds
    difference : mean of A - B over the common seeds, and its interval by Student's t
    p_value : Wilcoxon signed-rank, two-sided; NaN for fewer than three common seeds
    improvement : P(A > B) over all pairs of a seed of A and a seed of B
    """

    metric: str
    mean_a: float
    mean_b: float
    difference: Estimate
    p_value: float
    improvement: float


@dataclass(frozen=True)
class DailyComparison:
    """One daily series, the mean over the common seeds, of A - B.

    Attributes
    ----------
    series : ``IC``, ``Rank IC`` or ``net return`` (return minus cost)
    days : number of common days
    block : mean length of a block in days
    difference : mean of a day's difference, and its stationary bootstrap interval
    """

    series: str
    days: int
    block: float
    difference: Estimate


@dataclass(frozen=True)
class Comparison:
    """Rows A and B on the same data."""

    a: Row
    b: Row
    seeds: tuple[int, ...]
    metrics: tuple[MetricComparison, ...]
    daily: tuple[DailyComparison, ...]


def compare_rows(evidence: Mapping[str, Evidence], a: str, b: str, metrics: Sequence[str] = ()) -> Comparison:
    """Compare two rows, each ``STUDY/ROW``, or ``STUDY`` if it has only one row.

    ``metrics`` are names of Qlib or of the leaderboard, for which higher is better; the leaderboard's columns by
    default.

    Raises
    ------
    InputError
        If a row or a metric does not exist, both rows are the same, or they do not share data, label, test segment,
        numerics and at least one seed.
    """
    rows = rows_of(evidence)
    left, right = find_row(rows, a), find_row(rows, b)
    seeds = _common_seeds(left, right)
    daily = tuple(_compare_daily(evidence, left, right, seeds))
    return Comparison(left, right, seeds, compare_seeds(left, right, metrics), daily)


def compare_seeds(a: Row, b: Row, metrics: Sequence[str] = ()) -> tuple[MetricComparison, ...]:
    """Compare the seeds of two rows, as :func:`compare_rows` does, without their days."""
    _common_seeds(a, b)
    names = [_metric(name) for name in metrics] or list(COLUMNS)
    compared = [_compare_metric(a, b, name) for name in names]
    return tuple(found for found in compared if found is not None)


def _common_seeds(a: Row, b: Row) -> tuple[int, ...]:
    if a.name == b.name:
        raise InputError(f"compare: both are {a.name}; expected two rows")
    for row in (a, b):
        if not row.complete:
            raise InputError(f"compare: no seed of {row.name} is complete; `lstm-bench bench` computes them")
    for what, of_a in a.setting.comparable.items():
        of_b = b.setting.comparable[what]
        if of_a != of_b:
            raise InputError(
                f"compare: {a.name} and {b.name} differ in {what}: {of_a} and {of_b}; bench both on the same"
            )
    seeds = [{result.seed for result in row.complete} for row in (a, b)]
    if not seeds[0] & seeds[1]:
        listed = [", ".join(map(str, sorted(known))) for known in seeds]
        raise InputError(
            f"compare: {a.name} has the seeds {listed[0]}, {b.name} {listed[1]}; none is common; "
            "bench both with the same --seeds"
        )
    return tuple(sorted(seeds[0] & seeds[1]))


def _metric(name: str) -> str:
    by_column = {column: metric for metric, column in COLUMNS.items()}
    if name in by_column:
        return by_column[name]
    if name not in _HIGHER_IS_BETTER:
        known = f"got {name!r}, of which higher is not better" if name in _KNOWN else f"got {name!r}"
        raise InputError(f"--metric: {known}; {choices_hint(name, {*by_column, *_HIGHER_IS_BETTER})}")
    return name


def _compare_metric(a: Row, b: Row, metric: str) -> MetricComparison | None:
    """Compare one metric; None if no common seed has it in both rows."""
    of_a, of_b = a.values(metric), b.values(metric)
    common = sorted(set(of_a) & set(of_b))
    if not common:
        return None
    left, right = (np.array([values[seed] for seed in common]) for values in (of_a, of_b))
    return MetricComparison(
        metric,
        float(left.mean()),
        float(right.mean()),
        mean_interval(left - right),
        signed_rank_p_value(left - right),
        probability_of_improvement(list(of_a.values()), list(of_b.values())),
    )


def _compare_daily(
    evidence: Mapping[str, Evidence], a: Row, b: Row, seeds: Iterable[int]
) -> Iterable[DailyComparison]:
    sides = [[evidence[row.study].daily[row.label, seed] for seed in seeds] for row in (a, b)]
    for name in _SERIES:
        of_a, of_b = (_seed_mean(side, name) for side in sides)
        days, at_a, at_b = np.intersect1d(of_a[0], of_b[0], assume_unique=True, return_indices=True)
        if len(days):
            difference = of_a[1][at_a] - of_b[1][at_b]
            yield DailyComparison(name, len(days), optimal_block(difference), daily_interval(difference))


def _seed_mean(side: Sequence[Daily], name: str) -> tuple[Days, Floats]:
    """Days on which any seed has a value, ``[T]``, and the mean over the seeds with a value."""
    days = np.unique(np.concatenate([daily.days for daily in side]))
    total, count = np.zeros(len(days)), np.zeros(len(days))
    for daily in side:
        values = _series(daily, name)
        known = ~np.isnan(values)
        at = np.searchsorted(days, daily.days[known])
        total[at] += values[known]
        count[at] += 1
    return days[count > 0], total[count > 0] / count[count > 0]


def _series(daily: Daily, name: str) -> Floats:
    if name == "net return":
        return daily.series["return"] - daily.series["cost"]
    return daily.series[{"IC": "ic", "Rank IC": "rank_ic"}[name]]
