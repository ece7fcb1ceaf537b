"""Scoring samples with a trained model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstm_bench.model.resident import ResidentSamples

__all__ = ["cache_sized", "predict"]

# A batch of 800 windows leaves a core's caches between forward and backward, a quarter of it does not.
_CPU_PIECE = 200
_ACCELERATOR_PIECE = 16384


def cache_sized(device: torch.device, samples: int) -> int:
    """How many of ``samples`` go through the network at once on ``device``."""
    return min(samples, _CPU_PIECE if device.type == "cpu" else _ACCELERATOR_PIECE)


def predict(model: nn.Module, samples: ResidentSamples) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    The model is left in evaluation mode.
    """
    model.eval()
    scores = torch.empty(len(samples), dtype=torch.float32, device=samples.device)
    positions = torch.arange(len(samples), device=samples.device)
    with torch.no_grad():
        for part in torch.split(positions, max(1, cache_sized(samples.device, len(samples)))):
            scores[part] = model(samples.gather(part))
    return scores
