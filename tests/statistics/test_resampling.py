"""Resampling against plain loops and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lstm_bench.statistics.resampling import (
    bootstrap_mean,
    probability_of_improvement,
    signed_rank_p_value,
    stationary_bootstrap_mean,
)

Values = st.lists(st.floats(-1, 1).map(lambda x: round(x, 2)), min_size=1, max_size=8)


def test_the_bootstrap_of_a_mean_is_near_scipys() -> None:
    values = np.random.default_rng(1).normal(0.04, 0.01, 20)
    ours = bootstrap_mean(values)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.value == values.mean()
    assert ours.low == pytest.approx(theirs.low, abs=2e-4)
    assert ours.high == pytest.approx(theirs.high, abs=2e-4)
    assert bootstrap_mean(values) == ours, "the same values give the same interval"


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.75]])
def test_fewer_than_three_values_have_no_interval(values: list[float]) -> None:
    for estimate in (
        bootstrap_mean(values),
        stationary_bootstrap_mean(values),
        probability_of_improvement(values, [0.5, 0.6, 0.7]),
        probability_of_improvement([0.5, 0.6, 0.7], values),
    ):
        assert np.isnan([estimate.low, estimate.high]).all()
        assert not estimate.is_decided
    assert bootstrap_mean(values).value == np.mean(values)
    assert np.isnan(signed_rank_p_value(values))
    assert bootstrap_mean([*values, 0.1, 0.2]).is_decided
    assert np.isnan(bootstrap_mean([]).value)


def test_signed_ranks() -> None:
    differences = np.array([0.01, -0.02, 0.03, 0.04, 0.0, 0.05])
    assert signed_rank_p_value(differences) == stats.wilcoxon(differences[differences != 0]).pvalue
    # five differences of one sign: the two extreme ones of 2 ** 5 equally likely assignments
    assert signed_rank_p_value([1, 2, 3, 4, 5]) == pytest.approx(2 / 32)
    assert signed_rank_p_value([0.0, 0.0, 0.0]) == 1.0


@given(Values, Values)
def test_the_probability_of_improvement_counts_pairs(a: list[float], b: list[float]) -> None:
    wins = [1.0 if x > y else 0.5 if x == y else 0.0 for x, y in itertools.product(a, b)]
    estimate = probability_of_improvement(a, b, resamples=50)
    assert estimate.value == pytest.approx(sum(wins) / len(wins))
    assert probability_of_improvement(b, a, resamples=50).value == pytest.approx(1 - estimate.value)
    if min(len(a), len(b)) > 2:
        assert -1e-12 <= estimate.low <= estimate.high <= 1 + 1e-12


def test_the_interval_of_an_improvement_is_a_loop_over_drawn_seeds() -> None:
    a, b = np.array([0.1, 0.3, 0.4, 0.2]), np.array([0.2, 0.25, 0.1])
    generator = np.random.default_rng(3)
    shares = []
    for _ in range(4000):
        x, y = generator.choice(a, len(a)), generator.choice(b, len(b))
        shares.append(np.mean([(u > v) + 0.5 * (u == v) for u, v in itertools.product(x, y)]))
    estimate = probability_of_improvement(a, b)
    assert [estimate.low, estimate.high] == pytest.approx(np.quantile(shares, [0.025, 0.975]), abs=0.05)


def test_the_stationary_bootstrap_is_a_loop_over_blocks() -> None:
    generator = np.random.default_rng(4)
    series = np.convolve(generator.normal(0, 1, 205), np.ones(6), "valid")  # depends on its last days
    block, means = 8.0, []
    for _ in range(3000):
        days: list[int] = []
        while len(days) < len(series):
            start, length = generator.integers(len(series)), generator.geometric(1 / block)
            days += [int(start + k) % len(series) for k in range(length)]
        means.append(series[days[: len(series)]].mean())
    estimate = stationary_bootstrap_mean(series, block)
    assert [estimate.low, estimate.high] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.08)
    independent = bootstrap_mean(series)
    assert estimate.high - estimate.low > 1.5 * (independent.high - independent.low)


def test_blocks_of_one_day_are_the_ordinary_bootstrap() -> None:
    series = np.random.default_rng(5).normal(0, 1, 100)
    blocks, ordinary = stationary_bootstrap_mean(series, 1.0), bootstrap_mean(series)
    assert [blocks.low, blocks.high] == pytest.approx([ordinary.low, ordinary.high], abs=0.02)
