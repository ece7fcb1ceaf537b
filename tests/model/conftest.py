"""Samples of noise with a planted relation, without any data folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.timing import NoiseWindows

MakeSamples = Callable[..., SampleSet]


@pytest.fixture(scope="session")
def make_samples() -> MakeSamples:
    def make(
        samples: int = 130, seed: int = 0, missing: float = 0.0, dtype: type = np.float32, step_len: int = 5
    ) -> SampleSet:
        rng = np.random.default_rng(seed)
        values = rng.standard_normal((samples, step_len, 3)).astype(np.float32)
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


@dataclass(frozen=True, eq=False)
class PanelWindows:
    """Windows of each day and instrument: ``[T, N, L, F]``."""

    values: torch.Tensor

    step_len = 5
    n_features = 3

    def to(self, device: torch.device | str) -> PanelWindows:
        return PanelWindows(self.values.to(device))

    def gather(self, days: torch.Tensor, instruments: torch.Tensor) -> torch.Tensor:
        return self.values[days, instruments]


@pytest.fixture
def make_days() -> MakeSamples:
    """Samples of whole days, by instrument and then day, some of which are not there; labels have a scale by day."""

    def make(days: int = 30, stocks: int = 8, seed: int = 0, missing: float = 0.1) -> SampleSet:
        rng = np.random.default_rng(seed)
        values = rng.standard_normal((days, stocks, 5, 3)).astype(np.float32)
        labels = values[..., -1, 0] + 0.3 * rng.standard_normal((days, stocks))
        labels = labels * rng.uniform(0.5, 2.0, (days, 1)) + rng.standard_normal((days, 1))
        there = rng.random((days, stocks)) >= missing
        instrument, day = np.nonzero(there.T)
        given = labels[day, instrument].astype(np.float32)
        given[rng.random(len(given)) < missing] = np.nan
        return SampleSet(
            segment="train",
            key="learn",
            days=day.astype(np.int64),
            instruments=instrument.astype(np.int64),
            labels=given,
            windows=PanelWindows(torch.from_numpy(values)),
        )

    return make
