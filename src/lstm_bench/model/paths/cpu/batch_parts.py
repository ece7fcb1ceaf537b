"""A batch in parts, each on one thread: forward, to the batch's loss, and back to shares of its gradient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeVar

import torch
from torch import Generator, Tensor

from lstm_bench.model.contract import TrainingInputs
from lstm_bench.model.loss.day import mean_day_loss
from lstm_bench.model.loss.sample import sample_losses
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.paths.cpu.threads import MapShards

__all__ = ["Batch", "BatchGradient", "Part", "learn_days", "learn_samples"]

Result = TypeVar("Result")


class BatchGradient(NamedTuple):
    """What a batch gives.

    Attributes
    ----------
    loss : a scalar
    shares : each part's of the gradients of the model's leaves, which are their sums
    """

    loss: Tensor
    shares: list[tuple[Tensor, ...]]


class Batch:
    """A model's samples of one step.

    Parameters
    ----------
    start
        What the path begins with.
    model
    positions : of each part, ``[b]``
        Positions of samples.
    masks
        A generator of dropout masks for each part.
    """

    def __init__(
        self,
        start: TrainingInputs,
        model: CompiledLSTM,
        positions: Sequence[Tensor],
        masks: Sequence[Generator],
    ) -> None:
        self.start = start
        self.model = model
        self._positions = torch.cat(list(positions))
        self.labels = start.labels[self._positions]
        self.labelled = (~self.labels.isnan()).sum().clamp(min=1)
        self.parts = [Part(self, own, drawn) for own, drawn in zip(positions, masks, strict=True)]

    def day_loss(self, scores: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
        """Return the loss of all parts' scores, and its gradient with respect to those of each part."""
        start, together = self.start, torch.cat([own.detach() for own in scores]).requires_grad_()
        weights = None if start.weights is None else start.weights[self._positions]
        days = start.samples.days[self._positions]
        loss = mean_day_loss(together, self.labels, days, start.spec.loss, weights)
        (slopes,) = torch.autograd.grad(loss, together)
        return loss.detach(), torch.split(slopes, [len(own) for own in scores])


class Part:
    """Samples of a batch that go through together, on the calling thread alone."""

    def __init__(self, batch: Batch, positions: Tensor, masks: Generator) -> None:
        self._batch = batch
        self._positions = positions
        self._masks = masks

    def scores(self) -> Tensor:
        """Return the scores ``[b]``, which hold what the way back needs."""
        batch = self._batch
        return batch.model.training_scores(batch.start.samples.gather(self._positions), self._masks)

    def gradients(self, outcome: Tensor, slope: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the gradients of the leaves, given what was made of :meth:`scores` and the slope of the loss there.

        None stands for 1.
        """
        return torch.autograd.grad(outcome, self._batch.model.leaves, slope)

    def learn(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the part's shares of the batch's mean loss of samples and of its gradients."""
        start, own = self._batch.start, self._positions
        weights = None if start.weights is None else start.weights[own]
        losses = sample_losses(self.scores(), start.labels[own], start.spec.loss, weights)
        loss = losses.sum() / self._batch.labelled
        return loss.detach(), self.gradients(loss)


def learn_samples(batches: Sequence[Batch], map_shards: MapShards) -> list[BatchGradient]:
    """Take each part from the gather to its gradient in one go, so that it stays in its core's cache."""
    given = _by_batch(batches, map_shards(Part.learn, _parts(batches)))
    return [
        BatchGradient(sum((loss for loss, _ in own), torch.zeros(())), [share for _, share in own])
        for own in given
    ]


def learn_days(batches: Sequence[Batch], map_shards: MapShards) -> list[BatchGradient]:
    """Take all parts forward, let the scores of a batch meet in its loss, and take the parts back.

    The parts keep their days until then: to go forward twice takes longer than to fetch those from memory.
    """
    scores = map_shards(Part.scores, _parts(batches))
    losses = map_shards(Batch.day_loss, batches, _by_batch(batches, scores))
    slopes = chain.from_iterable(own for _, own in losses)
    shares = _by_batch(batches, map_shards(Part.gradients, _parts(batches), scores, slopes))
    return [BatchGradient(loss, own) for (loss, _), own in zip(losses, shares, strict=True)]


def _parts(batches: Sequence[Batch]) -> Iterable[Part]:
    return chain.from_iterable(batch.parts for batch in batches)


def _by_batch(batches: Sequence[Batch], results: Iterable[Result]) -> list[list[Result]]:
    """Put what all parts gave together by batch."""
    given = iter(results)
    return [list(islice(given, len(batch.parts))) for batch in batches]
