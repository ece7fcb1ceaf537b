"""Which seeds a race counts, and when it is over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.bench.standing import standing
from lstm_bench.statistics.sequence import confidence_sequence

RNG = np.random.default_rng(0)
A = {seed: float(0.03 + 0.001 * RNG.normal()) for seed in range(20)}
B = {seed: float(0.02 + 0.001 * RNG.normal()) for seed in range(20)}


def test_it_ends_with_the_first_seed_that_decides() -> None:
    found = standing(A, B, range(64), None)
    assert (found.verdict.text, found.is_over) == ("A better", True)
    n = len(found.seeds)
    differences = [A[seed] - B[seed] for seed in range(n)]
    lows, _ = confidence_sequence(differences)
    assert lows[-1] > 0 >= lows[-2]
    assert found.estimate.low == lows[-1]
    assert found.estimate.value == pytest.approx(np.mean(differences))


@given(st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_seeds_beyond_a_missing_one_do_not_count(of_a: set[int], of_b: set[int]) -> None:
    a, b = ({seed: row[seed] for seed in known} for row, known in ((A, of_a), (B, of_b)))
    first_missing = next(seed for seed in range(21) if seed not in a or seed not in b)
    found = standing(a, b, range(64), None)
    whole = standing(A, B, range(64), None)
    expected = whole.seeds if first_missing >= len(whole.seeds) else tuple(range(first_missing))
    assert found.seeds == expected
    assert found.is_decided == (first_missing >= len(whole.seeds))


def test_a_diverged_seed_is_skipped_and_counts_as_one_of_the_budget() -> None:
    a = {**A, 1: None}
    assert standing(a, B, range(64), None).skipped == (1,)
    equal = dict.fromkeys(range(3), 0.5)
    found = standing({**equal, 1: None}, equal, range(3), None)
    assert (found.seeds, found.skipped, found.is_decided, found.is_over) == ((0, 2), (1,), False, True)


def test_it_says_how_many_more_seeds_are_needed() -> None:
    few = {seed: A[seed] for seed in range(3)}
    found = standing(few, B, range(64), None)
    assert (found.seeds, found.is_decided, found.is_over) == ((0, 1, 2), False, False)
    more = found.verdict.more_seeds
    assert more is not None
    assert 1 <= more <= 5
    assert found.verdict.text.startswith(f"undecided (needs about {more} more seed")
    assert standing({}, {}, range(64), None).verdict.text == "undecided"


def test_equivalence_needs_a_margin() -> None:
    same = dict.fromkeys(range(20), 0.02)
    assert not standing(same, same, range(20), None).is_decided
    found = standing(same, same, range(20), 0.002)
    assert (found.verdict.text, len(found.seeds)) == ("equivalent within 0.002", 5)
