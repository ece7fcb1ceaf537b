from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.signal.metrics import signal_metrics

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Market = Callable[..., Panels]


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_correlations_are_those_of_pandas(market: Market, seed: int) -> None:
    score, label = market(seed)
    got = signal_metrics(score, label)
    for t in range(len(score)):
        x, y = pd.Series(score[t]).astype(float), pd.Series(label[t]).astype(float)
        assert got.ic[t] == pytest.approx(x.corr(y), abs=1e-12)
        assert got.rank_ic[t] == pytest.approx(x.corr(y, method="spearman"), abs=1e-12)


def test_summary_is_over_the_days_that_have_a_value(market: Market) -> None:
    score, label = market(0)
    score[3] = np.nan
    score[4] = 1.0
    got = signal_metrics(score, label)
    assert np.isnan(got.ic[[3, 4]]).all()
    days = pd.Series(got.ic)
    assert got.summary()["IC"] == pytest.approx(days.mean())
    assert got.summary()["ICIR"] == pytest.approx(days.mean() / days.std())
    assert list(got.summary()) == ["IC", "ICIR", "Rank IC", "Rank ICIR"]


def test_long_short_by_a_plain_loop(market: Market) -> None:
    score, label = market(1)
    rows = np.ones(score.shape, dtype=np.bool_)
    rows[:, 20:] = ~np.isnan(score[:, 20:])
    got = signal_metrics(score, label, rows, long_short=True)
    assert got.long_short is not None
    assert got.long_average is not None
    for t in range(len(score)):
        there = [j for j in range(score.shape[1]) if rows[t, j]]
        fifth = int(len(there) * 0.2)
        best = sorted((j for j in there if not np.isnan(score[t, j])), key=lambda j: -score[t, j])[:fifth]
        worst = sorted((j for j in there if not np.isnan(score[t, j])), key=lambda j: score[t, j])[:fifth]
        spread = (np.nanmean(label[t, best]) - np.nanmean(label[t, worst])) / 2
        assert got.long_short[t] == pytest.approx(spread, abs=1e-8)
        assert got.long_average[t] == pytest.approx(np.nanmean(label[t, there]), abs=1e-8)
    assert got.summary()["Long-Avg Ann Return"] == pytest.approx(got.long_average.mean() * 252)


@given(st.integers(0, 100), st.sampled_from([0.5, 3.0]), st.sampled_from([-2.0, 0.0]))
@settings(max_examples=20)
def test_rank_ic_sees_the_order_alone_and_ic_no_scale(
    market: Market, seed: int, scale: float, shift: float
) -> None:
    score, label = market(seed)
    base = signal_metrics(score.astype(np.float64), label)
    moved = signal_metrics(score.astype(np.float64) * scale + shift, label)
    np.testing.assert_allclose(base.ic, moved.ic, atol=1e-12)
    warped = signal_metrics(np.exp(score.astype(np.float64)), label)
    np.testing.assert_allclose(base.rank_ic, warped.rank_ic, atol=1e-12)
    np.testing.assert_allclose(signal_metrics(-score, label).rank_ic, -base.rank_ic, atol=1e-12)


def test_perfect_and_single_scores() -> None:
    label = np.array([[0.1, 0.2, 0.4], [0.1, np.nan, np.nan]], dtype=np.float32)
    got = signal_metrics(label.copy(), label)
    assert got.ic[0] == pytest.approx(1.0)
    assert got.rank_ic[0] == pytest.approx(1.0)
    assert np.isnan(got.ic[1])
    assert np.isnan(got.summary()["ICIR"])  # one day has no spread


def test_nothing_at_all() -> None:
    empty = np.full((3, 4), np.nan, dtype=np.float32)
    assert all(np.isnan(value) for value in signal_metrics(empty, empty, long_short=True).summary().values())


def test_shapes_are_checked() -> None:
    with pytest.raises(InputError, match=r"score and label: got the shapes \(2, 3\) and \(3, 2\)"):
        signal_metrics(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(InputError, match="rows"):
        signal_metrics(np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 2), dtype=np.bool_))


def test_a_single_day_has_means_and_no_spread(market: Market) -> None:
    score, label = market(2, days=1)
    summary = signal_metrics(score, label, long_short=True).summary()
    finite = {name for name, value in summary.items() if np.isfinite(value)}
    assert finite == {"IC", "Rank IC", "Long-Short Ann Return", "Long-Avg Ann Return"}


def test_a_single_stock_has_no_order(market: Market) -> None:
    score, label = market(3, stocks=1)
    got = signal_metrics(score, label, long_short=True)
    assert got.long_short is not None
    assert got.long_average is not None
    for series in (got.ic, got.rank_ic, got.long_short):  # a fifth of one stock is none
        assert np.isnan(series).all()
    np.testing.assert_array_equal(got.long_average, label[:, 0].astype(np.float64))


def test_days_without_scores_do_not_count(market: Market) -> None:
    score, label = market(4)
    empty = score.copy()
    empty[[0, 5]] = np.nan
    kept = np.delete(np.arange(len(score)), [0, 5])
    everywhere = np.ones(score.shape, dtype=np.bool_)
    got = signal_metrics(empty, label, everywhere).summary()
    assert got == signal_metrics(score[kept], label[kept], everywhere[kept]).summary()
