"""The memory that training takes on the ``cpu`` path."""

from __future__ import annotations

import math

import torch

from lstm_bench.model.contract import PackSpec
from lstm_bench.model.paths.cpu.micro_batches import MICRO_BATCH, whole_batches_at_once
from lstm_bench.model.paths.cpu.tile import COLUMNS
from lstm_bench.model.paths.cpu.weights import Shape

__all__ = ["training_bytes"]

_FLOAT = 4


def training_bytes(spec: PackSpec, members: int, step_len: int) -> int:
    """Plan the bytes at the peak of a step of K members."""
    torch_weights = 4 * _FLOAT * spec.parameters * members  # values, gradients and Adam's two moments
    return torch_weights + _packed_weights(spec, members) + _activations(spec, members, step_len)


def _activations(spec: PackSpec, members: int, step_len: int) -> int:
    """Input rows, gates and cells that the threads' micro-batches, or those of whole batches, keep of their days."""
    shape = Shape.of(spec.d_feat, spec.hidden_size, spec.num_layers)
    samples = min(spec.batch_size, torch.get_num_threads() * MICRO_BATCH)
    if spec.loss.is_by_day:
        samples = spec.batch_size * _together(spec, members)
    kept = (step_len + 1) * (shape.width + shape.units) + step_len * 4 * shape.units
    dropped = (spec.num_layers - 1) * step_len * shape.units
    return _FLOAT * samples * (shape.layers * kept + dropped + step_len * spec.d_feat)


def _packed_weights(spec: PackSpec, members: int) -> int:
    """Each member's weights in the kernels' two orders, and the partial grads of the micro-batches of a step."""
    shape = Shape.of(spec.d_feat, spec.hidden_size, spec.num_layers)
    rows, columns = shape.width, shape.panels * COLUMNS
    rounded = (rows + columns) // 2 if spec.precision == "bf16" else 0
    partial_grads = rows * _together(spec, members) * math.ceil(spec.batch_size / MICRO_BATCH)
    return _FLOAT * shape.layers * 4 * shape.units * (members * (rows + columns + rounded) + partial_grads)


def _together(spec: PackSpec, members: int) -> int:
    """Return how many members take a step together."""
    return min(members, whole_batches_at_once(spec.batch_size)) if spec.loss.is_by_day else members
