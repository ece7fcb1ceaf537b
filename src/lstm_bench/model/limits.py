"""Measured rates of a machine's products and copies, and the number of operations of an LSTM.

No step is faster than its products at the measured rate. The share of that rate that a path reaches shows what remains
to gain.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from lstm_bench.config.sections.harness import Precision
from lstm_bench.model.contract import PackSpec
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.select import compiled_product, precisions
from lstm_bench.model.threads import parallel_map

__all__ = ["Limits", "best_seconds", "copy_rate", "gemm_rate", "lstm_flops", "measure_limits", "synchronize"]

_FLOAT = 4  # bytes

# A product on the CPU: operands that stay in a core's cache; columns fill whole panels of the kernels.
_CPU_ROWS, _CPU_PRODUCTS, _CPU_COLUMNS = 200, 200, 64
# One on an accelerator: large enough to fill it.
_SIDE, _PRODUCTS = 4096, 10
# Far beyond any cache.
_COPIED_BYTES = 1 << 29


@dataclass(frozen=True)
class Limits:
    """The rates that a device reached in a measurement."""

    gemm_flops: float  # of products of the measured precision, FLOP/s
    copy_bytes: float  # read and written by a copy in memory, bytes/s


def measure_limits(device: torch.device, hidden_size: int = 64, precision: Precision = "fp32") -> Limits:
    """Measure a device, in about a second."""
    return Limits(gemm_rate(device, hidden_size, precision), copy_rate(device))


def gemm_rate(device: torch.device, hidden_size: int = 64, precision: Precision = "fp32") -> float:
    """Measure how fast a device multiplies matrices.

    On the CPU each of torch's threads multiplies the matrices of a second layer's day, ``[200, 2H] x [2H, 4H]``, by
    torch or by the compiled kernels, whichever is faster. On other devices one large product fills the device.
    Returns FLOP/s, the best of a few repeats; a multiplication and an addition are two.
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
    """Measure how fast a device copies memory: bytes/s read and written, the best of a few repeats."""
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

    Training counts a step: the forward pass, the gradient of the inputs and that of the weights. Otherwise only the
    forward pass counts, which scores the samples. Returns FLOP: a multiplication and an addition per weight of ``[4H,
    I + H]``, sample, day and layer, and per weight of the head's ``[1, H]`` and sample. The first layer's features
    need no gradient. Element-wise work, about a hundredth of the rest, is left out. The zero state before the first
    day counts like any other, since torch computes it.
    """
    B, L, F, H = batch, step_len, spec.d_feat, spec.hidden_size
    total = (3 if training else 1) * 2 * B * H  # the head
    for layer in range(spec.num_layers):
        inputs = H if layer else F
        forward = 2 * B * L * 4 * H * (inputs + H)
        total += forward
        if training:
            total += forward  # gradient of the weights
            total += 2 * B * L * 4 * H * (H + (inputs if layer else 0))  # gradient of the other factor
    return total


def best_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Time a call after one warm-up: wall seconds, the best of the repeats."""
    work()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def synchronize(device: torch.device) -> None:
    """Wait until a device has finished its queued work; a CPU has no queue."""
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

    functions = [by_torch, by_kernels] if precision in precisions("cpu") else [by_torch]
    with parallel_map() as map_products:
        seconds = min(best_seconds(partial(map_products, function, lefts)) for function in functions)
    return 2 * _CPU_ROWS * depth * columns * _CPU_PRODUCTS * threads / seconds
