"""Training on the processor: a batch goes through in parts that stay in cache, on all cores at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from lstm_bench.model.contract import TrainingInputs
from lstm_bench.model.optimizer import make_optimizer, set_rate, step
from lstm_bench.model.paths.cpu.batch_parts import Batch, BatchGradient, learn_days, learn_samples
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.paths.cpu.threads import SHARD, MapShards, shard_threads, whole_batches_at_once
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples

__all__ = ["ShardedPath"]


class ShardedPath:
    """Members in step, their batches' parts on all cores; see :class:`lstm_bench.model.select.TrainingPath`."""

    def __init__(self, start: TrainingInputs) -> None:
        self._start = start
        self._members = [_Member(start, index) for index in range(len(start.members))]

    def learn(
        self,
        live: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Take the steps of all members side by side; of whole days, so many as keep the threads at work."""
        at_work = [self._members[member] for member in live]
        steps, batch_size = order.shape[1:]
        together = whole_batches_at_once(batch_size) if self._start.spec.loss.is_by_day else len(live)
        groups = [slice(first, first + together) for first in range(0, len(live), together)]
        losses = torch.zeros(len(live), dtype=torch.float64)
        with shard_threads() as map_shards:
            for done in range(steps):
                for member, rate in zip(at_work, rates[:, done].tolist(), strict=True):
                    member.set_rate(rate)
                for group in groups:
                    losses[group] += self._step(at_work[group], order[group, done], map_shards)
                if on_step is not None:
                    on_step(done + 1, steps)
        return losses / steps if steps else losses.fill_(math.nan)

    def score(self, live: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score with one model after the other, each on all cores."""
        models = [self._members[member].model for member in live]
        return torch.stack(
            [predict(model, samples, "sharded", self._start.spec.precision) for model in models]
        )

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copy a member's weights."""
        return self._members[member].model.copied()

    def _step(self, at_work: Sequence[_Member], positions: Tensor, map_shards: MapShards) -> Tensor:
        """Take each member's step on its samples ``[K, B]``: losses ``[K]``."""
        learn = learn_days if self._start.spec.loss.is_by_day else learn_samples
        batches = [member.batch(own[own >= 0]) for member, own in zip(at_work, positions, strict=True)]
        given = learn(batches, map_shards)
        for member, own in zip(at_work, given, strict=True):
            member.step(own)
        return torch.tensor([float(own.loss) for own in given], dtype=torch.float64)


class _Member:
    """One model, its optimizer, and a stream of dropout masks for each part of a batch."""

    def __init__(self, start: TrainingInputs, index: int) -> None:
        self.model = start.models[index]
        self._start = start
        self._seed = start.members[index].seed
        self._compiled = CompiledLSTM(self.model, start.spec.precision)
        self._optimizer = make_optimizer(start.spec, start.members[index], self.model, fused=True)
        # a part has its own generator, so that masks do not depend on which thread comes first
        self._masks: list[torch.Generator] = []

    def batch(self, positions: Tensor) -> Batch:
        """Split the samples of a step."""
        parts = torch.split(positions, SHARD)
        self._masks += [_mask_stream(self._seed, part) for part in range(len(self._masks), len(parts))]
        return Batch(self._start, self._compiled, parts, self._masks[: len(parts)])

    def set_rate(self, rate: float) -> None:
        """Let the next step have a learning rate."""
        set_rate(self._optimizer, rate)

    def step(self, given: BatchGradient) -> None:
        """Sum the shares in their order, and take the optimizer's step."""
        gradients, *others = given.shares
        for share in others:
            for total, value in zip(gradients, share, strict=True):
                total += value
        self._compiled.give_back(gradients)
        step(self._start.spec, self.model, self._optimizer)
        self._compiled.renew()


def _mask_stream(seed: int, part: int) -> torch.Generator:
    """Return the generator of a part's dropout masks, unlike those of other parts and of the member's own stream.

    torch's generator on the processor looks at 32 bits of a seed only, so that numbers are mixed, not put side by side.
    """
    (mixed,) = np.random.SeedSequence([seed, part + 1]).generate_state(1)
    return torch.Generator().manual_seed(int(mixed))
