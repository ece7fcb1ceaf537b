"""Choice of the device. A requested device must exist; the file's ``GPU`` is only a preference."""

from __future__ import annotations

import logging

import torch

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DeviceError

__all__ = ["resolve_device"]

logger = logging.getLogger("lstm_bench")


def resolve_device(demand: str, gpu: int) -> torch.device:
    """Choose the device.

    ``demand`` is ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:k``. Only ``auto`` considers ``gpu``, the file's
    ``GPU``: the CUDA device to use if it exists, negative for the CPU. Raises DeviceError if the demanded device does
    not exist.
    """
    if demand == "auto":
        return _preferred(gpu)
    if demand == "cpu":
        return torch.device("cpu")
    if demand == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("--device: got 'mps', but this machine has no Metal device; choices: auto, cpu")
        return torch.device("mps")
    kind, _, index = demand.partition(":")
    if kind != "cuda" or (index and not index.isdigit()):
        raise DeviceError(f"--device: got {demand!r}; choices: auto, cpu, mps, cuda, cuda:0, cuda:1, ...")
    count = torch.cuda.device_count()
    if int(index or 0) >= count:
        existing = f"CUDA devices 0 to {count - 1}" if count else "no CUDA device"
        raise DeviceError(f"--device: got {demand!r}, but this machine has {existing}; choices: auto, cpu")
    return torch.device("cuda", int(index or 0))


def _preferred(gpu: int) -> torch.device:
    if gpu < 0:
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if gpu < count:
        return torch.device("cuda", gpu)
    existing = f"has {counted(count, 'CUDA device')}" if count else "has no CUDA device"
    logger.info("GPU: the file prefers %d and this machine %s; training on the CPU", gpu, existing)
    return torch.device("cpu")
