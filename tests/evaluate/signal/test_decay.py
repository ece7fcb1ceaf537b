from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.signal.decay import ic_decay
from lstm_bench.evaluate.signal.metrics import signal_metrics

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
Market = Callable[..., Panels]


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_correlations_are_those_of_pandas(market: Market, seed: int) -> None:
    score, label = market(seed, days=9)
    label = label.round(2)  # with ties
    got = ic_decay(score, label, lags=4)
    assert got.ic.shape == got.rank_ic.shape == (5, 9)
    for k in range(5):
        for t in range(9):
            if t + k > 8:
                assert np.isnan(got.ic[k, t])
                assert np.isnan(got.rank_ic[k, t])
                continue
            x, y = pd.Series(score[t]).astype(float), pd.Series(label[t + k]).astype(float)
            assert got.ic[k, t] == pytest.approx(x.corr(y), abs=1e-12)
            assert got.rank_ic[k, t] == pytest.approx(x.corr(y, method="spearman"), abs=1e-12)


def test_lag_0_is_the_ic(market: Market) -> None:
    score, label = market(1)
    rows = np.ones(score.shape, dtype=np.bool_)
    rows[:, ::3] = False
    got, wanted = ic_decay(score, label, rows), signal_metrics(score, label, rows)
    np.testing.assert_allclose(got.ic[0], wanted.ic, atol=1e-14)
    np.testing.assert_allclose(got.rank_ic[0], wanted.rank_ic, atol=1e-14)


def test_a_score_of_a_later_return_shows_at_its_lag(market: Market) -> None:
    _, label = market(2, days=30)
    score = np.full(label.shape, np.nan, dtype=np.float32)
    score[:-3] = label[3:]
    got = ic_decay(score, label, lags=5)
    np.testing.assert_allclose(got.ic[3, :-3], 1.0)
    assert np.abs(np.nanmean(got.rank_ic[[0, 1, 2, 4, 5]], axis=1)).max() < 0.3


def test_no_day_beyond_the_panel_is_looked_at(market: Market) -> None:
    score, label = market(3, days=10)
    whole, cut = ic_decay(score, label, lags=20), ic_decay(score[:6], label[:6], lags=20)
    for k in range(21):
        known = max(6 - k, 0)
        np.testing.assert_array_equal(whole.ic[k, :known], cut.ic[k, :known])
        assert np.isnan(cut.ic[k, known:]).all()


def test_constants_and_nothing() -> None:
    one = np.ones((3, 5))
    several = np.arange(15.0).reshape(3, 5)
    assert np.isnan(ic_decay(one, several, lags=1).ic).all()
    assert np.isnan(ic_decay(several, one, lags=1).rank_ic).all()
    assert np.isnan(ic_decay(np.full((3, 5), np.nan), several).ic).all()
    with pytest.raises(InputError, match="lags: got -1"):
        ic_decay(one, several, lags=-1)
