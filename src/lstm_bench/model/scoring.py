"""Scoring of samples in parts: side by side on the CPU's threads, one after the other elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.threads import parallel_map

__all__ = ["COMPILED_SAMPLES", "score_samples"]

COMPILED_SAMPLES, _CPU_SAMPLES = 400, 200  # per call on a thread: small enough for a core's cache
_ACCELERATOR_SAMPLES = 16384


def score_samples(
    score: Callable[[Tensor], Tensor], samples: ResidentSamples, cpu_samples: int = _CPU_SAMPLES
) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    ``score`` maps windows ``[B, L, F]`` to scores ``[B]``; B is ``cpu_samples`` on the CPU.
    """
    on_cpu = samples.device.type == "cpu"

    def score_part(positions: Tensor) -> Tensor:
        with torch.no_grad():
            return score(samples.gather(positions))

    positions = torch.arange(len(samples), device=samples.device)
    parts = torch.split(positions, cpu_samples if on_cpu else _ACCELERATOR_SAMPLES)
    if on_cpu:
        keep_freed_memory()
        with parallel_map() as map_parts:
            return torch.cat(map_parts(score_part, parts))
    with matrix_precision("fp32"):
        return torch.cat([score_part(part) for part in parts])
