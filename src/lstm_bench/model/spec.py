"""What the replicas of a pack share, and what is their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lstm_bench.config.harness import Compat, Precision
from lstm_bench.config.workflow import RunConfig
from lstm_bench.model.loss import MSE, LossSpec
from lstm_bench.model.schedule import CONSTANT, ScheduleSpec

__all__ = ["PackSpec", "ReplicaSpec"]


@dataclass(frozen=True)
class PackSpec:
    """What the replicas of a pack share.

    Attributes
    ----------
    d_feat, hidden_size, num_layers : the LSTM's shape
    batch_size, optimizer : as in the ``task.model`` section
    clip_grad_value, clip_grad_norm : gradient clipping, None for none
    compat : whose training details hold
    is_time_series : whether Qlib trains this on ``TSDatasetH``; it decides Qlib's sample order and precision
    precision : of the products; sums and weights are float32
    loss : what is minimised, and what validation measures
    schedule : of the learning rates
    """

    d_feat: int
    hidden_size: int
    num_layers: int
    batch_size: int
    optimizer: Literal["adam", "gd", "adamw"]
    clip_grad_value: float | None
    clip_grad_norm: float | None
    compat: Compat
    is_time_series: bool
    precision: Precision = "fp32"
    loss: LossSpec = MSE
    schedule: ScheduleSpec = CONSTANT

    @classmethod
    def of(cls, config: RunConfig) -> PackSpec:
        """Return what the replicas of a configuration share."""
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


@dataclass(frozen=True)
class ReplicaSpec:
    """What is a replica's own."""

    seed: int
    lr: float
    dropout: float
    weight_decay: float

    @classmethod
    def of(cls, config: RunConfig) -> ReplicaSpec:
        """Return a configuration's replica."""
        kwargs = config.task.model.kwargs
        return cls(config.seed, kwargs.lr, kwargs.dropout, config.lstm_bench.training.weight_decay)
