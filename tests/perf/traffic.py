"""Memory traffic of an LSTM, and how near a timing comes to the limits of a machine."""

from __future__ import annotations

from lstm_bench.model.contract import PackSpec
from lstm_bench.model.limits import Limits
from lstm_bench.model.timing import PathTiming

_FLOAT = 4


def lstm_bytes(spec: PackSpec, batch: int, step_len: int, training: bool) -> int:
    """Bytes that have to move if only the weights stay close to the arithmetic.

    Scoring reads weights and windows once, and each layer writes outputs ``[B, L, H]`` that the next one reads. A
    training step reads weights and windows twice and writes the weights' gradients; each layer writes gates, cells and
    outputs ``[B, L, 6H]`` in the forward pass and reads them in the backward pass.
    """
    B, L, F, H = batch, step_len, spec.d_feat, spec.hidden_size
    weights, windows, states = spec.parameters, B * L * F, B * L * H * spec.num_layers
    if training:
        return _FLOAT * (3 * weights + 2 * windows + 2 * 6 * states)
    return _FLOAT * (weights + windows + 2 * states)


def nearer_share(limits: Limits, flops: float, moved_bytes: float) -> float:
    """Share that rates of products (FLOP/s) and traffic (bytes/s) reach of the nearer limit.

    It exceeds 1 if a path keeps in cache what :func:`lstm_bytes` counts.
    """
    return max(flops / limits.gemm_flops, moved_bytes / limits.copy_bytes)


def step_share(timing: PathTiming, limits: Limits, spec: PackSpec, step_len: int) -> float:
    """Share of the nearer limit that training steps reach."""
    moved = lstm_bytes(spec, spec.batch_size, step_len, training=True)
    return nearer_share(limits, timing.train_flops, moved / timing.step_seconds)


def scoring_share(timing: PathTiming, limits: Limits, spec: PackSpec, step_len: int) -> float:
    """Share of the nearer limit that scoring reaches."""
    moved = lstm_bytes(spec, timing.scored, step_len, training=False)
    return nearer_share(limits, timing.score_flops, moved / (timing.scored * timing.score_seconds))
