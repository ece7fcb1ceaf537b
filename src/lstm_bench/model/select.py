"""Chooses the path that trains and scores a pack on a device. Only this module imports the paths.

A path is imported when it is used: the compiled ones need Numba or Triton.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import ConfigError
from lstm_bench.model.contract import PackSpec, PathChoice, TrainingInputs, TrainingPath
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path_name import PathName
from lstm_bench.model.paths.cuda.support import missing

__all__ = [
    "choose_path",
    "compiled_product",
    "compiled_scores",
    "open_path",
    "precisions",
    "training_bytes",
]


def choose_path(spec: PackSpec, device: torch.device) -> PathChoice:
    """Choose the fastest path that is correct for a shape on a device.

    Raises
    ------
    ConfigError
        If the chosen path does not compute in the requested precision.
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

    Parameters
    ----------
    spec, choice
        For batches of whole days, ``batch_size`` is the number of samples of the largest.
    members
        K that train together.
    step_len
        L, days in a window.
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

    Raises
    ------
    ConfigError
        If this processor does not have the precision.
    """
    from lstm_bench.model.paths.cpu.outputs import CompiledLSTM

    return CompiledLSTM(model, precision).scores


def compiled_product(left: Tensor, columns: int, precision: Precision) -> Callable[[int], None]:
    """Return a function that repeats one product of the kernels of ``cpu``: ``left`` by a matrix of noise."""
    from lstm_bench.model.paths.cpu.panels import noise_product

    return noise_product(left, columns, precision)
