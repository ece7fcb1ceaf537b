"""The confidence set against arch's, which knows days only, and against what must hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.statistics.confidence_set import confidence_set
from lstm_bench.statistics.nested import nested_difference

Floats = npt.NDArray[np.float64]


def rows_of(means: list[float], seeds: list[int], *, spread: float = 0.0, number: int = 0) -> list[Floats]:
    """Draw rows that share most of their days."""
    generator = np.random.default_rng(number)
    common = generator.normal(0, 0.15, (1, 300))
    return [
        mean + common + spread * generator.normal(size=(k, 1)) + 0.03 * generator.normal(size=(k, 300))
        for mean, k in zip(means, seeds, strict=True)
    ]


def test_rows_that_are_far_behind_are_outside() -> None:
    rows = rows_of([0.05, 0.02, 0.049, 0.0, 0.048], [3, 5, 1, 20, 10])
    assert confidence_set(rows) == (True, False, True, False, True)
    assert confidence_set(rows) == confidence_set(rows), "its generator has a fixed seed"


def test_without_seeds_it_is_archs_set() -> None:
    arch: Any = pytest.importorskip("arch.bootstrap", reason="not installed: a development dependency")
    agreed = 0
    for number in range(8):
        means = [0.05, 0.048, 0.045, 0.04, 0.03, 0.05]
        rows = rows_of(means, [1] * 6, number=number)
        theirs = arch.MCS(
            -np.concatenate(rows).T,
            size=0.1,
            reps=300,
            block_size=2,
            method="R",
            bootstrap="stationary",
            seed=1,
        )
        theirs.compute()
        ours = {at for at, inside in enumerate(confidence_set(rows)) if inside}
        agreed += ours == set(theirs.included)
    assert agreed >= 7, "on the border both depend on what they draw"


def test_two_rows_are_told_apart_as_by_their_difference() -> None:
    told = []
    for number in range(40):
        a, b = rows_of([0.0, 0.012], [5, 4], spread=0.007, number=number)
        told.append((not all(confidence_set([a, b])), nested_difference(a, b).p_value))
    # the difference is a little more careful with few seeds
    assert all(apart for apart, p_value in told if p_value < 0.08)
    assert not any(apart for apart, p_value in told if p_value > 0.16)
    assert 5 < sum(apart for apart, _ in told) < 35


def test_few_seeds_keep_a_row_in() -> None:
    lows = [confidence_set(rows_of([0.05, 0.04], [k, k], spread=0.005, number=1))[1] for k in (2, 20)]
    assert lows == [True, False]


def test_equal_rows_stay_together() -> None:
    (row,) = rows_of([0.05], [3])
    assert confidence_set([row, row.copy(), row - 0.03]) == (True, True, False)
    assert confidence_set([row, row + 1e-9]) == (True, True)
    constant = np.zeros((3, 50))
    assert confidence_set([constant, constant + 1.0]) == (False, True)


@settings(max_examples=20)
@given(st.permutations(range(4)), st.floats(0.1, 10))
def test_neither_order_nor_scale_matters(order: list[int], scale: float) -> None:
    rows = rows_of([0.05, 0.03, 0.0, 0.049], [3, 1, 5, 4])
    inside = confidence_set(rows)
    assert inside == (True, False, False, True)
    assert confidence_set([scale * rows[at] for at in order]) == tuple(inside[at] for at in order)


def test_ratios_and_missing_days() -> None:
    rows = rows_of([0.05, 0.02, 0.05], [3, 3, 1])
    rows[1][:, 17] = np.nan
    rows[0][1, 3:9] = np.nan
    assert confidence_set(rows, "ratio") == (True, False, True)


def test_nothing_to_compare() -> None:
    assert confidence_set([]) == ()
    assert confidence_set([np.zeros((3, 10))]) == (True,)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="panels have 10, 11 days; expected the same"):
        confidence_set([np.zeros((3, 10)), np.zeros((3, 11))])
    first, second = np.full((3, 4), np.nan), np.full((3, 4), np.nan)
    first[:, :3], second[:, 1:] = 1.0, 2.0
    with pytest.raises(ValueError, match="panels: got 2 days that all rows have; expected 3 or more"):
        confidence_set([first, second])
    with pytest.raises(ValueError, match="panels: 1 without a value of the statistic"):
        confidence_set([*rows_of([0.1], [3]), np.zeros((3, 300))], "ratio")
