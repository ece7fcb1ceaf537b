"""The ``cpu`` path: compiled kernels that process micro-batches of all members on all cores at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lstm_bench.model.contract import OnStep, TrainingInputs
from lstm_bench.model.optimizer import make_optimizer, set_rate, step
from lstm_bench.model.paths.cpu.micro_batches import (
    MICRO_BATCH,
    Batch,
    BatchGrads,
    learn_days,
    learn_samples,
    whole_batches_at_once,
)
from lstm_bench.model.paths.cpu.outputs import CompiledLSTM
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.scoring import COMPILED_SAMPLES, score_samples
from lstm_bench.model.threads import ParallelMap, parallel_map

__all__ = ["CpuPath"]


class CpuPath:
    """Trains all members step by step; see :class:`lstm_bench.model.contract.TrainingPath`."""

    def __init__(self, inputs: TrainingInputs) -> None:
        self._inputs = inputs
        self._members = [_Member(inputs, index) for index in range(len(inputs.members))]

    def learn(self, active: Sequence[int], order: Tensor, rates: Tensor, on_step: OnStep) -> Tensor:
        """Step all members in parallel; with batches of whole days, only enough members to keep the threads busy."""
        members = [self._members[member] for member in active]
        steps, batch_size = order.shape[1:]
        together = whole_batches_at_once(batch_size) if self._inputs.spec.loss.is_by_day else len(active)
        groups = [slice(first, first + together) for first in range(0, len(active), together)]
        losses = torch.zeros(len(active), dtype=torch.float64)
        with parallel_map() as map_parts:
            for done in range(steps):
                for member, rate in zip(members, rates[:, done].tolist(), strict=True):
                    member.set_rate(rate)
                for group in groups:
                    losses[group] += self._step(members[group], order[group, done], map_parts)
                if on_step is not None:
                    on_step(done + 1, steps)
        return losses / steps if steps else losses.fill_(math.nan)

    def score(self, active: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score with one model after another, each on all cores."""
        models = [self._members[member].compiled for member in active]
        return torch.stack([score_samples(model.scores, samples, COMPILED_SAMPLES) for model in models])

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copy a member's weights."""
        return self._members[member].compiled.model.copied()

    def _step(self, members: Sequence[_Member], positions: Tensor, map_parts: ParallelMap) -> Tensor:
        """Take each member's step on its samples ``[K, B]``: losses ``[K]``."""
        learn = learn_days if self._inputs.spec.loss.is_by_day else learn_samples
        batches = [member.batch(row[row >= 0]) for member, row in zip(members, positions, strict=True)]
        results = learn(batches, map_parts)
        for member, grads in zip(members, results, strict=True):
            member.step(grads)
        return torch.tensor([float(grads.loss) for grads in results], dtype=torch.float64)


class _Member:
    """One model, its optimizer, and a stream of dropout masks for each micro-batch."""

    def __init__(self, inputs: TrainingInputs, index: int) -> None:
        self._inputs = inputs
        self._seed = inputs.members[index].seed
        self.compiled = CompiledLSTM(inputs.models[index], inputs.spec.precision)
        self._optimizer = make_optimizer(inputs.spec, inputs.members[index], inputs.models[index], fused=True)
        # a micro-batch has its own generator, so that masks do not depend on the order of threads
        self._masks: list[torch.Generator] = []

    def batch(self, positions: Tensor) -> Batch:
        """Split the samples of a step."""
        parts = torch.split(positions, MICRO_BATCH)
        self._masks += [_mask_stream(self._seed, part) for part in range(len(self._masks), len(parts))]
        return Batch(self._inputs, self.compiled, parts, self._masks[: len(parts)])

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        set_rate(self._optimizer, rate)

    def step(self, grads: BatchGrads) -> None:
        """Sum the partial grads in their order, and take the optimizer's step."""
        totals, *others = grads.partial_grads
        for partial_grads in others:
            for total, value in zip(totals, partial_grads, strict=True):
                total += value
        self.compiled.set_grads(totals)
        step(self._inputs.spec, self.compiled.model, self._optimizer)
        self.compiled.repack()


def _mask_stream(seed: int, part: int) -> torch.Generator:
    """Return the generator of a micro-batch's dropout masks, independent of all others and the member's stream.

    torch's generator on the CPU uses only 32 bits of a seed, so the numbers are hashed, not concatenated.
    """
    (mixed,) = np.random.SeedSequence([seed, part + 1]).generate_state(1)
    return torch.Generator().manual_seed(int(mixed))
