"""Student's t against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lstm_bench.statistics.seed_interval import mean_interval


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("n", [3, 20])
def test_the_interval_is_scipys(n: int, level: float) -> None:
    values = np.random.default_rng(n).normal(0.04, 0.01, n)
    found, theirs = mean_interval(values, level), stats.ttest_1samp(values, 0.0).confidence_interval(level)
    assert found.value == values.mean()
    assert [found.low, found.high] == pytest.approx([theirs.low, theirs.high])


def test_fewer_than_three_seeds_have_no_interval() -> None:
    for values in ([0.5], [0.5, 0.75]):
        found = mean_interval(values)
        assert found.value == np.mean(values)
        assert not found.is_decided
        assert np.isnan([found.low, found.high]).all()
    assert np.isnan(mean_interval([]).value)
    assert mean_interval([0.5, 0.5, 0.5]).is_decided
