"""Scoring samples with a trained model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import DataError
from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.contract import PackSpec, PathName
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.paths.cpu.threads import shard_threads
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import precisions

__all__ = ["predict", "predict_weights"]

_COMPILED_SAMPLES, _CPU_SAMPLES = 400, 200  # a thread's, small enough for its core's cache
_ACCELERATOR_SAMPLES = 16384


def predict(
    model: LSTM, samples: ResidentSamples, path: PathName = "reference", precision: Precision = "fp32"
) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    The model is left in evaluation mode.

    Parameters
    ----------
    model, samples
    path
        How the model is trained: what ``sharded`` trains, its own kernels score; all others leave it to torch.
    precision
        Of the products of ``sharded``; torch's are float32.

    Raises
    ------
    ConfigError
        Where ``sharded`` does not have the precision on this processor.
    """
    on_cpu = samples.device.type == "cpu"
    model.eval()
    if path == "sharded":
        score_windows, together = _compiled(model, precision), _COMPILED_SAMPLES
    else:
        score_windows, together = model, _CPU_SAMPLES if on_cpu else _ACCELERATOR_SAMPLES

    def score(part: Tensor) -> Tensor:
        with torch.no_grad():
            return score_windows(samples.gather(part))

    parts = torch.split(torch.arange(len(samples), device=samples.device), together)
    if on_cpu:
        keep_freed_memory()
        with shard_threads() as map_shards:
            return torch.cat(map_shards(score, parts))
    with matrix_precision("fp32"):
        return torch.cat(list(map(score, parts)))


def _compiled(model: LSTM, precision: Precision) -> Callable[[Tensor], Tensor]:
    from lstm_bench.model.paths.cpu.outputs import CompiledLSTM

    return CompiledLSTM(model, precision).scores


def predict_weights(
    spec: PackSpec, weights: Mapping[str, Tensor], samples: ResidentSamples, path: PathName
) -> npt.NDArray[np.float32]:
    """Score every sample with a member's weights: ``[S]``, in the samples' order.

    Parameters
    ----------
    spec, weights, samples
    path
        How the weights were trained: as for :func:`predict`. On another device than the processor, and where this one
        lacks the precision that they were trained in, torch scores in float32.

    Raises
    ------
    DataError
        Where the weights are not those of the spec's model; it names the first that differs.
    """
    model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0)
    _check_weights(model, weights)
    model.load_state_dict(dict(weights))
    as_trained = path == "sharded" and samples.device.type == "cpu" and spec.precision in precisions(path)
    scores = predict(model.to(samples.device), samples, path if as_trained else "reference", spec.precision)
    return scores.cpu().numpy()


def _check_weights(model: LSTM, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    found = {name: tuple(weight.shape) for name, weight in weights.items()}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise DataError(
                f"{name} has shape {found.get(name, 'none')}, the configuration's model has "
                f"{expected.get(name, 'none')}"
            )
