from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.signal.stability import stability

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Market = Callable[..., Panels]


def earlier(
    score: npt.NDArray[np.floating], rows: npt.NDArray[np.bool_], lag: int
) -> npt.NDArray[np.float64]:
    """Score of each stock, ``lag`` of its rows earlier."""
    before = np.full(score.shape, np.nan)
    for j in range(score.shape[1]):
        there = np.flatnonzero(rows[:, j])
        for i in range(lag, len(there)):
            before[there[i], j] = score[there[i - lag], j]
    return before


@pytest.mark.parametrize("lag", [1, 3])
def test_all_by_a_plain_loop(market: Market, lag: int) -> None:
    score, _ = market(1, days=25)
    rows = ~np.isnan(score)
    rows[:, :6] = True  # rows without a score
    rows[8:14, 10:15] = False  # out of the universe for a while
    score = np.where(rows, score, np.float32(np.nan))
    got = stability(score, rows, lag)
    before = earlier(score, rows, lag)
    for t in range(len(score)):
        there = [j for j in range(score.shape[1]) if rows[t, j]]
        day_before = pd.Series(score[t - lag] if t >= lag else np.full(30, np.nan)).astype(float)
        assert got.autocorrelation[t] == pytest.approx(
            pd.Series(score[t]).astype(float).corr(day_before), abs=1e-12, nan_ok=True
        )
        now, then = pd.Series(score[t, there]), pd.Series(before[t, there])
        wanted = now.rank().corr(then.rank()) if t >= lag else np.nan
        assert got.rank_autocorrelation[t] == pytest.approx(wanted, abs=1e-12, nan_ok=True)
        size = len(there) // 5
        if min(now.notna().sum(), then.notna().sum()) < size:
            assert np.isnan(got.turnover_top[t])
            continue
        top = set(now.nlargest(size).index), set(then.nlargest(size).index)
        bottom = set(now.nsmallest(size).index), set(then.nsmallest(size).index)
        assert got.turnover_top[t] == 1 - len(top[0] & top[1]) / size
        assert got.turnover_bottom[t] == 1 - len(bottom[0] & bottom[1]) / size
    assert np.isfinite(got.turnover_top[lag + 1 :]).all()


@given(seed=st.integers(0, 1000), stocks=st.integers(10, 40))
@settings(max_examples=20)
def test_scores_that_stay_do_not_turn_over(seed: int, stocks: int) -> None:
    day = np.random.default_rng(seed).normal(size=stocks)
    got = stability(np.stack([day, 2 * day + 1, np.exp(day)]))
    np.testing.assert_allclose(got.autocorrelation[1], 1.0)
    np.testing.assert_allclose(got.rank_autocorrelation[1:], 1.0)
    np.testing.assert_array_equal(got.turnover_top[1:], 0.0)
    np.testing.assert_array_equal(got.turnover_bottom[1:], 0.0)
    assert all(np.isnan(series[0]) for series in got)


def test_scores_that_turn_round_swap_the_ends() -> None:
    day = np.arange(20.0)
    got = stability(np.stack([day, -day]))
    assert got.rank_autocorrelation[1] == pytest.approx(-1.0)
    assert got.turnover_top[1] == got.turnover_bottom[1] == 1.0


def test_ties_stay_in_the_order_of_instruments() -> None:
    got = stability(np.ones((2, 12)))
    assert np.isnan(got.rank_autocorrelation[1])  # there is no order to correlate
    assert got.turnover_top[1] == got.turnover_bottom[1] == 0.0
    # of five equal scores about the border, the top takes the first
    day = np.array([9.0, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    moved = np.array([9.0, 0, 0, 1, 1, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(stability(np.stack([day, day, moved])).turnover_top[1:], [0.0, 0.5])


def test_one_that_left_does_not_turn_over() -> None:
    first = np.arange(10.0)
    second = np.append(first[:9], np.nan)  # the best is gone: the next two are the top
    assert stability(np.stack([first, second])).turnover_top[1] == 0.0


def test_few_stocks_and_none() -> None:
    four = stability(np.arange(8.0).reshape(2, 4))
    assert four.rank_autocorrelation[1] == pytest.approx(1.0)
    assert np.isnan(four.turnover_top).all()
    assert all(np.isnan(series).all() for series in stability(np.full((3, 6), np.nan)))


@pytest.mark.parametrize(("name", "numbers"), [("lag", {"lag": 0}), ("parts", {"parts": 0})])
def test_numbers_are_checked(name: str, numbers: dict[str, int]) -> None:
    with pytest.raises(InputError, match=f"{name}: got 0, expected 1 or more"):
        stability(np.zeros((2, 3)), **numbers)  # type: ignore[arg-type]
