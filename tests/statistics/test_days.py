"""The interval of one daily series."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lstm_bench.statistics.blocks import dependence_of
from lstm_bench.statistics.days import daily_interval
from lstm_bench.statistics.estimate import FEWEST_DAYS


def test_days_that_do_not_depend_on_each_other_have_nearly_students_interval() -> None:
    white = next(
        values
        for values in (np.random.default_rng(k).normal(0.04, 0.15, 200) for k in range(200))
        if dependence_of(values).block == 1.0
    )
    found = daily_interval(white)
    theirs = stats.ttest_1samp(white, 0.0).confidence_interval()
    assert found.value == pytest.approx(white.mean())
    # blocks of a day: a third of the degrees of freedom, and what blocks miss, widen it by a little
    assert found.high - found.low == pytest.approx(theirs.high - theirs.low, rel=0.05)
    assert found.high - found.low >= theirs.high - theirs.low - 1e-12


def test_days_that_depend_on_each_other_have_a_wider_interval() -> None:
    series = np.convolve(np.random.default_rng(3).normal(size=505), np.ones(6), "valid")
    found, theirs = daily_interval(series), stats.ttest_1samp(series, 0.0).confidence_interval()
    # six days move together: the standard error is near the root of six times that of independent days
    assert 1.8 < (found.high - found.low) / (theirs.high - theirs.low) < 3.0


def test_missing_days_are_left_out() -> None:
    series = np.random.default_rng(4).normal(size=80)
    with_gaps = np.insert(series, [10, 30, 30], np.nan)
    assert daily_interval(with_gaps) == daily_interval(series)
    assert daily_interval(series, "ratio", scale=2.0).value == pytest.approx(
        2 * series.mean() / series.std(ddof=1)
    )


def test_fewer_days_than_an_interval_needs_have_none() -> None:
    series = np.random.default_rng(5).normal(size=FEWEST_DAYS)
    assert daily_interval(series).is_decided
    found = daily_interval([*series[1:], np.nan])
    assert found.value == pytest.approx(series[1:].mean())
    assert not found.is_decided
