"""The closed form of the stationary bootstrap against plain loops and against drawn samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.statistics.stationary import StationaryBootstrap

Floats = npt.NDArray[np.float64]


def draw(generator: np.random.Generator, days: int, block: float) -> list[int]:
    """Draw the days of one sample."""
    drawn: list[int] = []
    while len(drawn) < days:
        start, length = generator.integers(days), generator.geometric(1 / block)
        drawn += [int(start + k) % days for k in range(length)]
    return drawn[:days]


def test_the_covariances_are_those_of_drawn_samples() -> None:
    generator = np.random.default_rng(4)
    panel = np.stack([np.convolve(generator.normal(0, 1, 65), np.ones(6), "valid") for _ in range(2)])
    panel[1] += 0.5 * panel[0]
    bootstrap = StationaryBootstrap(60, 5.0)
    means = np.array([panel[:, draw(generator, 60, 5.0)].mean(axis=1) for _ in range(4000)])
    assert bootstrap.covariance(panel) == pytest.approx(np.cov(means.T), rel=0.12)


@given(st.integers(3, 40), st.floats(1, 15), st.integers(0, 1000))
def test_the_variance_is_a_loop_over_lags(days: int, block: float, seed: int) -> None:
    panel = np.random.default_rng(seed).normal(size=(2, days))
    bootstrap = StationaryBootstrap(days, block)
    deviations = panel - panel.mean(axis=1, keepdims=True)
    expected = np.zeros((2, 2))
    for lag in range(days):  # lemma 1 of Politis and Romano
        covariances = deviations[:, lag:] @ deviations[:, : days - lag].T / days
        both = covariances + covariances.T if lag else covariances
        weight = (1 - lag / days) * (1 - 1 / block) ** lag + lag / days * (1 - 1 / block) ** (days - lag)
        expected += (weight if lag else 1.0) * both / days
    assert bootstrap.covariance(panel) == pytest.approx(expected)
    assert bootstrap.variance(panel) == pytest.approx(np.diag(expected))


def test_blocks_of_one_day_are_independent_days() -> None:
    series = np.random.default_rng(5).normal(size=100)
    bootstrap = StationaryBootstrap(100, 1.0)
    assert bootstrap.variance(series) * bootstrap.inflation == pytest.approx(series.var(ddof=1) / 100)
    assert bootstrap.degrees_of_freedom == pytest.approx(99)


def test_longer_blocks_leave_fewer_degrees_of_freedom() -> None:
    freedoms = [StationaryBootstrap(250, block).degrees_of_freedom for block in (1, 2, 5, 10, 40)]
    assert freedoms == sorted(freedoms, reverse=True)
    assert freedoms[-1] > 1
    # a chi-squared variable over its mean varies by 2 / freedom; blocks of 5 days, white noise
    generator = np.random.default_rng(6)
    drawn = StationaryBootstrap(250, 5.0).variance(generator.normal(size=(4000, 250)))
    assert 2 / (drawn.var() / drawn.mean() ** 2) == pytest.approx(freedoms[2], rel=0.1)
