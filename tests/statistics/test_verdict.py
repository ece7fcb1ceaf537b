"""Verdicts on differences with known parts of variance."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lstm_bench.statistics.estimate import FEWEST_DAYS
from lstm_bench.statistics.nested import Nested
from lstm_bench.statistics.seed_part import SeedPart
from lstm_bench.statistics.verdict import needs, verdict


def difference(
    value: float, seed: float = 0.0, day: float = 0.0, own: float = 0.0, seeds: int = 5, days: int = 500
) -> Nested:
    """Return a difference whose parts of variance are these."""
    part = SeedPart(seeds, seed + own, own)
    return Nested(value, (part,), days, day + own, days - 1.0, 1.0)


def test_a_sure_difference_is_better() -> None:
    assert verdict(difference(0.01, 1e-6, 1e-6)).word == "A better"
    assert verdict(difference(-0.01, 1e-6, 1e-6)).text == "B better"


def test_what_is_too_small_to_matter_is_equivalent_even_if_it_is_sure() -> None:
    sure = difference(0.001, 1e-8, 1e-8)
    assert verdict(sure).word == "A better"
    found = verdict(sure, margin=0.002)
    assert (found.word, found.text) == ("equivalent", "equivalent within 0.002")
    assert verdict(sure, margin=0.0011).word == "A better"


def test_equivalence_is_both_one_sided_tests() -> None:
    found = difference(0.0005, 0.0, 1e-6, seeds=1)
    for margin in (0.001, 0.002, 0.0022, 0.003):
        t = stats.t(found.freedom)
        below = t.sf((margin - 0.0005) / 1e-3)  # a difference of the margin or more is rejected
        above = t.sf((margin + 0.0005) / 1e-3)
        assert (verdict(found, margin=margin).word == "equivalent") == (max(below, above) < 0.05)


def test_the_seeds_that_are_missing_would_decide_it() -> None:
    found = difference(0.001, 1e-6, 1e-8)
    told = verdict(found)
    assert told.word == "undecided"
    assert told.more_seeds is not None
    assert told.text == f"undecided (needs about {told.more_seeds} more seeds)"
    assert verdict(found.with_more(seeds=told.more_seeds)).word == "A better"
    assert verdict(found.with_more(seeds=told.more_seeds - 1)).word == "undecided"
    # with a margin it may be equivalent sooner
    sooner = verdict(found, margin=0.01)
    assert sooner.word == "equivalent"


def test_more_seeds_cannot_decide_what_days_dominate() -> None:
    told = verdict(difference(0.001, 1e-9, 1e-6))
    assert told.more_seeds is None
    assert told.more_days is not None
    assert told.text.startswith("undecided (more seeds cannot decide it: needs about 1,")
    assert told.text.endswith(" more days)")
    assert told.more_days == pytest.approx(500 * (1.96**2 - 1), rel=0.02)


def test_no_difference_at_all_is_never_decided_without_a_margin() -> None:
    told = verdict(difference(0.0, 1e-6, 1e-6))
    assert told.text == "undecided (there is no difference)"
    assert (told.more_seeds, told.more_days) == (None, None)
    assert verdict(difference(0.0), margin=0.001).word == "equivalent"


def test_seeds_alone_and_days_alone_may_not_decide() -> None:
    told = verdict(difference(0.001, 1e-6, 1e-6))
    assert told.text == "undecided (needs both more seeds and more days)"
    assert verdict(difference(0.001, 1e-6, 1e-6).with_more(seeds=95, days=10_000)).word == "A better"


def test_other_comparisons_raise_the_bar() -> None:
    found = difference(0.0035, 1e-6, 1e-6)
    assert found.p_value < 0.05 < 5 * found.p_value
    assert verdict(found).word == "A better"
    corrected = verdict(found, p_value=5 * found.p_value)
    assert corrected.word == "undecided"
    assert corrected.more_seeds is not None
    more = found.with_more(seeds=corrected.more_seeds)
    assert verdict(more, p_value=5 * more.p_value).word == "A better"


def test_other_comparisons_raise_the_bar_of_equivalence() -> None:
    found = difference(0.0, 1e-6, 1e-6)
    own = found.equivalence_p_value(0.0031)
    assert own < 0.05 < 2 * own
    assert verdict(found, margin=0.0031).word == "equivalent"
    corrected = verdict(found, margin=0.0031, equivalence_p_value=2 * own)
    assert corrected.word == "undecided"
    assert corrected.more_seeds is not None
    more = found.with_more(seeds=corrected.more_seeds)
    p_value = 2 * more.equivalence_p_value(0.0031)
    assert verdict(more, margin=0.0031, equivalence_p_value=p_value).word == "equivalent"


def test_what_would_decide_is_rounded_to_what_is_known() -> None:
    assert [needs(count, "more seed") for count in (1, 99, 101, 1234)] == [
        "needs about 1 more seed",
        "needs about 99 more seeds",
        "needs about 110 more seeds",
        "needs about 1,300 more seeds",
    ]


def test_too_few_seeds_or_days_decide_nothing() -> None:
    assert verdict(difference(0.1, 1e-9, 1e-9, seeds=2)).text == "undecided (an interval needs 1 more seed)"
    one_day = Nested(0.1, (SeedPart(3, math.nan, math.nan),), 1, math.nan, math.nan, math.nan)
    assert verdict(one_day).text == f"undecided (an interval needs {FEWEST_DAYS - 1} more days)"
    no_value = Nested(math.nan, (SeedPart(3, math.nan, math.nan),), 100, math.nan, math.nan, math.nan)
    assert verdict(no_value).text == "undecided (a seed has no value)"


@given(
    st.floats(-0.01, 0.01),
    st.floats(0, 1e-5),
    st.floats(0, 1e-5),
    st.floats(0, 1e-5),
    st.none() | st.floats(1e-4, 1e-2),
)
def test_sides_can_be_changed(
    value: float, seed: float, day: float, own: float, margin: float | None
) -> None:
    there = verdict(difference(value, seed, day, own), margin=margin)
    back = verdict(difference(-value, seed, day, own), margin=margin)
    other = {"A better": "B better", "B better": "A better"}
    assert back.word == other.get(there.word, there.word)
    assert (back.more_seeds, back.more_days) == (there.more_seeds, there.more_days)


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan])
def test_a_margin_is_positive(margin: float) -> None:
    with pytest.raises(ValueError, match=rf"margin: got {margin}; expected a number above 0"):
        verdict(difference(0.1), margin=margin)
