"""The trainer: epochs over a pack, with early stopping and best weights for each member."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.contract import MemberSpec, OnStep, PackSpec, PathChoice
from lstm_bench.model.pack import Pack
from lstm_bench.model.schedule import Schedule

__all__ = ["Epoch", "Fit", "Status", "ValidMetric", "train_pack"]

logger = logging.getLogger("lstm_bench")

Status = Literal["training", "finished", "early_stopped", "diverged", "stopped"]
# maps scores [S] of the valid samples, in their order, to a figure; greater is better
ValidMetric = Callable[[npt.NDArray[np.float32]], float]


@dataclass(frozen=True)
class Epoch:
    """One epoch of one member."""

    number: int  # counted from 0
    # the minimised loss; sample weights apply to the first only
    train_loss: float
    valid_loss: float
    # what early stopping watches, greater is better: minus ``valid_loss``, or the chosen metric
    valid_score: float
    seconds: float  # the pack's wall time, divided by its active members
    lr: float  # the learning rate of the last step


@dataclass
class Fit:
    """The result of training a member."""

    member: MemberSpec
    # ``training`` until it ends; then ``finished`` (all epochs), ``early_stopped``, ``diverged`` (the last epoch has
    # a loss or score that is not finite) or ``stopped`` (by the caller)
    status: Status = "training"
    epochs: list[Epoch] = field(default_factory=list)  # one entry per epoch
    # of ``weights``; -1 and -inf if there are none
    best_epoch: int = -1
    best_score: float = -math.inf
    # of the best epoch, on the CPU; empty if no epoch had a finite score
    weights: dict[str, Tensor] = field(default_factory=dict)

    def note(self, epoch: Epoch, weights: Callable[[], dict[str, Tensor]], early_stop: int) -> None:
        """Record an epoch: keep the weights of a strictly better one, stop after ``early_stop`` others."""
        self.epochs.append(epoch)
        if not (math.isfinite(epoch.train_loss) and math.isfinite(epoch.valid_score)):
            self.status = "diverged"
            logger.warning(
                "seed %d, epoch %d: train loss %g, valid score %g; this member stops here",
                self.member.seed, epoch.number, epoch.train_loss, epoch.valid_score,
            )  # fmt: skip
        elif epoch.valid_score > self.best_score:
            self.best_score, self.best_epoch = epoch.valid_score, epoch.number
            self.weights = weights()
        elif epoch.number - self.best_epoch >= early_stop:
            self.status = "early_stopped"


def train_pack(
    spec: PackSpec,
    members: Sequence[MemberSpec],
    train: SampleSet,
    valid: SampleSet,
    *,
    n_epochs: int,
    early_stop: int,
    device: torch.device,
    valid_metric: ValidMetric | None = None,
    on_epoch: Callable[[Sequence[Fit]], bool] | None = None,
    on_step: OnStep = None,
    choice: PathChoice | None = None,
    weights: npt.NDArray[Any] | None = None,
) -> list[Fit]:
    """Train a pack of K members; returns their fits in the same order.

    Parameters
    ----------
    train, valid : learn samples of both segments
    early_stop : epochs without a better score that end a member
    valid_metric : the score that early stopping watches; None for minus the validation loss
    on_epoch : called after each epoch with all fits; the pack stops if it returns False
    on_step
        Called after each optimizer step with the number of steps in the epoch so far and in all; if members take turns,
        each counts for itself.
    choice : the training path; None for :func:`~lstm_bench.model.select.choose_path`
    weights : ``[S]``, of the training samples in the loss; None for ones
    """
    pack = Pack(spec, members, train, valid, device, choice, weights)
    fits = [Fit(member) for member in members]
    schedules = [Schedule(spec.schedule, n_epochs, pack.steps) for _ in members]
    for number in range(n_epochs):
        active = [index for index, fit in enumerate(fits) if fit.status == "training"]
        rates = _rates(pack, schedules, active, number)
        epochs = _epoch(pack, active, rates, number, valid_metric, on_step)
        for index, epoch in zip(active, epochs, strict=True):
            schedules[index].note(number, epoch.valid_loss)
            fits[index].note(epoch, partial(pack.path.weights, index), early_stop)
        is_stopped = on_epoch is not None and not on_epoch(fits)
        if is_stopped or all(fit.status != "training" for fit in fits):
            _close(fits, "stopped")
            return fits
    _close(fits, "finished")
    return fits


def _epoch(
    pack: Pack,
    active: Sequence[int],
    rates: Tensor,
    number: int,
    valid_metric: ValidMetric | None,
    on_step: OnStep,
) -> list[Epoch]:
    started = time.perf_counter()
    train_losses = pack.train_epoch(active, rates, on_step)
    valid_losses, scores = pack.score_valid(active)
    if valid_metric is None:
        valid_scores = [-loss for loss in valid_losses]
    else:
        valid_scores = [valid_metric(row) for row in scores.cpu().numpy()]
    seconds = (time.perf_counter() - started) / len(active)
    last_rates = rates[:, -1].tolist() if pack.steps else [math.nan] * len(active)
    members = zip(train_losses, valid_losses, valid_scores, last_rates, strict=True)
    return [Epoch(number, train, valid, score, seconds, lr) for train, valid, score, lr in members]


def _rates(pack: Pack, schedules: Sequence[Schedule], active: Sequence[int], epoch: int) -> Tensor:
    """Return the learning rates ``[K, steps]`` of an epoch."""
    factors = np.stack([schedules[index].factors(epoch) for index in active])
    return pack.base_rates[list(active), None] * torch.from_numpy(factors)


def _close(fits: Sequence[Fit], status: Status) -> None:
    for fit in fits:
        if fit.status == "training":
            fit.status = status
