"""Comparison of two rows: the difference of each metric, its interval over seeds and days, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lstm_bench.core.errors import InputError, choices_hint
from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.record.evidence import Evidence
from lstm_bench.record.evidence_schema import METRICS
from lstm_bench.report.leaderboard.difference import Difference, difference_of
from lstm_bench.report.leaderboard.find_row import find_row
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row, rows_of
from lstm_bench.statistics.estimate import FEWEST_DAYS
from lstm_bench.statistics.multiple import holm
from lstm_bench.statistics.paired_t import equivalence_p_value, paired_verdict
from lstm_bench.statistics.verdict import Verdict, verdict

__all__ = [
    "PRIMARY", "Comparison", "MetricComparison", "Terms", "check_comparable", "compare_pair", "compare_rows",
]  # fmt: skip

PRIMARY = "Rank IC"
"""The metric that decides, unless another one is asked for."""

_IC_MARGIN = 0.002
_OF_IC = ("IC", "Rank IC")

_OF_DAYS = f"three seeds and {FEWEST_DAYS} days"

_KNOWN = (*METRICS, *HEADLINES)
_HIGHER_IS_BETTER = tuple(
    name
    for name in _KNOWN
    if not name.endswith((".std", "Autocorrelation", "Turnover")) and not name.startswith("Long-Avg")
)
"""All metrics except standard deviations, the stability of scores, and the average of all stocks."""


@dataclass(frozen=True)
class Terms:
    """What a comparison looks at.

    Attributes
    ----------
    metrics : Qlib's names; the columns of the leaderboard if empty
    margin : of the metrics that are named, or else of IC and Rank IC: the largest difference that does not matter. None
        is 0.002 for IC and Rank IC, and no margin for others.
    """

    metrics: tuple[str, ...] = ()
    margin: float | None = None

    @classmethod
    def of(cls, metrics: Sequence[str] = (), margin: float | None = None) -> Terms:
        """Read metrics under Qlib's or the leaderboard's names.

        Raises
        ------
        InputError
            If there is no such metric, higher is not better for it, or the margin is not positive.
        """
        if margin is not None and not margin > 0:
            raise InputError(f"--margin: got {margin:g}, expected a positive number")
        return cls(tuple(dict.fromkeys(_metric(name) for name in metrics)), margin)

    @property
    def primary(self) -> str:
        """The metric that decides: the first one that is named."""
        return self.metrics[0] if self.metrics else PRIMARY

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that are compared."""
        return self.metrics or tuple(COLUMNS)

    def margin_of(self, metric: str) -> float | None:
        """Return the margin of a metric; None if every difference matters."""
        if self.margin is not None and (metric in self.metrics or (not self.metrics and metric in _OF_IC)):
            return self.margin
        return _IC_MARGIN if metric in _OF_IC else None


@dataclass(frozen=True)
class MetricComparison:
    """One metric of A and B, judged.

    Attributes
    ----------
    difference : of a metric for which higher is better
    margin : largest difference that does not matter; None if every one does
    p_value : the difference's, by Holm over the metrics compared
    equivalence_p_value : that of the difference being outside the margin, by Holm over the metrics with a margin; NaN
        without a margin
    """

    difference: Difference
    margin: float | None
    p_value: float
    equivalence_p_value: float
    verdict: Verdict

    @property
    def metric(self) -> str:
        """Qlib's name."""
        return self.difference.metric


@dataclass(frozen=True)
class Comparison:
    """Rows A and B on the same data.

    Attributes
    ----------
    seeds : common ones
    metrics : the primary one among them
    """

    a: Row
    b: Row
    seeds: tuple[int, ...]
    terms: Terms
    metrics: tuple[MetricComparison, ...]

    @property
    def primary(self) -> MetricComparison:
        """The metric that decides."""
        return next(found for found in self.metrics if found.metric == self.terms.primary)


def compare_rows(
    evidence: Mapping[str, Evidence],
    a: str,
    b: str,
    terms: Terms = Terms(),
) -> Comparison:
    """Compare two rows, each ``STUDY/ROW``, or ``STUDY`` if it has only one row.

    Raises
    ------
    InputError
        If a row does not exist, both rows are the same, no seed of one is complete, they do not share data, label, test
        segment and numerics, one of them lacks the primary metric, or both have too few days of it in common.
    """
    rows = rows_of(evidence)
    return compare_pair(find_row(rows, a), find_row(rows, b), terms)


def compare_pair(a: Row, b: Row, terms: Terms = Terms()) -> Comparison:
    """Compare two rows; see :func:`compare_rows`."""
    check_comparable(a, b)
    seeds = tuple(sorted({result.seed for result in a.complete} & {result.seed for result in b.complete}))
    found = [one for metric in terms.shown if (one := difference_of(a, b, metric)) is not None]
    if terms.primary not in {one.metric for one in found}:
        lacking = next((row for row in (a, b) if not row.values(terms.primary)), None)
        if lacking is None:
            raise InputError(f"compare: {a.name} and {b.name} share too few days for {terms.primary!r}")
        raise InputError(f"--metric: no seed of {lacking.name} has {terms.primary!r}; name another one first")
    margins = [terms.margin_of(one.metric) for one in found]
    differ = holm([one.p_value for one in found])
    equivalent = holm([_equivalence(*one) for one in zip(found, margins, strict=True)])
    metrics = map(_judged, found, margins, differ, equivalent)
    return Comparison(a, b, seeds, terms, tuple(metrics))


def _equivalence(difference: Difference, margin: float | None) -> float:
    """Return the p-value of the difference being outside the margin; NaN without a margin or an interval."""
    if margin is None or not difference.estimate.is_decided:
        return math.nan
    if difference.nested is not None:
        return difference.nested.equivalence_p_value(margin)
    return equivalence_p_value(difference.pairs, margin)


def _judged(
    difference: Difference, margin: float | None, p_value: float, equivalence: float
) -> MetricComparison:
    """Judge a difference by p-values that are corrected by Holm."""
    if difference.nested is not None:
        found = verdict(difference.nested, margin=margin, p_value=p_value, equivalence_p_value=equivalence)
    elif difference.estimate.is_decided:
        found = paired_verdict(
            difference.pairs, margin=margin, p_value=p_value, equivalence_p_value=equivalence
        )
    else:
        needed = _OF_DAYS if difference.metric in MEASURES else "three common seeds"
        found = Verdict("undecided", f"undecided (an interval needs {needed})")
    return MetricComparison(difference, margin, p_value, equivalence, found)


def check_comparable(a: Row, b: Row) -> None:
    """Check that two rows can be compared.

    Raises
    ------
    InputError
        As in :func:`compare_rows`.
    """
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


def _metric(name: str) -> str:
    """Return Qlib's name of a metric, which is given in any case by that name or the leaderboard's."""
    accepted = {metric: metric for metric in _HIGHER_IS_BETTER} | {
        column: metric for metric, column in COLUMNS.items()
    }
    folded = {text.casefold(): metric for text, metric in accepted.items()}
    if name.casefold() not in folded:
        known = f"got {name!r}, of which higher is not better" if name in _KNOWN else f"got {name!r}"
        raise InputError(f"--metric: {known}; {choices_hint(name, accepted)}")
    return folded[name.casefold()]
