"""Vector formulas against double precision."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numba import types

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.generated import generated
from lstm_bench.model.paths.cpu.lanes import (
    LANE_BYTES,
    LANES,
    Lanes,
    exponential,
    exponential_minus_1,
)

Array = npt.NDArray[np.float32]


@generated(types.intp, types.intp)
def _evaluate(builder: Any, source: Any, target: Any) -> None:
    """Four functions of a vector, one after the other."""
    x = Lanes.load(builder, source)
    for result in (exponential(x), exponential(x, -0.5), exponential_minus_1(x, 2.0), x.within(3.0)):
        result.store(target)
        target = builder.add(target, target.type(LANE_BYTES))


@kernel()
def evaluate(source: Any, target: Any) -> None:
    for group in range(len(source)):
        _evaluate(np.intp(source[group].ctypes.data), np.intp(target[group].ctypes.data))


def results(numbers: list[float] | npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """Inputs ``[n]`` and results ``[4, n]``."""
    groups = -(-len(numbers) // LANES)
    source = np.zeros((groups, LANES), np.float32)
    source.flat[: len(numbers)] = numbers
    target = np.empty((groups, 4, LANES), np.float32)
    evaluate(source, target)
    return source.ravel()[: len(numbers)], target.transpose(1, 0, 2).reshape(4, -1)[:, : len(numbers)]


def test_exponentials_have_the_digits_of_single_precision() -> None:
    x, given = results(np.linspace(-30, 30, 20_001))
    exact = x.astype(np.float64)
    np.testing.assert_allclose(
        given[0], np.exp(exact), rtol=4e-6
    )  # of an exponent of 30, the last bit is 2e-6
    np.testing.assert_allclose(given[1], np.exp(-0.5 * exact), rtol=2e-6)
    near, given = results(np.linspace(-1, 1, 20_001))
    np.testing.assert_allclose(given[0], np.exp(near.astype(np.float64)), rtol=3e-7)


def test_a_small_exponential_less_1_keeps_its_digits() -> None:
    x, given = results([*np.geomspace(1e-30, 0.5, 500), *-np.geomspace(1e-30, 0.5, 500), 0.0])
    np.testing.assert_allclose(given[2], np.expm1(2.0 * x.astype(np.float64)), rtol=5e-7)


def test_nan_goes_through_and_numbers_stay_within_bounds() -> None:
    _, given = results([np.nan, np.inf, -np.inf, 2.5, -2.5, 3.5])
    assert np.isnan(given[:, 0]).all()
    assert given[3, 1:].tolist() == [3.0, -3.0, 2.5, -2.5, 3.0]


def test_bounds_do_not_move_what_lies_within() -> None:
    x, given = results([0.1, -0.0])
    assert given[3].tolist() == x.tolist()
    assert np.signbit(given[3, 1])


@pytest.mark.parametrize("count", [1, 15, 16, 17])
def test_every_lane_is_its_own(count: int) -> None:
    x, given = results(np.arange(count) / 8)
    np.testing.assert_allclose(given[0], np.exp(x.astype(np.float64)), rtol=1e-6)


SHORT_VECTORS = """
import torch
from lstm_bench.model.paths.cpu.lanes import LANES
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.lstm import LSTM

torch.manual_seed(0)
model, windows = LSTM(5, 20, 2, 0.0), torch.randn(30, 6, 5)
compiled = CompiledLSTM(model)
scores = compiled.training_scores(windows, torch.Generator())
compiled.set_grads(torch.autograd.grad(scores.square().sum(), compiled.leaves))
given = [scores.detach(), *(parameter.grad.clone() for parameter in model.parameters())]
model.zero_grad()
torch.autograd.backward(model(windows).square().sum())
exact = [model(windows).detach(), *(parameter.grad for parameter in model.parameters())]
print(LANES, all(torch.allclose(*pair, rtol=1e-4, atol=1e-5) for pair in zip(given, exact, strict=True)))
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="needs the instructions of x86-64")
def test_processors_without_avx512_have_vectors_of_eight() -> None:
    older = {**os.environ, "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}
    done = subprocess.run(
        [sys.executable, "-c", SHORT_VECTORS], env=older, capture_output=True, text=True, check=False
    )
    assert done.stdout == "8 True\n", done.stderr
