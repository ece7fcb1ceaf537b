from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from lstm_bench.data.arrays import Floats
from lstm_bench.evaluate.ensemble import average, ensemble_curve, standardized, subset_sizes, subsets
from lstm_bench.evaluate.signal.metrics import signal_metrics


def noise(*shape: int, seed: int = 0, missing: float = 0.0) -> Floats:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape)
    values[rng.random(shape) < missing] = np.nan
    return values


def test_z_scores_are_those_of_scipy() -> None:
    scores = noise(3, 7, 11, missing=0.2) * 1e-3 + 5
    expected = stats.zscore(scores, axis=-1, ddof=1, nan_policy="omit")
    np.testing.assert_allclose(standardized(scores), expected, rtol=1e-10, atol=1e-12)


def test_a_member_without_an_opinion_counts_as_zero() -> None:
    scores = noise(1, 3, 4)
    scores[0, 0] = 0.1 + 0.2
    scores[0, 1] = np.nan
    scores[0, 2] = [np.nan, 7.0, np.nan, np.nan]
    np.testing.assert_array_equal(
        standardized(scores)[0], [[0, 0, 0, 0], [np.nan] * 4, [np.nan, 0, np.nan, np.nan]]
    )


scales = st.floats(1e-3, 1e3)


@given(
    arrays.arrays(np.float64, (2, 3, 5), elements=st.floats(-10, 10).map(lambda x: round(x, 3))),
    scales,
    scales,
)
def test_z_scores_ignore_scale_and_shift(scores: Floats, scale: float, shift: float) -> None:
    np.testing.assert_allclose(standardized(scores * scale + shift), standardized(scores), atol=1e-6)


def test_the_average_is_over_the_members_that_have_a_score() -> None:
    members = noise(4, 5, 6, missing=0.4)
    got = average(members)
    assert got.dtype == np.float32
    for t, j in np.ndindex(5, 6):
        known = [members[k, t, j] for k in range(4) if not np.isnan(members[k, t, j])]
        expected = sum(known) / len(known) if known else np.nan
        assert got[t, j] == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_the_curve_of_three_members_is_that_of_all_subsets() -> None:
    scores, labels = noise(3, 30, 8, seed=1), noise(30, 8, seed=2).astype(np.float32)
    rows = np.ones(labels.shape, dtype=np.bool_)
    members = standardized(scores)
    curve = ensemble_curve(members, labels, rows, threads=2)
    expected = [subset for size in (1, 2, 3) for subset in itertools.combinations(range(3), size)]
    assert [point.members for point in curve] == [1, 1, 1, 2, 2, 2, 3]
    assert [point.draw for point in curve] == [0, 1, 2, 0, 1, 2, 0]
    for point, subset in zip(curve, expected, strict=True):
        total = sum(members[k] for k in subset) / len(subset)
        assert point.metrics == pytest.approx(signal_metrics(total, labels, rows).summary(), abs=1e-6)


def test_single_members_have_their_own_figures() -> None:
    scores, labels = noise(4, 40, 9, seed=3), noise(40, 9, seed=4).astype(np.float32)
    rows = np.ones(labels.shape, dtype=np.bool_)
    curve = ensemble_curve(standardized(scores), labels, rows)
    for point, member in zip(curve, scores, strict=False):
        assert point.metrics == pytest.approx(signal_metrics(member, labels, rows).summary(), abs=1e-5)


def test_averaging_many_noisy_views_of_a_signal_helps() -> None:
    signal = noise(300, 50, seed=5)
    scores = signal + 3 * noise(16, 300, 50, seed=6)
    labels = (signal + 2 * noise(300, 50, seed=7)).astype(np.float32)
    curve = ensemble_curve(standardized(scores), labels, np.ones(labels.shape, dtype=np.bool_), draws=8)
    by_size = {size: [p.metrics["IC"] for p in curve if p.members == size] for size in range(1, 17)}
    means = [float(np.mean(by_size[size])) for size in (1, 4, 16)]
    # corr(mean of k views, label) = 1 / sqrt((1 + 9 / k) * 5)
    assert means == pytest.approx([1 / math.sqrt((1 + 9 / k) * 5) for k in (1, 4, 16)], abs=0.02)
    assert len(by_size[16]) == 1


def test_a_curve_is_the_same_each_time() -> None:
    scores, labels = noise(6, 10, 5), noise(10, 5, seed=1).astype(np.float32)
    rows = np.ones(labels.shape, dtype=np.bool_)
    members = standardized(scores)
    once, again = (ensemble_curve(members, labels, rows, draws=5, threads=n) for n in (1, 3))
    assert once == again
    assert once != ensemble_curve(members, labels, rows, draws=5, seed=1)


@given(st.integers(1, 12), st.integers(1, 30), st.integers(0, 5))
def test_subsets_are_different_and_of_their_size(members: int, draws: int, seed: int) -> None:
    for size in range(1, members + 1):
        found = list(subsets(members, size, draws, np.random.default_rng(seed)))
        assert len(found) == len(set(found)) == min(draws, math.comb(members, size))
        assert all(len(set(subset)) == size and max(subset) < members for subset in found)


def test_members_are_drawn_alike() -> None:
    counts = np.zeros(8)
    generator = np.random.default_rng(0)
    for _ in range(400):
        for subset in subsets(8, 4, 10, generator):
            counts[list(subset)] += 1
    assert stats.chisquare(counts).pvalue > 0.001


def test_sizes_go_from_one_to_all() -> None:
    assert subset_sizes(1) == [1]
    assert subset_sizes(20) == list(range(1, 21))
    for members in (21, 64, 1000):
        sizes = subset_sizes(members)
        assert (sizes[0], sizes[-1]) == (1, members)
        assert sizes == sorted(set(sizes))
        assert len(sizes) <= 20
