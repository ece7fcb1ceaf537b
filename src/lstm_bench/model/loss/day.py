"""Losses of whole days: one minus the correlation of a day's scores and labels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lstm_bench.model.loss.sample import LossSpec

__all__ = ["comparable_days", "mean_day_loss"]

_PAIRS = 1 << 24  # pairs of samples of one day that are compared at once
_LEAST_VARIANCE = 1e-12  # scores with less count as equal


class _Days(NamedTuple):
    """Samples of D days, each padded to N samples: ``[D, N]``, 0 for padding."""

    scores: Tensor
    labels: Tensor
    weights: Tensor
    present: Tensor  # 1 for a sample (whose weight may be 0), 0 for padding

    def relative_weights(self) -> Tensor:
        """Weights divided by the day's largest: squares of the tiny weights of early days would underflow."""
        most = self.weights.amax(1, keepdim=True)
        return torch.where(most > 0, self.weights / torch.where(most > 0, most, 1), self.present)


def mean_day_loss(
    scores: Tensor, labels: Tensor, days: Tensor, loss: LossSpec, weights: Tensor | None = None
) -> Tensor:
    r"""Mean over days of one minus a correlation of scores and labels, a scalar from 0 to 2.

    ``ic`` takes Pearson's correlation of scores and labels, which is the daily IC.

    ``rank`` takes Pearson's correlation of the labels' ranks and of soft ranks of the scores, a differentiable
    Spearman correlation. A soft rank counts the stocks of the day that a stock beats, each by a sigmoid (Qin, Liu
    and Li 2010, "A general approximation framework for direct optimization of information retrieval measures"):

    .. math:: r_i = \sum_j 1 / (1 + \exp((s_j - s_i) / (\tau \sigma)))

    with the day's standard deviation :math:`\sigma` of scores and the temperature :math:`\tau`. As :math:`\tau`
    goes to 0, this is the daily Rank IC. Tied labels share the mean of their ranks. Unlike a sum over pairs such as
    RankNet's, the loss is the reported figure itself, and does not depend on the scores' scale.

    The loss is 0, without a gradient, if no day has two different labels.

    Parameters
    ----------
    scores, labels, days : ``[B]``, samples of whole days in any order; samples with a NaN label do not count
    loss : ``ic`` or ``rank``
    weights : ``[B]``, None for ones
        They weight the correlation of a day, and the day's loss is multiplied by their mean: days with little weight
        contribute little, as samples do in :func:`~lstm_bench.model.loss.sample.mean_loss`.
    """
    total, count = scores[:0].sum(), scores.new_zeros(())
    for part in _parts(_side_by_side(scores, labels, days, weights), loss):
        x, y = part.scores, part.labels
        if loss.name == "rank":
            x, y = _soft_ranks(x, part.present, loss.rank_temperature), _ranks(y, part.present)
        weight = part.weights.sum(1) / part.present.sum(1)
        counts = _labels_differ(part)
        total = total + (counts * weight * (1 - _correlations(x, y, part.relative_weights()))).sum()
        count = count + counts.sum()
    return total / count.clamp(min=1)


def comparable_days(labels: Tensor, days: Tensor) -> list[Tensor]:
    """Return the positions of each day's samples, in order of days, for the days with two different labels.

    ``labels``, ``days``: ``[S]``.
    """
    order = torch.argsort(days, stable=True)
    counts = torch.unique_consecutive(days[order], return_counts=True)[1]
    groups = torch.split(order, counts.tolist())
    return [group for group in groups if _differ(labels[group])]


def _differ(labels: Tensor) -> bool:
    labelled = labels[~labels.isnan()]
    return len(labelled) > 1 and bool(labelled.min() < labelled.max())


def _side_by_side(scores: Tensor, labels: Tensor, days: Tensor, weights: Tensor | None) -> _Days:
    """Arrange labelled samples by day."""
    labelled = ~labels.isnan()
    scores, labels, days = scores[labelled], labels[labelled], days[labelled]
    weights = torch.ones_like(scores) if weights is None else weights[labelled].to(scores.dtype)
    order = torch.argsort(days, stable=True)
    distinct, counts = torch.unique_consecutive(days[order], return_counts=True)
    row = torch.repeat_interleave(torch.arange(len(distinct), device=days.device), counts)
    column = torch.arange(len(days), device=days.device) - (counts.cumsum(0) - counts)[row]
    shape = len(distinct), int(counts.max()) if len(distinct) else 0

    def padded(values: Tensor) -> Tensor:
        return values.new_zeros(shape).index_put((row, column), values[order])

    return _Days(
        padded(scores), padded(labels.to(scores.dtype)), padded(weights), padded(torch.ones_like(scores))
    )


def _parts(days: _Days, loss: LossSpec) -> list[_Days]:
    """Split days so that the pairs that loss ``rank`` compares fit into memory."""
    count, width = days.scores.shape
    at_once = max(1, _PAIRS // max(1, width**2)) if loss.name == "rank" else max(1, count)
    pieces = (torch.split(values, at_once) for values in days)
    return [_Days(*piece) for piece in zip(*pieces, strict=True)] if count else []


def _labels_differ(days: _Days) -> Tensor:
    present = days.present > 0
    most = days.labels.masked_fill(~present, -torch.inf).amax(1)
    return most > days.labels.masked_fill(~present, torch.inf).amin(1)


def _centred(values: Tensor, weights: Tensor) -> Tensor:
    """Subtract each day's weighted mean. Padding has weight 0."""
    return values - (weights * values).sum(1, keepdim=True) / weights.sum(1, keepdim=True)


def _variances(values: Tensor, weights: Tensor) -> Tensor:
    return (weights * _centred(values, weights).square()).sum(1) / weights.sum(1)


def _correlations(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """Weighted correlation ``[D]`` of each day; 0 if one side does not vary."""
    both = (weights * _centred(x, weights) * _centred(y, weights)).sum(1) / weights.sum(1)
    x_spread, y_spread = (_variances(side, weights).clamp(min=_LEAST_VARIANCE) for side in (x, y))
    return both / (x_spread * y_spread).sqrt()


def _soft_ranks(values: Tensor, present: Tensor, temperature: float) -> Tensor:
    spread = _variances(values, present).clamp(min=_LEAST_VARIANCE).sqrt()[:, None]
    scaled = values / (temperature * spread)
    return (torch.sigmoid(scaled[:, :, None] - scaled[:, None, :]) * present[:, None, :]).sum(2)


def _ranks(values: Tensor, present: Tensor) -> Tensor:
    """Ranks minus 1/2; ties share the mean of theirs."""
    above = (values[:, :, None] > values[:, None, :]).to(values.dtype)
    level = (values[:, :, None] == values[:, None, :]).to(values.dtype)
    return ((above + level / 2) * present[:, None, :]).sum(2)
