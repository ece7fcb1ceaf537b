"""Whether the ``cuda`` path can train on a device."""

from __future__ import annotations

import importlib.util
from functools import cache

import torch

__all__ = ["missing"]

_LEAST_CAPABILITY = (8, 0)  # Ampere: the first with tf32 and bf16


def missing(device: torch.device) -> str | None:
    """Return what a device lacks for the ``cuda`` path, for any shape; None if it lacks nothing."""
    if device.type != "cuda":
        return "its kernels are for CUDA devices"
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    capability = torch.cuda.get_device_capability(device)
    if capability < _LEAST_CAPABILITY:
        return f"the device has compute capability {capability[0]}.{capability[1]}, and 8.0 is needed"
    return _failure(device)


@cache
def _failure(device: torch.device) -> str | None:
    """Launch a tiny kernel: Triton needs a C compiler and more, and raises exceptions of many kinds without them."""
    try:
        from lstm_bench.model.paths.cuda.layers import Dropout

        with torch.cuda.device(device):
            nothing = Dropout(
                torch.zeros((1, 1), dtype=torch.int64, device=device), torch.zeros(1, device=device)
            )
            nothing.apply(torch.zeros((1, 1, 1, 1), device=device), layer=1)
    except Exception as error:
        return (
            f"Triton cannot launch a kernel: {type(error).__name__}: {str(error).strip().splitlines()[-1:]}"
        )
    return None
