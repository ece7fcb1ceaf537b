"""Scoring samples with a trained model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.shards import shard_threads
from lstm_bench.model.spec import PackSpec

__all__ = ["predict", "predict_weights"]

_CPU_SAMPLES = 200  # a thread's, small enough for its core's cache
_ACCELERATOR_SAMPLES = 16384


def predict(model: LSTM, samples: ResidentSamples) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    The model is left in evaluation mode.
    """
    on_cpu = samples.device.type == "cpu"
    model.eval()

    def score(part: Tensor) -> Tensor:
        with torch.no_grad():
            scores: Tensor = model(samples.gather(part))
            return scores

    positions = torch.arange(len(samples), device=samples.device)
    parts = torch.split(positions, _CPU_SAMPLES if on_cpu else _ACCELERATOR_SAMPLES)
    if on_cpu:
        keep_freed_memory()
        with shard_threads() as map_shards:
            return torch.cat(map_shards(score, parts))
    with matrix_precision("fp32"):
        return torch.cat(list(map(score, parts)))


def predict_weights(
    spec: PackSpec, weights: Mapping[str, Tensor], samples: ResidentSamples
) -> npt.NDArray[np.float32]:
    """Score every sample with a replica's weights: ``[S]``, in the samples' order.

    Raises
    ------
    RuntimeError
        Where the weights are not those of the spec's model.
    """
    model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0)
    model.load_state_dict(dict(weights))
    scores: npt.NDArray[np.float32] = predict(model.to(samples.device), samples).cpu().numpy()
    return scores
