"""Whether the fused path can serve a device."""

from __future__ import annotations

import importlib.util

import torch

__all__ = ["missing"]

_LEAST_CAPABILITY = (8, 0)  # Ampere: the first with tf32 and bf16


def missing(device: torch.device) -> str | None:
    """Return what a device lacks for the fused path; None where it serves, whatever the shape."""
    if device.type != "cuda":
        return "its kernels are for CUDA devices"
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    capability = torch.cuda.get_device_capability(device)
    if capability < _LEAST_CAPABILITY:
        return f"the device has compute capability {capability[0]}.{capability[1]}, and 8.0 is needed"
    return None
