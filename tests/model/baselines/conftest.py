"""Samples with windows that are given, and a dataset of the small synthetic market, for these tests too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from tests.dataset.conftest import configure, market, provider, workflow158, workflow360
from torch import Tensor

from lstm_bench.dataset.dataset import SampleSet

__all__ = ["configure", "market", "provider", "workflow158", "workflow360"]

MakeSamples = Callable[..., SampleSet]


@dataclass(frozen=True)
class GivenWindows:
    """Windows ``[S, L, F]`` of samples that are numbered as instruments."""

    values: Tensor

    @property
    def step_len(self) -> int:
        return int(self.values.shape[1])

    @property
    def n_features(self) -> int:
        return int(self.values.shape[2])

    def to(self, device: Any) -> GivenWindows:
        return GivenWindows(self.values.to(device))

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        return self.values[instruments]


@pytest.fixture(scope="session")
def make_samples() -> MakeSamples:
    """Make samples of windows ``[S, L, F]`` and labels ``[S]``, fifty a day."""

    def make(windows: Any, labels: Any, segment: Any = "train") -> SampleSet:
        count = len(windows)
        values = torch.from_numpy(np.asarray(windows, dtype=np.float32))
        days, instruments = np.arange(count) // 50, np.arange(count)
        return SampleSet(segment, "learn", days, instruments, np.asarray(labels), GivenWindows(values))

    return make
