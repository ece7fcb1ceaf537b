from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.signal.groups import group_returns

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Market = Callable[..., Panels]


def test_groups_by_a_plain_loop(market: Market) -> None:
    score, label = market(1, days=20)
    rows = np.ones(score.shape, dtype=np.bool_)
    rows[:, 20:] = ~np.isnan(score[:, 20:])
    got = group_returns(score, label, rows)
    for t in range(len(score)):
        scored = [j for j in range(score.shape[1]) if rows[t, j] and not np.isnan(score[t, j])]
        ordered = sorted(scored, key=lambda j: -score[t, j])
        size = len(ordered) // 5
        means = [
            np.nanmean(label[t, ordered[i * size : (i + 1) * size]].astype(np.float64)) for i in range(5)
        ]
        np.testing.assert_allclose(got.groups[:, t], means, atol=1e-15)
        assert got.spread[t] == pytest.approx(means[0] - means[4], abs=1e-15)
        average = np.nanmean(label[t, rows[t]].astype(np.float64))
        assert got.excess[t] == pytest.approx(means[0] - average, abs=1e-15)


@given(seed=st.integers(0, 1000), groups=st.integers(2, 6), size=st.integers(1, 7))
@settings(max_examples=30)
def test_equal_groups_average_to_the_universe(seed: int, groups: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    score, label = rng.normal(size=(2, 5, groups * size))
    got = group_returns(score, label, groups=groups)
    np.testing.assert_allclose(got.groups.mean(axis=0), label.mean(axis=1), atol=1e-14)


def test_the_lowest_that_are_left_over_are_in_no_group() -> None:
    score = -np.arange(13.0)[None]
    label = np.arange(13.0)[None]
    got = group_returns(score, label)
    np.testing.assert_array_equal(got.groups[:, 0], [0.5, 2.5, 4.5, 6.5, 8.5])
    assert (got.spread[0], got.excess[0]) == (-8.0, 0.5 - 6.0)


def test_ties_go_by_instrument() -> None:
    got = group_returns(np.ones((1, 5)), np.arange(5.0)[None])
    np.testing.assert_array_equal(got.groups[:, 0], np.arange(5.0))


def test_few_stocks_and_none() -> None:
    four = np.arange(4.0)[None]
    assert np.isnan(group_returns(four, four).groups).all()
    empty = np.full((3, 8), np.nan)
    got = group_returns(empty, empty)
    assert all(np.isnan(value) for section in got.summary().values() for value in section.values())


def test_summary(market: Market) -> None:
    score, label = market(3)
    score[4] = np.nan
    got = group_returns(score, label)
    summary = got.summary()
    assert list(summary) == [*(f"group_{i}" for i in range(1, 6)), "group_spread", "group_excess"]
    known = got.spread[~np.isnan(got.spread)]
    assert len(known) == len(score) - 1
    section = summary["group_spread"]
    assert section["total_return"] == pytest.approx(known.sum())
    assert section["annualized_return"] == pytest.approx(known.mean() * 252)
    assert section["sharpe"] == pytest.approx(known.mean() / known.std(ddof=1) * 252**0.5)


def test_one_group_is_none() -> None:
    with pytest.raises(InputError, match="groups: got 1"):
        group_returns(np.zeros((2, 3)), np.zeros((2, 3)), groups=1)
