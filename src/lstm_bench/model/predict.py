"""Scoring samples with a trained model."""

from __future__ import annotations

import torch
from torch import Tensor

from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.resident import ResidentSamples

__all__ = ["predict"]

_CPU_SAMPLES = 1024
_ACCELERATOR_SAMPLES = 16384


def predict(model: LSTM, samples: ResidentSamples) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    The model is left in evaluation mode.
    """
    on_cpu = samples.device.type == "cpu"
    if on_cpu:
        keep_freed_memory()
    model.eval()
    scores = torch.empty(len(samples), dtype=torch.float32, device=samples.device)
    positions = torch.arange(len(samples), device=samples.device)
    with torch.no_grad():
        for part in torch.split(positions, _CPU_SAMPLES if on_cpu else _ACCELERATOR_SAMPLES):
            scores[part] = model(samples.gather(part))
    return scores
