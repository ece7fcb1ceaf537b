"""Chooses the path that trains and scores a pack on a device. Only this module imports the paths.

A path is imported when it is used: the compiled ones need Numba or Triton.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import get_args

import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import ConfigError
from lstm_bench.model.contract import PackSpec, PathChoice, TrainingInputs, TrainingPath
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path_name import PathName

__all__ = ["choose_path", "compiled_product", "compiled_scores", "open_path", "precisions", "training_bytes"]

_LEAST_CAPABILITY = (8, 0)  # Ampere: the first with tf32 and bf16


def choose_path(spec: PackSpec, device: torch.device) -> PathChoice:
    """Choose the fastest path that trains a pack correctly on a device.

    Raises ConfigError if the chosen path does not compute in the requested precision.
    """
    choice = _choice(spec, device)
    choices = precisions(choice.name)
    if spec.precision not in choices:
        raise ConfigError(
            f"lstm_bench.training.precision: got {spec.precision!r}, but on {device} the {choice.name} path serves "
            f"({choice.reason}), which does not have it here; choices: {', '.join(choices)}"
        )
    return choice


def precisions(path: PathName) -> tuple[Precision, ...]:
    """Return the precisions that a path has on this machine."""
    if path == "cuda":
        return get_args(Precision)
    if path == "cpu":
        from lstm_bench.model.paths.cpu.outputs import PRECISIONS

        return PRECISIONS
    return ("fp32",)


def _choice(spec: PackSpec, device: torch.device) -> PathChoice:
    if spec.compat == "qlib":
        return PathChoice("reference", "compat: qlib keeps each detail of torch's own training")
    if device.type == "cpu":
        from lstm_bench.model.paths.cpu.lanes import HAS_FMA

        if not HAS_FMA:
            return PathChoice(
                "reference",
                "the compiled kernels need a processor that multiplies and adds in one instruction",
            )
        return PathChoice("cpu", "compiled kernels, threads over micro-batches that stay in cache")
    if spec.loss.is_by_day:
        return PathChoice(
            "reference", f"loss {spec.loss.name}: the CUDA kernels take no batches of whole days"
        )
    lacking = missing(device)
    if lacking is not None:
        return PathChoice("reference", f"no CUDA kernels: {lacking}")
    return PathChoice("cuda", "all members of a pack in one CUDA graph of fused kernels")


def missing(device: torch.device) -> str | None:
    """Return what a device lacks for the ``cuda`` path; None if it lacks nothing. The shape does not matter."""
    if device.type != "cuda":
        return "its kernels are for CUDA devices"
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    capability = torch.cuda.get_device_capability(device)
    if capability < _LEAST_CAPABILITY:
        return f"the device has compute capability {capability[0]}.{capability[1]}, and 8.0 is needed"
    return _launch_failure(device)


@cache
def _launch_failure(device: torch.device) -> str | None:
    """Launch a tiny kernel: Triton needs a C compiler and more, and raises exceptions of many kinds without them."""
    try:
        from lstm_bench.model.paths.cuda.layers import Dropout

        with torch.cuda.device(device):
            seeds = torch.zeros((1, 1), dtype=torch.int64, device=device)
            nothing = Dropout(seeds, torch.zeros(1, device=device))
            nothing.apply(torch.zeros((1, 1, 1, 1), device=device), layer=1)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1:]
        return f"Triton cannot launch a kernel: {type(error).__name__}: {reason}"
    return None


def open_path(choice: PathChoice, inputs: TrainingInputs) -> TrainingPath:
    """Set a path up."""
    if choice.name == "cpu":
        from lstm_bench.model.paths.cpu.path import CpuPath

        return CpuPath(inputs)
    if choice.name == "cuda":
        from lstm_bench.model.paths.cuda.path import CudaPath

        return CudaPath(inputs)
    from lstm_bench.model.paths.reference import ReferencePath

    return ReferencePath(inputs)


def training_bytes(spec: PackSpec, choice: PathChoice, members: int, step_len: int) -> int:
    """Plan the memory of training at its peak, beyond the resident samples.

    It leaves out the pairs of a day's samples that loss ``rank`` compares.

    ``batch_size`` is, for batches of whole days, the number of samples of the largest. K is ``members``.
    """
    if choice.name == "cpu":
        from lstm_bench.model.paths.cpu import memory as cpu

        return cpu.training_bytes(spec, members, step_len)
    if choice.name == "cuda":
        from lstm_bench.model.paths.cuda import memory as cuda

        return cuda.training_bytes(spec, members, step_len)
    from lstm_bench.model.paths import reference

    return reference.training_bytes(spec, members, step_len)


def compiled_scores(model: LSTM, precision: Precision) -> Callable[[Tensor], Tensor]:
    """Return a function from windows ``[B, L, F]`` to scores ``[B]`` by the kernels of ``cpu``.

    Raises ConfigError if this processor does not have the precision.
    """
    from lstm_bench.model.paths.cpu.outputs import CompiledLSTM

    return CompiledLSTM(model, precision).scores


def compiled_product(left: Tensor, columns: int, precision: Precision) -> Callable[[int], None]:
    """Return a function that repeats one product of the kernels of ``cpu``: ``left`` by a matrix of noise."""
    from lstm_bench.model.paths.cpu.panels import noise_product

    return noise_product(left, columns, precision)
