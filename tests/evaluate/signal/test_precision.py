from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.signal.precision import precision

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Market = Callable[..., Panels]


def test_shares_by_a_plain_loop(market: Market) -> None:
    score, label = market(1, days=20)
    rows = np.ones(score.shape, dtype=np.bool_)
    rows[:, 20:] = ~np.isnan(score[:, 20:])
    got = precision(score, label, rows)
    for t in range(len(score)):
        there = [j for j in range(score.shape[1]) if rows[t, j]]
        fifth = int(len(there) * 0.2)
        scored = [j for j in there if not np.isnan(score[t, j])]
        best = sorted(scored, key=lambda j: -score[t, j])[:fifth]
        worst = sorted(scored, key=lambda j: score[t, j])[:fifth]
        middle = np.nanmean(label[t, there].astype(np.float64))
        for bound, long, short in (
            (0.0, got.long[t], got.short[t]),
            (middle, got.long_excess[t], got.short_excess[t]),
        ):
            rose = [float(label[t, j]) > bound for j in best if not np.isnan(label[t, j])]
            fell = [float(label[t, j]) < bound for j in worst if not np.isnan(label[t, j])]
            assert long == sum(rose) / len(rose)
            assert short == sum(fell) / len(fell)


def test_scores_that_are_the_labels_are_right_about_the_mean(market: Market) -> None:
    _, label = market(2)
    got = precision(label.copy(), label, ~np.isnan(label))
    assert (got.long_excess == 1.0).all()
    assert (got.short_excess == 1.0).all()
    turned = precision(-label, label, ~np.isnan(label))
    assert (turned.long_excess == 0.0).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_the_negative_of_all_swaps_long_and_short(market: Market, seed: int) -> None:
    score, label = market(seed)
    got, turned = precision(score, label), precision(-score, -label)
    np.testing.assert_array_equal(got.long, turned.short)
    np.testing.assert_array_equal(got.short_excess, turned.long_excess)


def test_ties_go_by_instrument() -> None:
    score = np.zeros((1, 10))
    label = np.array([[1.0, -1.0, *[-1.0] * 8]])
    got = precision(score, label)
    assert got.long[0] == got.short[0] == 0.5  # both take the first two


def test_few_stocks_and_none() -> None:
    four = np.arange(4.0)[None]
    assert np.isnan(np.concatenate(precision(four, four))).all()  # a fifth of four is none
    empty = np.full((3, 8), np.nan)
    assert np.isnan(np.concatenate(precision(empty, empty))).all()
    # nothing is known of the best, and a return of 0 is neither
    label = np.array([[np.nan, 0.0, 0.0, 0.0, 0.0]])
    got = precision(np.array([[5.0, 4.0, 3.0, 2.0, 1.0]]), label)
    assert np.isnan(got.long[0])
    assert got.short[0] == 0.0


def test_shapes_are_checked() -> None:
    with pytest.raises(InputError, match=r"score and label: got the shapes \(2, 3\) and \(3, 2\)"):
        precision(np.zeros((2, 3)), np.zeros((3, 2)))
