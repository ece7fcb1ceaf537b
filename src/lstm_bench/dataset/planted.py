"""A feature that is planted in a dataset's windows: the label that a model should find, with noise."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lstm_bench.data.arrays import Floats32
from lstm_bench.dataset.dataset import Dataset, SampleSet
from lstm_bench.dataset.windows import WindowSource

__all__ = ["PlantedWindows", "oracle_feature", "with_planted"]


@dataclass(frozen=True, eq=False)
class PlantedWindows:
    """Windows of another source with one more feature, the last.

    The feature of each step of a window is that of the step's trading day: the window's last step has the sample's own
    day. It is 0 before the dataset's first day.
    """

    source: WindowSource
    values: Tensor  # ``[N, L - 1 + T]`` float32: the feature by instrument and day, after L - 1 zeros

    @classmethod
    def over(cls, source: WindowSource, feature: Floats32) -> PlantedWindows:
        """Add a feature ``[T, N]`` without NaN to windows."""
        before = np.zeros((feature.shape[1], source.step_len - 1), dtype=np.float32)
        return cls(source, torch.from_numpy(np.concatenate([before, feature.T], axis=1)))

    @property
    def step_len(self) -> int:
        """Days in a window, L."""
        return self.source.step_len

    @property
    def n_features(self) -> int:
        """Features per day, that of the source and one more."""
        return self.source.n_features + 1

    def to(self, device: torch.device | str) -> PlantedWindows:
        """Return the source with its arrays on ``device``."""
        return PlantedWindows(self.source.to(device), self.values.to(device))

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        """Gather windows ``[B, L, F + 1]``."""
        begin = instruments * self.values.shape[1] + days
        steps = begin[:, None] + torch.arange(self.step_len, device=begin.device)
        planted = self.values.view(-1)[steps]
        return torch.cat([self.source.gather(days, instruments), planted[:, :, None]], dim=2)


def oracle_feature(dataset: Dataset, correlation: float, seed: int = 0) -> Floats32:
    """Return a feature that knows the label: each day it correlates with the raw label by about ``correlation``.

    It is ``correlation * z + sqrt(1 - correlation ** 2) * noise`` with the label's z-score z of the day and standard
    normal noise: ``[T, N]`` float32. Cells without a label hold noise only.
    """
    label = np.where(np.isfinite(dataset.raw_label), dataset.raw_label, np.nan).astype(np.float64)
    known = np.isfinite(label)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    centred = np.where(known, label - np.where(known, label, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    z = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    noise = np.random.default_rng(seed).standard_normal(label.shape)
    feature: Floats32 = (correlation * z + np.sqrt(1 - correlation**2) * noise).astype(np.float32)
    return feature


def with_planted(samples: SampleSet, feature: Floats32) -> SampleSet:
    """Return the same samples with one more feature ``[T, N]`` in their windows."""
    return dataclasses.replace(samples, windows=PlantedWindows.over(samples.windows, feature))
