"""Which path trains and scores a pack on a device. This module alone imports the paths."""

from __future__ import annotations

from typing import get_args

import torch

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import ConfigError
from lstm_bench.model.contract import PackSpec, PathChoice, PathName, TrainingInputs, TrainingPath
from lstm_bench.model.paths.cuda.support import missing

__all__ = ["choose_path", "open_path", "precisions"]


def choose_path(spec: PackSpec, device: torch.device) -> PathChoice:
    """Choose the fastest path that is correct for a shape on a device.

    Raises
    ------
    ConfigError
        Where no path there computes with the precision that is asked for.
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
    if path == "fused":
        return get_args(Precision)
    if path == "sharded":
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
        return PathChoice("sharded", "compiled kernels, threads over parts that stay in cache")
    if spec.loss.is_by_day:
        return PathChoice("reference", f"loss {spec.loss.name}: fused kernels take no batches of whole days")
    lacking = missing(device)
    if lacking is not None:
        return PathChoice("reference", f"no fused kernels: {lacking}")
    return PathChoice("fused", "all members of a pack in one CUDA graph of fused kernels")


def open_path(choice: PathChoice, start: TrainingInputs) -> TrainingPath:
    """Set a path up."""
    if choice.name == "sharded":
        from lstm_bench.model.paths.cpu.path import ShardedPath

        return ShardedPath(start)
    if choice.name == "fused":
        from lstm_bench.model.paths.cuda.path import FusedPath

        return FusedPath(start)
    from lstm_bench.model.paths.reference import ReferencePath

    return ReferencePath(start)
