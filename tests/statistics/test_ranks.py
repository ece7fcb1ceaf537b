"""Statistics of ranks against plain loops and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lstm_bench.statistics.ranks import probability_of_improvement, signed_rank_p_value

Values = st.lists(st.floats(-1, 1).map(lambda x: round(x, 2)), min_size=1, max_size=8)


def test_signed_ranks() -> None:
    differences = np.array([0.01, -0.02, 0.03, 0.04, 0.0, 0.05])
    assert signed_rank_p_value(differences) == stats.wilcoxon(differences[differences != 0]).pvalue
    # five differences of one sign: the two extreme ones of 2 ** 5 equally likely assignments
    assert signed_rank_p_value([1, 2, 3, 4, 5]) == pytest.approx(2 / 32)
    assert signed_rank_p_value([0.0, 0.0, 0.0]) == 1.0
    assert np.isnan(signed_rank_p_value([0.5, 0.75]))


@given(Values, Values)
def test_the_probability_of_improvement_counts_pairs(a: list[float], b: list[float]) -> None:
    wins = [1.0 if x > y else 0.5 if x == y else 0.0 for x, y in itertools.product(a, b)]
    assert probability_of_improvement(a, b) == pytest.approx(sum(wins) / len(wins))
    assert probability_of_improvement(b, a) == pytest.approx(1 - probability_of_improvement(a, b))
