"""What a difference of two rows lets one say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lstm_bench.statistics.estimate import FEWEST, LEVEL
from lstm_bench.statistics.nested import Nested

__all__ = ["Verdict", "Word", "verdict"]

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
    difference: Nested, *, p_value: float | None = None, margin: float | None = None, level: float = LEVEL
) -> Verdict:
    """Decide a comparison for which higher is better.

    Parameters
    ----------
    difference
        A - B, of :func:`~lstm_bench.statistics.nested.nested_difference`.
    p_value
        The p-value corrected for other comparisons, of :func:`~lstm_bench.statistics.multiple.holm`; that of the
        difference by default.
    margin
        Differences up to this do not matter, in the metric's unit. None: nothing is ever called equivalent.
    level
        A row is better if the p-value is below ``1 - level``. The rows are equivalent if both one-sided tests at
        that p-value reject a difference of the margin, that is if the interval at ``2 level - 1``, 90 % by default,
        lies inside the margin (D. Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15).
        Equivalence comes first: a difference can be sure, and too small to matter.

    Raises
    ------
    ValueError
        If the margin is not positive.
    """
    if margin is not None and not margin > 0:
        raise ValueError(f"margin: got {margin}; expected a number above 0")
    if not difference.has_interval:
        return _without_interval(difference)
    # what the correction multiplies the p-value by, which it will also do with more seeds
    factor = 1.0 if p_value is None or difference.p_value == 0 else p_value / difference.p_value

    def equivalent(found: Nested) -> bool:
        return margin is not None and abs(found.value) + found.half_width(2 * level - 1) < margin

    def better(found: Nested) -> bool:
        return found.p_value * factor < 1 - level

    if equivalent(difference):
        return Verdict("equivalent", f"equivalent within {margin:g}")
    if better(difference):
        word: Word = "A better" if difference.value > 0 else "B better"
        return Verdict(word, word)
    seeds = difference.seeds_until(lambda found: equivalent(found) or better(found))
    days = difference.days_until(lambda found: equivalent(found) or better(found))
    return Verdict("undecided", f"undecided ({_missing(difference.value, seeds, days)})", seeds, days)


def _without_interval(difference: Nested) -> Verdict:
    few = [part.seeds for part in difference.parts if 1 < part.seeds < FEWEST]
    if few and difference.days >= FEWEST:
        more = FEWEST - min(few)
        return Verdict("undecided", f"undecided (an interval needs {_counted(more, 'more seed')})", more)
    if difference.days < FEWEST:
        days = FEWEST - difference.days
        return Verdict("undecided", f"undecided (an interval needs {_counted(days, 'more day')})", None, days)
    return Verdict("undecided", "undecided (a seed has no value)")


def _missing(value: float, seeds: int | None, days: int | None) -> str:
    if seeds is not None:
        return f"needs about {_counted(_rounded(seeds), 'more seed')}"
    if days is not None:
        return f"more seeds cannot decide it: needs about {_counted(_rounded(days), 'more day')}"
    return "needs both more seeds and more days" if value else "there is no difference"


def _rounded(count: int) -> int:
    """Round up to two significant digits: more are not known."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
