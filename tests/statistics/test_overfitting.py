"""The probability of backtest overfitting: plain loops, and what it is where the truth is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from lstm_bench.statistics.overfitting import overfitting_probability
from lstm_bench.statistics.regression import regression_to_retrained


def by_a_plain_loop(series: np.ndarray, blocks: int, ratio: bool) -> tuple[float, list[float]]:
    size = series.shape[1] // blocks
    days = series[:, series.shape[1] - size * blocks :]
    logits = []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        inside = np.isin(np.arange(size * blocks) // size, chosen)
        performance = []
        for half in (days[:, inside], days[:, ~inside]):
            performance.append(half.mean(axis=1) / (half.std(axis=1, ddof=1) if ratio else 1.0))
        best = int(np.argmax(performance[0]))
        omega = rankdata(performance[1])[best] / (len(series) + 1)
        logits.append(math.log(omega / (1 - omega)))
    below = sum(1.0 if value < -1e-12 else 0.5 if abs(value) <= 1e-12 else 0.0 for value in logits)
    return below / len(logits), logits


@pytest.mark.parametrize("ratio", [True, False])
@pytest.mark.parametrize(("trials", "days", "blocks"), [(2, 20, 4), (5, 47, 6), (30, 83, 8)])
def test_it_is_that_of_a_plain_loop(trials: int, days: int, blocks: int, ratio: bool) -> None:
    series = np.random.default_rng(days).normal(5.0, 1.0, size=(trials, days))
    probability, logits = by_a_plain_loop(series, blocks, ratio)
    found = overfitting_probability(series, blocks=blocks, ratio=ratio)
    assert found is not None
    np.testing.assert_allclose(found.logits, logits, atol=1e-12)
    assert found.probability == pytest.approx(probability, abs=1e-12)
    assert found.days == days // blocks * blocks


def test_sixteen_blocks_have_12870_halves() -> None:
    found = overfitting_probability(np.random.default_rng(0).normal(size=(4, 500)))
    assert found is not None
    assert found.logits.shape == (12_870,)
    assert found.days == 496


def test_a_trial_that_is_always_best_is_not_overfitted() -> None:
    series = np.random.default_rng(0).normal(size=(10, 160))
    series[3] += 10
    found = overfitting_probability(series)
    assert found is not None
    assert found.probability == 0.0
    np.testing.assert_allclose(found.logits, math.log(10))


def test_what_was_good_on_one_half_alone_is_overfitted() -> None:
    """Trials whose blocks add up to the same: the better on one half, the worse on the other."""
    generator = np.random.default_rng(0)
    series = generator.normal(size=(20, 16, 10))
    series -= series.mean(axis=(1, 2), keepdims=True)
    found = overfitting_probability(series.reshape(20, 160), ratio=False)
    assert found is not None
    assert found.probability == 1.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.floats(-3, 3))
def test_units_and_a_common_return_change_no_mean_rank(seed: int, scale: float, shift: float) -> None:
    series = np.random.default_rng(seed).normal(size=(6, 64))
    plain = overfitting_probability(series, blocks=8, ratio=False)
    moved = overfitting_probability(scale * (series + shift), blocks=8, ratio=False)
    ratio = overfitting_probability(series, blocks=8)
    scaled = overfitting_probability(scale * series, blocks=8)
    assert None not in (plain, moved, ratio, scaled)
    assert plain.probability == moved.probability  # type: ignore[union-attr]
    assert ratio.probability == scaled.probability  # type: ignore[union-attr]


@pytest.mark.parametrize(("trials", "days"), [(1, 500), (0, 500), (5, 31)])
def test_too_few_trials_or_days_have_none(trials: int, days: int) -> None:
    assert overfitting_probability(np.zeros((trials, days))) is None


def test_constant_trials_share_their_rank() -> None:
    found = overfitting_probability(np.ones((3, 64)))
    assert found is not None
    assert found.probability == 0.5


def test_the_best_trial_regresses_to_its_retrained_seeds() -> None:
    found = regression_to_retrained(0.990, [0.990, 0.994, 0.996, 1.0], [0.992, 0.993])
    assert found is not None
    assert found.seeds == 2
    assert (found.average, found.retrained) == pytest.approx((0.995, 0.9925))
    assert found.remaining == pytest.approx(0.5)
    worse = regression_to_retrained(0.990, [0.990, 0.992], [0.993])
    assert worse is not None
    assert worse.remaining == pytest.approx(-2.0)
    alone = regression_to_retrained(0.990, [0.990], [0.993])
    assert alone is not None
    assert math.isnan(alone.remaining)
    assert regression_to_retrained(0.990, [0.990], []) is None
    assert regression_to_retrained(0.990, [], [0.990]) is None
