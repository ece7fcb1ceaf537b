"""Scoring samples with a trained model, and how many of them go through it at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lstm_bench.model.lstm import LSTM
from lstm_bench.model.resident import ResidentSamples

__all__ = ["piece_size", "predict"]

# Hidden units (samples x days x layers x width) that stay in a core's caches between forward and backward. Of 800
# windows through two layers of 64, pieces of about this many took half the time of all at once for 60 days, and for
# 20 days between 0.6 and 1.3 of it from one run to the next (tests/perf/piece_size.py, two shared cores).
_CPU_UNITS = 640_000
_ACCELERATOR_SAMPLES = 16384


def piece_size(device: torch.device, samples: int, model: LSTM, step_len: int) -> int:
    """How many of ``samples`` go through ``model`` at once on ``device``, in pieces of equal size.

    Parameters
    ----------
    step_len
        Days in a window.
    """
    if device.type == "cpu":
        most = max(1, _CPU_UNITS // (step_len * model.rnn.num_layers * model.rnn.hidden_size))
    else:
        most = _ACCELERATOR_SAMPLES
    pieces = max(1, math.ceil(samples / most))
    return max(1, math.ceil(samples / pieces))


def predict(model: LSTM, samples: ResidentSamples) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    The model is left in evaluation mode.
    """
    model.eval()
    scores = torch.empty(len(samples), dtype=torch.float32, device=samples.device)
    positions = torch.arange(len(samples), device=samples.device)
    piece = piece_size(samples.device, len(samples), model, samples.windows.step_len)
    with torch.no_grad():
        for part in torch.split(positions, piece):
            scores[part] = model(samples.gather(part))
    return scores
