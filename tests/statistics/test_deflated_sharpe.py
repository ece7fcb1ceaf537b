"""The deflated Sharpe ratio: the example of its paper, plain loops, and its limits."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lstm_bench.statistics.deflated_sharpe import (
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    probabilistic_sharpe,
)

DAYS = 250


def test_the_example_of_the_paper() -> None:
    """Five years of days, an annualised Sharpe ratio of 2.5, skewness -3, kurtosis 10, variance of the trials 1/2."""
    ratio, variance = 2.5 / math.sqrt(DAYS), 0.5 / DAYS
    for trials, probability in ((100, 0.9004), (46, 0.9505)):
        expected = expected_maximum(trials, variance)
        if trials == 100:
            assert expected == pytest.approx(0.1132, abs=5e-5)
        found = probabilistic_sharpe(ratio, expected, 5 * DAYS, skewness=-3.0, kurtosis=10.0)
        assert found == pytest.approx(probability, abs=5e-5)
    # normal returns, 88 trials
    expected = expected_maximum(88, variance)
    assert probabilistic_sharpe(ratio, expected, 5 * DAYS, 0.0, 3.0) == pytest.approx(0.9505, abs=5e-4)


@pytest.mark.parametrize("trials", [10, 50, 300])
def test_the_expected_maximum_is_that_of_normal_values(trials: int) -> None:
    largest = np.random.default_rng(trials).normal(0.0, 0.2, size=(20_000, trials)).max(axis=1)
    assert expected_maximum(trials, 0.04) == pytest.approx(largest.mean(), rel=0.02)


@pytest.mark.parametrize("trials", [0.5, 1.0, 1.0001, 1.2])
def test_one_trial_is_no_selection(trials: float) -> None:
    assert expected_maximum(trials, 1.0) == 0.0


def test_all_figures_by_a_plain_loop() -> None:
    series = np.random.default_rng(3).standard_t(4, size=(6, 200)) * 0.01 + 0.0005
    ratios = []
    for one in series:
        mean = sum(one) / len(one)
        ratios.append(mean / math.sqrt(sum((x - mean) ** 2 for x in one) / (len(one) - 1)))
    pairs = [stats.pearsonr(series[i], series[j])[0] for i in range(6) for j in range(i)]
    rho = max(0.0, sum(pairs) / len(pairs))
    effective = rho + (1 - rho) * 6
    normal = NormalDist()
    spread = math.sqrt(sum((x - sum(ratios) / 6) ** 2 for x in ratios) / 5)
    euler = 0.57721566490153286
    expected = spread * (
        (1 - euler) * normal.inv_cdf(1 - 1 / 6) + euler * normal.inv_cdf(1 - 1 / (6 * math.e))
    )
    for chosen in (None, 4):
        row = int(np.argmax(ratios)) if chosen is None else chosen
        skewness, kurtosis = stats.skew(series[row]), stats.kurtosis(series[row], fisher=False)
        error = math.sqrt((1 - skewness * ratios[row] + (kurtosis - 1) / 4 * ratios[row] ** 2) / 199)
        found = deflated_sharpe(series, chosen)
        assert found is not None
        assert found.sharpe == pytest.approx(ratios[row], rel=1e-12)
        assert found.trials == 6
        assert found.effective == pytest.approx(effective, rel=1e-12)
        assert found.expected == pytest.approx(expected, rel=1e-12)
        assert found.probability == pytest.approx(stats.norm.cdf((ratios[row] - expected) / error), rel=1e-9)
        assert found.p_value == 1 - found.probability


def test_equal_trials_are_one_and_independent_ones_are_all() -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=500)
    assert effective_trials(np.stack([one, one, one])) == pytest.approx(1.0)
    assert effective_trials(generator.normal(size=(20, 5000))) == pytest.approx(20, rel=0.02)
    # a negative mean correlation cannot make more trials than there were
    assert effective_trials(np.stack([one, -one])) == 2.0
    assert effective_trials(one[None]) == 1.0
    assert effective_trials(one[None], tried=7) == 7.0
    assert effective_trials(np.stack([one, one + generator.normal(size=500)]), tried=30) > 2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 100))
def test_more_trials_never_make_a_result_more_significant(seed: int, trials: int, more: int) -> None:
    series = np.random.default_rng(seed).normal(size=(trials, 50))
    fewer, many = deflated_sharpe(series), deflated_sharpe(series, tried=trials + more)
    assert fewer is not None
    assert many is not None
    assert many.expected >= fewer.expected
    assert many.probability <= fewer.probability


@pytest.mark.parametrize(
    "series", [np.zeros((1, 50)), np.zeros((3, 2)), np.zeros((3, 50)), np.tile([0.5, 1.0], (2, 1))]
)
def test_what_has_no_sharpe_ratio_has_none(series: np.ndarray) -> None:
    assert deflated_sharpe(series) is None


def test_a_series_of_two_values_has_a_finite_probability() -> None:
    series = np.tile([1.0, -1.0], (2, 50))
    series[1, :60] = 1.0
    found = deflated_sharpe(series)
    assert found is not None
    assert 0 <= found.probability <= 1


def test_real_skill_is_significant() -> None:
    generator = np.random.default_rng(1)
    series = generator.normal(0.0, 1.0, size=(30, 500))
    series[7] += 0.5
    found = deflated_sharpe(series)
    assert found is not None
    assert found.p_value < 0.01
