"""A batch as micro-batches, each computed on one thread: forward, the batch's loss, and back to partial grads.

A micro-batch is small enough to stay in its core's cache from the gather to its gradient. Its result does not
depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeVar

import torch
from torch import Generator, Tensor

from lstm_bench.model.contract import TrainingInputs
from lstm_bench.model.loss.day import mean_day_loss
from lstm_bench.model.loss.sample import sample_losses
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.threads import ParallelMap

__all__ = [
    "MICRO_BATCH",
    "Batch",
    "BatchGrads",
    "MicroBatch",
    "learn_days",
    "learn_samples",
    "whole_batches_at_once",
]

MICRO_BATCH = 100
"""Samples of a micro-batch: their data of a day fit into a core's cache (``tests/perf/shards.py``)."""

Result = TypeVar("Result")


class BatchGrads(NamedTuple):
    """The loss of a batch and its gradient."""

    loss: Tensor  # a scalar
    # of each micro-batch, one for each of the model's leaves; their sums are the batch's grads
    partial_grads: list[tuple[Tensor, ...]]


class Batch:
    """One model's samples of one step.

    Each micro-batch has its ``positions [b]`` of samples and a generator of dropout ``masks``.
    """

    def __init__(
        self,
        inputs: TrainingInputs,
        model: CompiledLSTM,
        positions: Sequence[Tensor],
        masks: Sequence[Generator],
    ) -> None:
        self.inputs = inputs
        self.model = model
        self._positions = torch.cat(list(positions))
        self.labels = inputs.labels[self._positions]
        self.labelled = (~self.labels.isnan()).sum().clamp(min=1)
        self.micro_batches = [
            MicroBatch(self, samples, generator) for samples, generator in zip(positions, masks, strict=True)
        ]

    def day_loss(self, scores: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor]]:
        """Return the loss of all scores, and its gradient with respect to those of each micro-batch."""
        inputs, together = self.inputs, torch.cat([part.detach() for part in scores]).requires_grad_()
        weights = None if inputs.weights is None else inputs.weights[self._positions]
        days = inputs.samples.days[self._positions]
        loss = mean_day_loss(together, self.labels, days, inputs.spec.loss, weights)
        (grad,) = torch.autograd.grad(loss, together)
        return loss.detach(), torch.split(grad, [len(part) for part in scores])


class MicroBatch:
    """Samples of a batch that are computed together, on the calling thread alone."""

    def __init__(self, batch: Batch, positions: Tensor, masks: Generator) -> None:
        self._batch = batch
        self._positions = positions
        self._masks = masks

    def scores(self) -> Tensor:
        """Return the scores ``[b]``, which keep the data that the backward pass needs."""
        batch = self._batch
        return batch.model.training_scores(batch.inputs.samples.gather(self._positions), self._masks)

    def grads(self, outcome: Tensor, grad: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the grads of the leaves, given a function of :meth:`scores` and the loss's grad there (None for 1)."""
        return torch.autograd.grad(outcome, self._batch.model.leaves, grad)

    def learn(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the summand of the batch's mean loss of samples, and its grads."""
        inputs, positions = self._batch.inputs, self._positions
        weights = None if inputs.weights is None else inputs.weights[positions]
        losses = sample_losses(self.scores(), inputs.labels[positions], inputs.spec.loss, weights)
        loss = losses.sum() / self._batch.labelled
        return loss.detach(), self.grads(loss)


def whole_batches_at_once(batch_size: int) -> int:
    """Return how many whole batches to keep at once, so that each thread has a micro-batch."""
    return max(1, torch.get_num_threads() // math.ceil(batch_size / MICRO_BATCH))


def learn_samples(batches: Sequence[Batch], map_parts: ParallelMap) -> list[BatchGrads]:
    """Process each micro-batch from the gather to its grads in one go, so that it stays in its core's cache."""
    results = _by_batch(batches, map_parts(MicroBatch.learn, _micro_batches(batches)))
    return [
        BatchGrads(sum((loss for loss, _ in parts), torch.zeros(())), [grads for _, grads in parts])
        for parts in results
    ]


def learn_days(batches: Sequence[Batch], map_parts: ParallelMap) -> list[BatchGrads]:
    """Run all micro-batches forward, compute each batch's loss from all of its scores, then run them backward.

    The micro-batches keep their days until then: a second forward pass would take longer than reading them from memory.
    """
    scores = map_parts(MicroBatch.scores, _micro_batches(batches))
    losses = map_parts(Batch.day_loss, batches, _by_batch(batches, scores))
    score_grads = chain.from_iterable(grads for _, grads in losses)
    partial_grads = _by_batch(
        batches, map_parts(MicroBatch.grads, _micro_batches(batches), scores, score_grads)
    )
    return [BatchGrads(loss, grads) for (loss, _), grads in zip(losses, partial_grads, strict=True)]


def _micro_batches(batches: Sequence[Batch]) -> Iterable[MicroBatch]:
    return chain.from_iterable(batch.micro_batches for batch in batches)


def _by_batch(batches: Sequence[Batch], results: Iterable[Result]) -> list[list[Result]]:
    """Group the results of all micro-batches by batch."""
    remaining = iter(results)
    return [list(islice(remaining, len(batch.micro_batches))) for batch in batches]
