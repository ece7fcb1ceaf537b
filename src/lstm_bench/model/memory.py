"""The memory that training takes on a device, planned beforehand."""

from __future__ import annotations

import math

import torch

from lstm_bench.model.contract import PackSpec, PathChoice
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.paths.cpu.threads import SHARD, whole_batches_at_once
from lstm_bench.model.paths.cpu.tile import COLUMNS
from lstm_bench.model.paths.cpu.weights import Shape

__all__ = ["members_that_fit", "parameters", "training_bytes"]

_FLOAT = 4
_USABLE = 0.9  # of what is free: the allocator's rounding, and what cuBLAS takes for itself


def training_bytes(spec: PackSpec, choice: PathChoice, members: int, step_len: int) -> int:
    """Plan what training takes beyond the resident samples, at its peak.

    Left out are the pairs of a day's samples that loss ``rank`` compares.

    Parameters
    ----------
    spec, choice
        Of batches of whole days, ``batch_size`` counts the samples of the largest.
    members
        K that train together.
    step_len
        L, days in a window.
    """
    if choice.name == "fused":
        return members * (_fused_activations(spec, step_len) + _fused_weights(spec))
    weights = 4 * _FLOAT * parameters(spec) * members  # values, gradients and Adam's two moments
    if choice.name == "sharded":
        return weights + _compiled_weights(spec, members) + _compiled_activations(spec, members, step_len)
    return weights + _torch_activations(spec, step_len)


def members_that_fit(spec: PackSpec, choice: PathChoice, step_len: int, free_bytes: int) -> int:
    """Return how many members fit together into free memory; at least one is tried."""
    return max(1, int(_USABLE * free_bytes / training_bytes(spec, choice, 1, step_len)))


def _torch_activations(spec: PackSpec, step_len: int) -> int:
    """Forward keeps four gates, the cell and its tanh, and the output of a layer and day; backward as much again."""
    return 2 * 7 * _FLOAT * spec.batch_size * step_len * spec.hidden_size * spec.num_layers


def _compiled_activations(spec: PackSpec, members: int, step_len: int) -> int:
    """Return what the threads' parts, or those of whole batches, keep of their days: input rows, gates and cells."""
    shape = Shape.of(spec.d_feat, spec.hidden_size, spec.num_layers)
    samples = min(spec.batch_size, torch.get_num_threads() * SHARD)
    if spec.loss.is_by_day:
        samples = spec.batch_size * _together(spec, members)
    kept = (step_len + 1) * (shape.width + shape.units) + step_len * 4 * shape.units
    dropped = (spec.num_layers - 1) * step_len * shape.units
    return _FLOAT * samples * (shape.layers * kept + dropped + step_len * spec.d_feat)


def _compiled_weights(spec: PackSpec, members: int) -> int:
    """Each member's in the kernels' two orders, and the gradients that the parts of batches in work hand in."""
    shape = Shape.of(spec.d_feat, spec.hidden_size, spec.num_layers)
    rows, columns = shape.width, shape.panels * COLUMNS
    rounded = (rows + columns) // 2 if spec.precision == "bf16" else 0
    handed_in = rows * _together(spec, members) * math.ceil(spec.batch_size / SHARD)
    return _FLOAT * shape.layers * 4 * shape.units * (members * (rows + columns + rounded) + handed_in)


def _together(spec: PackSpec, members: int) -> int:
    """Return how many members take a step together in shards."""
    return min(members, whole_batches_at_once(spec.batch_size)) if spec.loss.is_by_day else members


def _fused_activations(spec: PackSpec, step_len: int) -> int:
    """Return one member's share of what lives at the peak: on the way back, when the first layers are still kept."""
    B, L, F, H = spec.batch_size, step_len, spec.d_feat, spec.hidden_size
    kept = spec.num_layers * B * H * (4 * L + 2 * (L + 1))  # gates, outputs and cells
    windows = 2 * B * L * F  # as gathered, and days first; their positions are gone by then
    dropped = (spec.num_layers - 1) * B * L * H  # a layer's inputs after dropout
    back = (
        2 * B * L * H if spec.num_layers > 1 else 0
    )  # the gradient between layers, before and after dropout
    rounded = 4 * B * L * H + B * L * H if spec.precision == "bf16" else 0
    return _FLOAT * (kept + windows + dropped + back + rounded)


def _fused_weights(spec: PackSpec) -> int:
    """Values, gradients, two moments, and what the optimizer has in hand."""
    return 6 * _FLOAT * parameters(spec)


def parameters(spec: PackSpec) -> int:
    """Count the trainable parameters of one member."""
    with torch.device("meta"):
        return count_parameters(LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0))
