"""The optimal block length against arch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.statistics.blocks import Dependence, dependence_of

Floats = npt.NDArray[np.float64]

RECORDED = [  # days, autocorrelation, block by arch 8.0.0
    (50, -0.5, 3.1531120852973387),
    (50, 0.0, 1.0201713010812814),
    (50, 0.3, 3.3109083457203443),
    (50, 0.8, 6.956689727999069),
    (871, -0.5, 14.665936503358544),
    (871, 0.0, 0.7061754873629412),
    (871, 0.3, 6.622503018161219),
    (871, 0.8, 19.27665358614899),
]


def autoregressive(days: int, rho: float, seed: int) -> Floats:
    shocks = np.random.default_rng(seed).normal(size=days)
    series = np.zeros(days)
    for t in range(days):
        series[t] = (rho * series[t - 1] if t else 0.0) + shocks[t]
    return series


@pytest.fixture(scope="module")
def arch() -> Any:
    return pytest.importorskip("arch.bootstrap", reason="not installed: a development dependency")


@given(days=st.integers(20, 900), rho=st.floats(-0.9, 0.95), seed=st.integers(0, 1000))
def test_the_block_is_archs(arch: Any, days: int, rho: float, seed: int) -> None:
    series = autoregressive(days, rho, seed)
    theirs = arch.optimal_block_length(series)["stationary"].iloc[0]
    # a block has a day or more
    assert dependence_of(series).block == pytest.approx(max(1.0, theirs), rel=1e-6)


@pytest.mark.parametrize(("days", "rho", "block"), RECORDED)
def test_the_block_is_that_of_arch_8(days: int, rho: float, block: float) -> None:
    assert dependence_of(autoregressive(days, rho, days)).block == pytest.approx(max(1.0, block))


@pytest.mark.parametrize("series", [[], [1.0], [1.0, 2.0, 4.0], [0.25] * 100, [1e9 + 0.1] * 100])
def test_a_series_without_a_pattern_has_blocks_of_a_day(series: list[float]) -> None:
    assert dependence_of(series).block == 1.0
    assert dependence_of(series).shortfall == 0.0


def test_neither_the_level_nor_the_scale_matters() -> None:
    series = autoregressive(300, 0.6, 1)
    assert dependence_of(1e-6 * series + 5e-6).block == pytest.approx(dependence_of(series).block)


def test_the_long_run_variance_of_an_autoregression() -> None:
    rho = 0.4
    found = [dependence_of(autoregressive(2000, rho, seed)) for seed in range(50)]
    assert np.mean([one.long_run_variance for one in found]) == pytest.approx(1 / (1 - rho) ** 2, rel=0.1)
    slope = 2 * rho / (1 - rho) ** 2 / (1 - rho**2)  # sum of abs(k) rho ** abs(k) / (1 - rho ** 2)
    assert np.mean([one.slope for one in found]) == pytest.approx(slope, rel=0.15)
    assert all(0 < one.shortfall < 0.5 for one in found)
    assert dependence_of(autoregressive(2000, -0.5, 1)).shortfall == 0.0


def test_what_the_subtracted_mean_removes_is_in_the_shortfall() -> None:
    series = autoregressive(60, 0.4, 3)
    found = dependence_of(series)
    assert 0 < found.missing_variance < 0.3
    plain = Dependence(found.days, found.long_run_variance, found.slope)
    assert plain.block == found.block
    assert found.shortfall > plain.shortfall
    # white noise: of the squares of T deviations a part of 1 / T is missing, and of each covariance
    shares = [dependence_of(autoregressive(60, 0.0, seed)) for seed in range(400)]
    variance = np.mean([one.long_run_variance for one in shares])
    missing = np.mean([one.missing_variance for one in shares])
    assert variance == pytest.approx(1 - missing, abs=0.06)
