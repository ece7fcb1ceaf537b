"""The contract of the training paths: packs, the inputs of a path, and its methods.

A pack is K seeds of one configuration that train together. Each seed is a member; a member is active until its
training ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Compat, Precision
from lstm_bench.config.workflow import RunConfig
from lstm_bench.model.loss.sample import MSE, LossSpec
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.path_name import PathName
from lstm_bench.model.schedule import CONSTANT, ScheduleSpec

if TYPE_CHECKING:
    from lstm_bench.model.random_stream import RandomStream
    from lstm_bench.model.resident import ResidentSamples

__all__ = ["MemberSpec", "OnStep", "PackSpec", "PathChoice", "TrainingInputs", "TrainingPath"]

OnStep = Callable[[int, int], None] | None
"""Called after each step with the number of steps in the epoch so far and in all."""


@dataclass(frozen=True)
class PackSpec:
    """Settings that the members of a pack share."""

    # as in the ``task.model`` section
    d_feat: int
    hidden_size: int
    num_layers: int
    batch_size: int
    optimizer: Literal["adam", "gd", "adamw"]
    clip_grad_value: float | None  # gradient clipping, None for none
    clip_grad_norm: float | None  # gradient clipping, None for none
    compat: Compat  # whose training details hold
    # whether Qlib trains this on ``TSDatasetH``; it decides Qlib's sample order and precision
    is_time_series: bool
    precision: Precision = "fp32"  # of the products; sums and weights are float32
    loss: LossSpec = MSE  # what is minimised, and what validation measures
    schedule: ScheduleSpec = CONSTANT  # of the learning rates

    @classmethod
    def of(cls, config: RunConfig) -> PackSpec:
        """Return the settings of a configuration."""
        kwargs, training = config.task.model.kwargs, config.lstm_bench.training
        return cls(
            d_feat=kwargs.d_feat,
            hidden_size=kwargs.hidden_size,
            num_layers=kwargs.num_layers,
            batch_size=kwargs.batch_size,
            optimizer=kwargs.optimizer,
            clip_grad_value=training.clip_grad_value,
            clip_grad_norm=training.clip_grad_norm,
            compat=config.lstm_bench.compat,
            is_time_series=config.task.model.is_time_series,
            precision=training.precision,
            loss=LossSpec(training.loss, training.huber_delta, training.rank_temperature),
            schedule=ScheduleSpec(
                training.schedule,
                training.warmup_epochs,
                training.lr_min_factor,
                training.lr_step_epochs,
                training.lr_decay,
                training.lr_patience,
            ),
        )

    def make_model(self, dropout: float = 0.0) -> LSTM:
        """Make a model of the shape, with weights drawn from torch's default generator."""
        return LSTM(self.d_feat, self.hidden_size, self.num_layers, dropout)

    @property
    def parameters(self) -> int:
        """Trainable parameters of one member."""
        with torch.device("meta"):
            return count_parameters(self.make_model())


@dataclass(frozen=True)
class MemberSpec:
    """Settings of a single member."""

    seed: int
    lr: float
    dropout: float
    weight_decay: float

    @classmethod
    def of(cls, config: RunConfig) -> MemberSpec:
        """Return a configuration's member."""
        kwargs = config.task.model.kwargs
        return cls(config.seed, kwargs.lr, kwargs.dropout, config.lstm_bench.training.weight_decay)


class TrainingPath(Protocol):
    """Trains and scores the members of a pack. ``active`` lists K of them by index."""

    def learn(self, active: Sequence[int], order: Tensor, rates: Tensor, on_step: OnStep) -> Tensor:
        """Take one optimizer step per batch and member.

        Returns ``[K]`` float64, on the CPU: the mean over the steps of each batch's loss before its update; NaN
        without a step.

        Parameters
        ----------
        active : members to train, K of them
        order : ``[K, steps, B]`` int64, on the CPU
            Positions among the training samples; -1 fills batches of whole days up to the longest.
        rates : ``[K, steps]`` float64, on the CPU: the learning rate of each step
        """

    def score(self, active: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score every sample with the current weights, without dropout: float32 ``[K, S]``, on their device."""

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copy a member's weights to the CPU, under Qlib's parameter names."""


@dataclass(frozen=True)
class TrainingInputs:
    """The inputs with which a path is opened."""

    spec: PackSpec
    members: Sequence[MemberSpec]
    models: Sequence[LSTM]  # initial weights, on the CPU; a path may train them in place
    streams: Sequence[RandomStream]  # the members' random streams, after their weights were drawn
    samples: ResidentSamples  # of train, on the device
    labels: Tensor  # of train, on the device
    weights: Tensor | None = None  # ``[S]`` of the training samples, on the device; None for ones


@dataclass(frozen=True)
class PathChoice:
    """The chosen path, and the reason."""

    name: PathName
    reason: str
