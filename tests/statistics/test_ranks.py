"""The probability of improvement against a plain loop."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.statistics.ranks import probability_of_improvement

Values = st.lists(st.floats(-1, 1).map(lambda x: round(x, 2)), min_size=1, max_size=8)


@given(Values, Values)
def test_the_probability_of_improvement_counts_pairs(a: list[float], b: list[float]) -> None:
    wins = [1.0 if x > y else 0.5 if x == y else 0.0 for x, y in itertools.product(a, b)]
    assert probability_of_improvement(a, b) == pytest.approx(sum(wins) / len(wins))
    assert probability_of_improvement(b, a) == pytest.approx(1 - probability_of_improvement(a, b))
