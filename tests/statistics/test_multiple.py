"""Holm's correction against statsmodels' definition, as a loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.statistics.multiple import holm


def test_the_example_of_three() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.02]) == (0.02,)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_it_rejects_what_the_step_down_test_rejects(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, at in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
            if p_values[at] * (len(p_values) - step) > level:
                break
            rejected.add(at)
        assert {at for at, p in enumerate(adjusted) if p <= level} == rejected
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


def test_a_missing_p_value_does_not_count() -> None:
    adjusted = holm([np.nan, 0.02, 0.03, np.nan])
    assert np.isnan([adjusted[0], adjusted[3]]).all()
    assert adjusted[1:3] == pytest.approx((0.04, 0.04))
