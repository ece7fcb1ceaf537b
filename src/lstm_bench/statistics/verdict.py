"""What a difference of two rows lets one say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lstm_bench.core.counting import counted
from lstm_bench.statistics.estimate import FEWEST, FEWEST_DAYS, LEVEL
from lstm_bench.statistics.nested import Nested

__all__ = ["Verdict", "Word", "better_by", "equivalent_within", "needs", "verdict"]

Word = Literal["A better", "B better", "equivalent", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """A verdict on A and B.

    Attributes
    ----------
    word : the verdict
    text : the verdict with the margin, or with what is missing, such as ``undecided (needs about 12 more seeds)``
    more_seeds : further seeds of each row that would decide it if the difference stays; None if decided or never
    more_days : further days that would decide it if the difference stays; None if decided or never
    """

    word: Word
    text: str
    more_seeds: int | None = None
    more_days: int | None = None


def verdict(
    difference: Nested,
    *,
    margin: float | None = None,
    p_value: float | None = None,
    equivalence_p_value: float | None = None,
    level: float = LEVEL,
) -> Verdict:
    """Decide a comparison for which higher is better.

    Equivalence comes first: a difference can be sure, and too small to matter.

    Parameters
    ----------
    difference
        A - B, of :func:`~lstm_bench.statistics.nested.nested_difference`.
    margin
        Differences up to this do not matter, in the metric's unit. None: nothing is ever called equivalent.
    p_value, equivalence_p_value
        The p-values corrected for other comparisons, of :func:`~lstm_bench.statistics.multiple.holm`; those of the
        difference by default.
    level
        A row is better if the p-value is below ``1 - level``. The rows are equivalent if that of equivalence is.

    Raises
    ------
    ValueError
        If the margin is not positive.
    """
    if margin is not None and not margin > 0:
        raise ValueError(f"margin: got {margin}; expected a number above 0")
    if not difference.has_interval:
        return _without_interval(difference)
    of_better = _factor(p_value, difference.p_value)
    of_equivalent = (
        1.0 if margin is None else _factor(equivalence_p_value, difference.equivalence_p_value(margin))
    )

    def equivalent(found: Nested) -> bool:
        return margin is not None and found.equivalence_p_value(margin) * of_equivalent < 1 - level

    def better(found: Nested) -> bool:
        return found.p_value * of_better < 1 - level

    if margin is not None and equivalent(difference):
        return equivalent_within(margin)
    if better(difference):
        return better_by(difference.value)
    seeds = difference.seeds_until(lambda found: equivalent(found) or better(found))
    days = difference.days_until(lambda found: equivalent(found) or better(found))
    return Verdict("undecided", f"undecided ({_missing(difference.value, seeds, days)})", seeds, days)


def equivalent_within(margin: float) -> Verdict:
    """Return the verdict that the difference is too small to matter."""
    return Verdict("equivalent", f"equivalent within {margin:g}")


def better_by(value: float) -> Verdict:
    """Return the verdict of a sure difference A - B."""
    return Verdict("A better", "A better") if value > 0 else Verdict("B better", "B better")


def needs(count: int, noun: str) -> str:
    """Say what would decide, rounded up to two significant digits: more are not known.

    >>> needs(7, "more seed"), needs(1234, "more day")
    ('needs about 7 more seeds', 'needs about 1,300 more days')
    """
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return f"needs about {counted(-(-count // unit) * unit, noun)}"


def _factor(corrected: float | None, alone: float) -> float:
    """Return what the correction multiplies a p-value by, which it will also do with more seeds."""
    return 1.0 if corrected is None or alone == 0 else corrected / alone


def _without_interval(difference: Nested) -> Verdict:
    few = [part.seeds for part in difference.parts if 1 < part.seeds < FEWEST]
    if few and difference.days >= FEWEST_DAYS:
        more = FEWEST - min(few)
        return Verdict("undecided", f"undecided (an interval needs {counted(more, 'more seed')})", more)
    if difference.days < FEWEST_DAYS:
        days = FEWEST_DAYS - difference.days
        return Verdict("undecided", f"undecided (an interval needs {counted(days, 'more day')})", None, days)
    return Verdict("undecided", "undecided (a seed has no value)")


def _missing(value: float, seeds: int | None, days: int | None) -> str:
    if seeds is not None:
        return needs(seeds, "more seed")
    if days is not None:
        return f"more seeds cannot decide it: {needs(days, 'more day')}"
    return "needs both more seeds and more days" if value else "there is no difference"
