"""The choice of the loss, and the losses of single samples. :mod:`lstm_bench.model.loss.day` has those of days."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from lstm_bench.config.sections.harness import BY_DAY, LossName

__all__ = [
    "MSE", "LossSpec", "batch_mean_loss", "constant_loss", "error_grads", "error_losses", "errors",
    "mean_loss", "sample_losses",
]  # fmt: skip


@dataclass(frozen=True)
class LossSpec:
    """The name of a loss, and its settings."""

    name: LossName = "mse"  # ``mse`` and ``huber`` measure a sample's error, ``ic`` and ``rank`` whole days
    huber_delta: float = 1.0  # the error from which on ``huber`` grows linearly
    # softness of the ranks of ``rank``, in standard deviations of a day's scores
    rank_temperature: float = 0.1

    @property
    def is_by_day(self) -> bool:
        """Whether it compares the samples of a day, so that batches must hold whole days."""
        return self.name in BY_DAY


MSE = LossSpec()
"""Qlib's loss."""


def errors(scores: Tensor, labels: Tensor) -> Tensor:
    """Return scores minus labels in the wider of their dtypes, 0 for a NaN label. The shapes broadcast."""
    return torch.where(labels.isnan(), 0.0, scores - labels.nan_to_num())


def error_losses(missed: Tensor, loss: LossSpec) -> Tensor:
    """Return the loss of each error: its square, or Huber's (1964): ``e²/2`` up to delta, then its tangent."""
    if loss.name == "mse":
        return missed.square()
    near = missed.abs().clamp(max=loss.huber_delta)
    return near * (missed.abs() - near / 2)


def error_grads(missed: Tensor, loss: LossSpec) -> Tensor:
    """Return the derivative of :func:`error_losses` by the error."""
    return 2 * missed if loss.name == "mse" else missed.clamp(-loss.huber_delta, loss.huber_delta)


def sample_losses(
    scores: Tensor, labels: Tensor, loss: LossSpec = MSE, weights: Tensor | None = None
) -> Tensor:
    """Return the loss of each sample ``[B]`` times its weight (``[B]``, None for ones), 0 for a NaN label."""
    losses = error_losses(errors(scores, labels), loss)
    return losses if weights is None else weights * losses


def mean_loss(scores: Tensor, labels: Tensor, loss: LossSpec = MSE, weights: Tensor | None = None) -> Tensor:
    """Mean over non-NaN labels of weight times loss, a scalar; Qlib's formula.

    The error of ``scores`` and ``labels`` ``[B]`` has the wider of their dtypes. Without any label the mean is 0,
    without a gradient. It is not divided by the sum of ``weights`` (``[B]``, None for ones): their mean is 1 over
    train, not over a batch.
    """
    return sample_losses(scores, labels, loss, weights).sum() / (~labels.isnan()).sum().clamp(min=1)


def constant_loss(labels: Tensor, loss: LossSpec = MSE) -> float:
    """Mean loss of a model that scores every sample with the mean of the labels ``[S]``; NaN without any label.

    A loss of whole days is 1 minus a correlation. Equal scores have none; it counts as 0.
    """
    if loss.is_by_day:
        return 1.0
    exact = labels.to(torch.float64)
    return float(mean_loss(exact.nanmean().expand(exact.shape), exact, loss)) if len(exact) else math.nan


def batch_mean_loss(scores: Tensor, labels: Tensor, batches: Iterable[Tensor], loss: LossSpec = MSE) -> float:
    """Mean over batches (positions ``[B]``) of each batch's mean loss of samples ``[S]``; NaN without a batch."""
    losses = [float(mean_loss(scores[batch], labels[batch], loss)) for batch in batches]
    return math.fsum(losses) / len(losses) if losses else math.nan
