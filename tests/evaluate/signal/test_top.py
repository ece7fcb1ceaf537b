"""The return of the best fifth above that of all stocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.signal.top import top_returns

Panels = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def test_it_is_that_of_a_plain_loop(market: Callable[..., Panels]) -> None:
    score, label = market(1, days=20)
    rows = np.ones(score.shape, dtype=np.bool_)
    rows[:, 20:] = ~np.isnan(score[:, 20:])
    got = top_returns(score, label, rows)
    for t in range(len(score)):
        there = [j for j in range(score.shape[1]) if rows[t, j]]
        scored = [j for j in there if not np.isnan(score[t, j])]
        best = sorted(scored, key=lambda j: -score[t, j])[: int(len(there) * 0.2)]
        known = [float(label[t, j]) for j in best if not np.isnan(label[t, j])]
        everyone = [float(label[t, j]) for j in there if not np.isnan(label[t, j])]
        assert got[t] == pytest.approx(sum(known) / len(known) - sum(everyone) / len(everyone), rel=1e-9)


def test_its_best_fifth_is_that_of_the_long_short_returns(market: Callable[..., Panels]) -> None:
    score, label = market(2, days=15)
    up, down = top_returns(score, label), top_returns(-score, label)
    spread = signal_metrics(score, label, long_short=True).long_short
    assert spread is not None
    np.testing.assert_allclose((up - down) / 2, spread, rtol=1e-9)


def test_a_day_without_labels_or_with_fewer_than_five_stocks_has_none() -> None:
    score = np.array([[1.0, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, np.nan]])
    label = np.array([[1.0, 2, 3, 4, 5], [np.nan] * 5, [1, 2, 3, 4, np.nan]])
    np.testing.assert_array_equal(top_returns(score, label), [2.0, np.nan, np.nan])
    with pytest.raises(InputError, match="shapes"):
        top_returns(score, label[:2])
