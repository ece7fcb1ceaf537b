"""The memory that training takes on the ``cuda`` path."""

from __future__ import annotations

from lstm_bench.model.contract import PackSpec

__all__ = ["members_that_fit", "training_bytes"]

_FLOAT = 4
_USABLE = 0.9  # of free memory: the rest is for the allocator's rounding and for cuBLAS


def training_bytes(spec: PackSpec, members: int, step_len: int) -> int:
    """Plan the bytes at the peak of a step of K members."""
    weights = 6 * _FLOAT * spec.parameters  # values, gradients, two moments, and the optimizer's temporaries
    return members * (_activations(spec, step_len) + weights)


def members_that_fit(spec: PackSpec, step_len: int, free_bytes: int) -> int:
    """Return the number of members that fit into free memory, at least one."""
    return max(1, int(_USABLE * free_bytes / training_bytes(spec, 1, step_len)))


def _activations(spec: PackSpec, step_len: int) -> int:
    """Of one member, at the peak: in the backward pass, while the first layers are still stored."""
    B, L, F, H = spec.batch_size, step_len, spec.d_feat, spec.hidden_size
    kept = spec.num_layers * B * H * (4 * L + 2 * (L + 1))  # gates, outputs and cells
    windows = 2 * B * L * F  # as gathered, and days first; their positions are freed by then
    dropped = (spec.num_layers - 1) * B * L * H  # a layer's inputs after dropout
    between = 2 * B * L * H if spec.num_layers > 1 else 0  # the grad between layers, before and after dropout
    rounded = 4 * B * L * H + B * L * H if spec.precision == "bf16" else 0
    return _FLOAT * (kept + windows + dropped + between + rounded)
