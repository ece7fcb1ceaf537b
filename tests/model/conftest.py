"""Samples of noise with a planted relation, without any data folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.timing import NoiseWindows

MakeSamples = Callable[..., SampleSet]


@pytest.fixture
def make_samples() -> MakeSamples:
    def make(samples: int = 130, seed: int = 0, missing: float = 0.0, dtype: type = np.float32) -> SampleSet:
        rng = np.random.default_rng(seed)
        values = rng.standard_normal((samples, 5, 3)).astype(np.float32)
        labels: npt.NDArray[Any] = (
            values[:, -1, 0] * values[:, -2, 1] + 0.1 * rng.standard_normal(samples)
        ).astype(dtype)
        labels[rng.random(samples) < missing] = np.nan
        return SampleSet(
            segment="train",
            key="learn",
            days=np.arange(samples, dtype=np.int64),
            instruments=np.zeros(samples, dtype=np.int64),
            labels=labels,
            windows=NoiseWindows(torch.from_numpy(values)),
        )

    return make


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)
