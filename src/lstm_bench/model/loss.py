"""The training loss: mean squared error over the samples that have a label."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["batch_mean_loss", "errors", "mean_squared_error", "squared_errors"]


def errors(scores: Tensor, labels: Tensor) -> Tensor:
    """Return scores less labels, 0 where the label is NaN.

    Parameters
    ----------
    scores, labels : of shapes that broadcast
        The errors have the wider of their dtypes.
    """
    return torch.where(labels.isnan(), 0.0, scores - labels.nan_to_num())


def squared_errors(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the squares of :func:`errors`."""
    return errors(scores, labels).square()


def mean_squared_error(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean squared error over non-NaN labels, a scalar.

    Parameters
    ----------
    scores, labels : ``[B]``
        The error has the wider of their dtypes. Without any label it is 0 (and has no gradient).
    """
    return squared_errors(scores, labels).sum() / (~labels.isnan()).sum().clamp(min=1)


def batch_mean_loss(scores: Tensor, labels: Tensor, batches: Iterable[Tensor]) -> float:
    """Mean over batches of each batch's mean squared error; NaN without a batch.

    Parameters
    ----------
    scores, labels : ``[S]``
    batches : positions ``[B]`` of each batch
    """
    losses = [float(mean_squared_error(scores[batch], labels[batch])) for batch in batches]
    return math.fsum(losses) / len(losses) if losses else math.nan
