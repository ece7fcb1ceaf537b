"""Training on the processor: a batch goes through in parts that stay in cache, on all cores at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain, islice, repeat

import numpy as np
import torch
from torch import Tensor

from lstm_bench.model.compiled.outputs import CompiledLSTM
from lstm_bench.model.loss import sample_losses
from lstm_bench.model.optimizer import make_optimizer, set_rate, step
from lstm_bench.model.path import Start
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.shards import SHARD, MapShards, shard_threads

__all__ = ["ShardedPath"]


class ShardedPath:
    """Replicas in step, their batches' parts on all cores; see :class:`lstm_bench.model.path.TrainingPath`."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._replicas = [
            _Replica(start, index, math.ceil(start.spec.batch_size / SHARD))
            for index in range(len(start.replicas))
        ]

    def learn(
        self,
        live: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Take the steps of all replicas side by side."""
        at_work = [self._replicas[replica] for replica in live]
        steps = order.shape[1]
        losses = torch.zeros(len(live), dtype=torch.float64)
        with shard_threads() as map_shards:
            for done in range(steps):
                for replica, rate in zip(at_work, rates[:, done].tolist(), strict=True):
                    replica.set_rate(rate)
                losses += self._step(at_work, order[:, done], map_shards)
                if on_step is not None:
                    on_step(done + 1, steps)
        return losses / steps if steps else losses.fill_(math.nan)

    def score(self, live: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score with one model after the other, each on all cores."""
        models = [self._replicas[replica].model for replica in live]
        return torch.stack(
            [predict(model, samples, "sharded", self._start.spec.precision) for model in models]
        )

    def weights(self, replica: int) -> dict[str, Tensor]:
        """Copy a replica's weights."""
        return self._replicas[replica].model.copied()

    def _step(self, at_work: Sequence[_Replica], positions: Tensor, map_shards: MapShards) -> Tensor:
        """Take each replica's step on its samples ``[K, B]``: losses ``[K]``."""
        batches = [_Batch.of(self._start, own) for own in positions]
        parts = [len(batch.parts) for batch in batches]
        shares = map_shards(
            _Replica.gradient,
            chain.from_iterable(map(repeat, at_work, parts)),
            chain.from_iterable(map(range, parts)),
            chain.from_iterable(map(repeat, batches, parts)),
        )
        given = iter(shares)
        return torch.tensor(
            [replica.step(list(islice(given, count))) for replica, count in zip(at_work, parts, strict=True)],
            dtype=torch.float64,
        )


class _Batch:
    """A batch's parts, and how many of all the batch's samples have a label.

    A part is positions ``[b]``, labels ``[b]``, and weights ``[b]`` or None.
    """

    def __init__(self, parts: list[tuple[Tensor, Tensor, Tensor | None]], labelled: Tensor) -> None:
        self.parts = parts
        self.labelled = labelled

    @classmethod
    def of(cls, start: Start, positions: Tensor) -> _Batch:
        own = start.labels[positions]
        parts = [
            (part, start.labels[part], None if start.weights is None else start.weights[part])
            for part in torch.split(positions, SHARD)
        ]
        return cls(parts, (~own.isnan()).sum().clamp(min=1))


class _Replica:
    """One model, its optimizer, and a stream of dropout masks for each part of a batch."""

    def __init__(self, start: Start, index: int, parts: int) -> None:
        spec, own = start.spec, start.replicas[index]
        self.model = start.models[index]
        self._compiled = CompiledLSTM(self.model, spec.precision)
        self._spec = spec
        self._samples = start.samples
        self._optimizer = make_optimizer(spec, own, self.model, fused=True)
        # a part has its own generator, so that masks do not depend on which thread comes first
        self._masks = [_mask_stream(own.seed, part) for part in range(parts)]

    def gradient(self, part: int, batch: _Batch) -> tuple[Tensor, ...]:
        """Return a part's share of the batch's loss and of the gradients of the kernels' weights."""
        positions, labels, weights = batch.parts[part]
        scores = self._compiled.training_scores(self._samples.gather(positions), self._masks[part])
        loss = sample_losses(scores, labels, self._spec.loss, weights).sum() / batch.labelled
        return (loss.detach(), *torch.autograd.grad(loss, self._compiled.leaves))

    def set_rate(self, rate: float) -> None:
        """Let the next step have a learning rate."""
        set_rate(self._optimizer, rate)

    def step(self, shares: Sequence[tuple[Tensor, ...]]) -> float:
        """Sum the shares in their order, take the optimizer's step, and return the loss."""
        sums, *others = shares
        for share in others:
            for total, value in zip(sums, share, strict=True):
                total += value
        loss, *gradients = sums
        self._compiled.give_back(gradients)
        step(self._spec, self.model, self._optimizer)
        self._compiled.renew()
        return float(loss)


def _mask_stream(seed: int, part: int) -> torch.Generator:
    """Return the generator of a part's dropout masks, unlike those of other parts and of the replica's own stream.

    torch's generator on the processor looks at 32 bits of a seed only, so that numbers are mixed, not put side by side.
    """
    (mixed,) = np.random.SeedSequence([seed, part + 1]).generate_state(1)
    return torch.Generator().manual_seed(int(mixed))
