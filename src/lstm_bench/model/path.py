"""How a pack trains and scores: the paths, and which of them serves a device and a shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import torch
from torch import Tensor

from lstm_bench.config.harness import Precision
from lstm_bench.errors import ConfigError
from lstm_bench.model.fused.support import missing

if TYPE_CHECKING:
    from lstm_bench.model.lstm import LSTM
    from lstm_bench.model.random_stream import RandomStream
    from lstm_bench.model.resident import ResidentSamples
    from lstm_bench.model.spec import PackSpec, ReplicaSpec

__all__ = ["Choice", "PathName", "Start", "TrainingPath", "choose_path", "open_path", "precisions"]

PathName = Literal["reference", "sharded", "fused"]


class TrainingPath(Protocol):
    """Trains and scores the replicas of a pack; which K of them, ``live`` says."""

    def learn(
        self,
        live: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Take one optimizer step per batch and replica.

        Parameters
        ----------
        live
            Replicas at work, K of them.
        order : ``[K, steps, B]`` int64, on the CPU
            Positions among the training samples; -1 fills batches of whole days up to the longest.
        rates : ``[K, steps]`` float64, on the CPU
            The learning rate of each step.
        on_step
            Called after each step with the number of steps so far and in all.

        Returns
        -------
        ``[K]`` float64, on the CPU
            The mean over the steps of each batch's loss before its update; NaN without a step.
        """
        ...

    def score(self, live: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score every sample with the current weights, without dropout: float32 ``[K, S]``, on their device."""
        ...

    def weights(self, replica: int) -> dict[str, Tensor]:
        """Copy a replica's weights to the CPU, under Qlib's parameter names."""
        ...


@dataclass(frozen=True)
class Start:
    """What a path begins with.

    Attributes
    ----------
    spec, replicas
    models : initial weights, on the CPU; a path may keep them as its own
    streams : the replicas' random streams, after their weights were drawn
    samples, labels : of train, on the device
    weights : ``[S]`` of the training samples, on the device; None for ones
    """

    spec: PackSpec
    replicas: Sequence[ReplicaSpec]
    models: Sequence[LSTM]
    streams: Sequence[RandomStream]
    samples: ResidentSamples
    labels: Tensor
    weights: Tensor | None = None


@dataclass(frozen=True)
class Choice:
    """The path that serves, and why it and not another."""

    name: PathName
    reason: str


def choose_path(spec: PackSpec, device: torch.device) -> Choice:
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
        from lstm_bench.model.compiled.outputs import PRECISIONS

        return PRECISIONS
    return ("fp32",)


def _choice(spec: PackSpec, device: torch.device) -> Choice:
    if spec.compat == "qlib":
        return Choice("reference", "compat: qlib keeps each detail of torch's own training")
    if device.type == "cpu":
        from lstm_bench.model.compiled.lanes import HAS_FMA

        if not HAS_FMA:
            return Choice(
                "reference",
                "the compiled kernels need a processor that multiplies and adds in one instruction",
            )
        return Choice("sharded", "compiled kernels, threads over parts that stay in cache")
    if spec.loss.is_by_day:
        return Choice("reference", f"loss {spec.loss.name}: fused kernels take no batches of whole days")
    lacking = missing(device)
    if lacking is not None:
        return Choice("reference", f"no fused kernels: {lacking}")
    return Choice("fused", "all replicas of a pack in one CUDA graph of fused kernels")


def open_path(choice: Choice, start: Start) -> TrainingPath:
    """Set a path up."""
    if choice.name == "sharded":
        from lstm_bench.model.sharded import ShardedPath

        return ShardedPath(start)
    if choice.name == "fused":
        from lstm_bench.model.fused.path import FusedPath

        return FusedPath(start)
    from lstm_bench.model.reference import ReferencePath

    return ReferencePath(start)
