"""What a machine can do, and what training and scoring an LSTM ask of it: rates measured, work counted.

A step that reaches the measured product rate cannot get faster on this machine, however it is written; the share
of it that a path reaches says what is left to gain.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from lstm_bench.config.harness import Precision
from lstm_bench.model.contract import PackSpec
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.select import compiled_product, precisions
from lstm_bench.model.threads import parallel_map

__all__ = [
    "Limits",
    "best_seconds",
    "copy_rate",
    "gemm_rate",
    "lstm_bytes",
    "lstm_flops",
    "measure_limits",
    "synchronize",
]

_FLOAT = 4  # bytes

# A product on the CPU: operands that stay in a core's cache; columns fill whole panels of the kernels.
_CPU_ROWS, _CPU_PRODUCTS, _CPU_COLUMNS = 200, 200, 64
# One on an accelerator: large enough to fill it.
_SIDE, _PRODUCTS = 4096, 10
# Far beyond any cache.
_COPIED_BYTES = 1 << 29


@dataclass(frozen=True)
class Limits:
    """What a device reached in a measurement.

    Attributes
    ----------
    gemm_flops : of products of the precision asked for, FLOP/s
    copy_bytes : read and written by a copy in memory, bytes/s
    """

    gemm_flops: float
    copy_bytes: float

    def share(self, flops: float, moved_bytes: float) -> float:
        """Return how near rates of products (FLOP/s) and of traffic (bytes/s) come to the limit that is nearer."""
        return max(flops / self.gemm_flops, moved_bytes / self.copy_bytes)


def measure_limits(device: torch.device, hidden_size: int = 64, precision: Precision = "fp32") -> Limits:
    """Measure a device, in about a second."""
    return Limits(gemm_rate(device, hidden_size, precision), copy_rate(device))


def gemm_rate(device: torch.device, hidden_size: int = 64, precision: Precision = "fp32") -> float:
    """Measure how fast a device multiplies matrices.

    Parameters
    ----------
    device
        On the CPU each of torch's threads multiplies by itself, matrices of a day of a second layer:
        ``[200, 2H] x [2H, 4H]``, by torch or by our own kernels, whichever is faster. Elsewhere one large product
        fills the device.
    hidden_size
        H.
    precision
        Of the products.

    Returns
    -------
    float
        FLOP/s, the best of a few repeats; a multiplication and an addition are two.
    """
    if device.type == "cpu":
        return _cpu_gemm_rate(hidden_size, precision)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(_SIDE, _SIDE, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(left)

    def work() -> None:
        for _ in range(_PRODUCTS):
            torch.mm(left, right, out=out)
        synchronize(device)

    with matrix_precision(precision):
        seconds = best_seconds(work)
    return 2 * _SIDE**3 * _PRODUCTS / seconds


def copy_rate(device: torch.device) -> float:
    """Measure how fast a device copies memory: bytes/s, those read and those written; the best of a few repeats."""
    parts = torch.get_num_threads() if device.type == "cpu" else 1
    size = _COPIED_BYTES // parts // _FLOAT
    sources = [torch.ones(size, device=device) for _ in range(parts)]
    targets = [torch.empty_like(source) for source in sources]

    def work() -> None:
        targets[0].copy_(sources[0])
        synchronize(device)

    if device.type != "cpu":
        return 2 * _FLOAT * size / best_seconds(work)
    with parallel_map() as map_copies:
        seconds = best_seconds(lambda: map_copies(torch.Tensor.copy_, targets, sources))
    return 2 * _FLOAT * size * parts / seconds


def lstm_flops(spec: PackSpec, batch: int, step_len: int, training: bool) -> int:
    """Count the floating-point operations of the products of one member's LSTM.

    Parameters
    ----------
    spec
        The shape: F features, layers of H units.
    batch
        B, samples.
    step_len
        L, days in a window.
    training
        Count a step: forward, the gradient of the inputs and that of the weights. Otherwise forward alone, which
        scores the samples.

    Returns
    -------
    int
        FLOP: a multiplication and an addition per weight of ``[4H, I + H]``, sample, day and layer, and per weight of
        the head's ``[1, H]`` and sample. The first layer's features need no gradient. Element-wise work is left
        out, a hundredth of it; the zero state before the first day counts as any other, as torch computes it.
    """
    B, L, F, H = batch, step_len, spec.d_feat, spec.hidden_size
    total = (3 if training else 1) * 2 * B * H  # the head
    for layer in range(spec.num_layers):
        inputs = H if layer else F
        forward = 2 * B * L * 4 * H * (inputs + H)
        total += forward
        if training:
            total += forward  # gradient of the weights
            total += (
                2 * B * L * 4 * H * (H + (inputs if layer else 0))
            )  # and of what they were multiplied with
    return total


def lstm_bytes(spec: PackSpec, batch: int, step_len: int, training: bool) -> int:
    """Count the bytes that have to move where nothing but the weights stays close to the arithmetic.

    Parameters
    ----------
    spec, batch, step_len, training
        As for :func:`lstm_flops`.

    Returns
    -------
    int
        Bytes of float32. Scoring reads weights and windows once, and each layer writes outputs ``[B, L, H]`` that the
        next one reads. A training step reads weights and windows twice and writes the weights' gradients; each layer
        writes gates, cells and outputs ``[B, L, 6H]`` on the way forward and reads them on the way back.
    """
    B, L, F, H = batch, step_len, spec.d_feat, spec.hidden_size
    weights = spec.parameters
    windows = B * L * F
    states = B * L * H * spec.num_layers
    if training:
        return _FLOAT * (3 * weights + 2 * windows + 2 * 6 * states)
    return _FLOAT * (weights + windows + 2 * states)


def best_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Time work after one call that warms up: wall seconds, the best of the repeats."""
    work()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _cpu_gemm_rate(hidden_size: int, precision: Precision) -> float:
    threads, depth = torch.get_num_threads(), 2 * hidden_size
    columns = math.ceil(4 * hidden_size / _CPU_COLUMNS) * _CPU_COLUMNS
    lefts = [torch.randn(_CPU_ROWS, depth) for _ in range(threads)]

    def by_torch(left: torch.Tensor) -> None:
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        factor, right = left.to(dtype), torch.randn(depth, columns).to(dtype)
        out = torch.empty(_CPU_ROWS, columns, dtype=dtype)
        for _ in range(_CPU_PRODUCTS):
            torch.mm(factor, right, out=out)

    def by_kernels(left: torch.Tensor) -> None:
        compiled_product(left, columns, precision)(_CPU_PRODUCTS)

    ways = [by_torch, by_kernels] if precision in precisions("cpu") else [by_torch]
    with parallel_map() as map_products:
        seconds = min(best_seconds(partial(map_products, way, lefts)) for way in ways)
    return 2 * _CPU_ROWS * depth * columns * _CPU_PRODUCTS * threads / seconds
