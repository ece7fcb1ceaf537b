"""Samples in the memory of the device that trains or scores them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.dataset.windows import WindowSource

__all__ = ["ResidentSamples"]


@dataclass(frozen=True)
class ResidentSamples:
    """Samples whose windows are gathered on the device by position.

    ``days``, ``instruments``: ``[S]`` int64.
    """

    days: Tensor
    instruments: Tensor
    windows: WindowSource

    @classmethod
    def place(cls, samples: SampleSet, device: torch.device) -> ResidentSamples:
        """Copy samples to a device; the features of a dataset are copied once."""
        return cls(
            torch.from_numpy(samples.days).to(device),
            torch.from_numpy(samples.instruments).to(device),
            samples.windows.to(device),
        )

    def __len__(self) -> int:
        return len(self.days)

    @property
    def device(self) -> torch.device:
        """The device of the samples."""
        return self.days.device

    def gather(self, positions: Tensor) -> Tensor:
        """Gather the windows ``[B, L, F]`` of samples ``[B]``."""
        return self.windows.gather(self.days[positions], self.instruments[positions])
