from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstm_bench.evaluate.ranking import best_first, rising_order

VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 5e-324]),
    st.floats(width=32, allow_subnormal=True),
)


@given(hnp.arrays(np.float64, st.integers(0, 40), elements=VALUES))
def test_rising_order_is_numpys_stable_order(values: npt.NDArray[np.float64]) -> None:
    np.testing.assert_array_equal(rising_order(values), np.argsort(values, kind="stable"))


def test_rising_order_of_many_doubles() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    np.testing.assert_array_equal(rising_order(values), np.argsort(values, kind="stable"))


def test_best_first_settles_ties_and_gaps_by_column() -> None:
    score = np.array([1.0, np.nan, 3.0, 3.0, np.nan, -2.0])
    np.testing.assert_array_equal(best_first(np.arange(6), score), [2, 3, 0, 5, 1, 4])
    np.testing.assert_array_equal(best_first(np.array([0, 1, 3]), score), [3, 0, 1])
