"""The ``cuda`` path: groups of members that fit into memory together, each in one step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from lstm_bench.model.contract import TrainingInputs
from lstm_bench.model.paths.cuda.layers import scores
from lstm_bench.model.paths.cuda.memory import members_that_fit
from lstm_bench.model.paths.cuda.optimizer import PackOptimizer
from lstm_bench.model.paths.cuda.step import TrainingStep
from lstm_bench.model.paths.cuda.weights import PackWeights
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples

__all__ = ["CudaPath"]

logger = logging.getLogger("lstm_bench")

_SCORING_BYTES = 1 << 28  # for the states of all days that a layer hands to the next


class CudaPath:
    """Members in one step; see :class:`lstm_bench.model.contract.TrainingPath`.

    Parameters
    ----------
    inputs
    width
        Members that train together at the most; None for as many as fit into the device's free memory.
    """

    def __init__(self, inputs: TrainingInputs, width: int | None = None) -> None:
        self._inputs = inputs
        indices = range(len(inputs.members))
        width = width or _width(inputs)
        self._groups = [
            _Group.begin(inputs, indices[first : first + width]) for first in range(0, len(indices), width)
        ]

    def learn(
        self,
        active: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Train one group's epoch after the other's; a member that is no longer active leaves its group."""
        self._regroup(active)
        losses = torch.empty(len(active), dtype=torch.float64)
        steps = order.shape[1]
        for group in self._groups:
            rows = [active.index(index) for index in group.indices]
            own = order[rows].to(self._inputs.samples.device).transpose(0, 1).contiguous()  # [steps, K, B]
            own_rates = (
                rates[rows].to(self._inputs.samples.device, torch.float32).T.contiguous()
            )  # [steps, K]
            group.step.losses.zero_()
            with _on(self._inputs.samples.device):
                for done, (positions, rate) in enumerate(zip(own, own_rates, strict=True), 1):
                    group.step.take(positions, rate)
                    if on_step is not None:
                        on_step(done, steps)
            if len(self._groups) > 1:  # one graph at a time, since memory does not hold two
                group.step.release()
            losses[rows] = (group.step.losses / steps).cpu() if steps else math.nan
        return losses

    def score(self, active: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score a part of the samples with all members of a group at once; windows are gathered once."""
        spec = self._inputs.spec
        given = torch.empty((len(active), len(samples)), dtype=torch.float32, device=samples.device)
        per_sample = len(active) * 2 * 4 * (samples.windows.step_len + 1) * spec.hidden_size
        at_once = max(1, _SCORING_BYTES // per_sample)
        with matrix_precision(spec.precision), _on(samples.device):
            for part in torch.split(torch.arange(len(samples), device=samples.device), at_once):
                windows = samples.gather(part).transpose(0, 1).contiguous()  # [L, B, F]
                for group in self._groups:
                    own = scores(group.step.weights, windows, spec.num_layers, spec.precision)
                    for index, values in zip(group.indices, own, strict=True):
                        if index in active:
                            given[active.index(index), part] = values
        return given

    def _regroup(self, active: Sequence[int]) -> None:
        """Let members go that are not active, and their graphs before others are recorded."""
        for index, group in enumerate(self._groups):
            if not set(group.indices) <= set(active):
                group.step.release()
                self._groups[index] = group.keep(active)
        self._groups = [group for group in self._groups if group.indices]

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copy a member's weights."""
        for group in self._groups:
            if member in group.indices:
                return group.step.weights.state(group.indices.index(member))
        raise KeyError(member)


class _Group:
    """Members that step together."""

    def __init__(
        self,
        inputs: TrainingInputs,
        indices: Sequence[int],
        weights: PackWeights,
        optimizer: PackOptimizer,
    ) -> None:
        self._inputs = inputs
        self._optimizer = optimizer
        self.indices = list(indices)
        members = [inputs.members[index] for index in indices]
        self.step = TrainingStep(
            inputs.spec, members, weights, optimizer, inputs.samples, inputs.labels, inputs.weights
        )

    @classmethod
    def begin(cls, inputs: TrainingInputs, indices: Sequence[int]) -> _Group:
        weights = PackWeights.of([inputs.models[index] for index in indices], inputs.samples.device)
        members = [inputs.members[index] for index in indices]
        return cls(inputs, indices, weights, PackOptimizer(inputs.spec, members, weights.rows))

    def keep(self, active: Sequence[int]) -> _Group:
        """Return the group without the indices that are not active: they take no share of the work."""
        rows = [row for row, index in enumerate(self.indices) if index in active]
        if len(rows) == len(self.indices):
            return self
        weights = self.step.weights.select(rows)
        optimizer = self._optimizer.select(rows, weights.rows)
        kept = _Group(self._inputs, [self.indices[row] for row in rows], weights, optimizer)
        kept.step.follow(self.step, rows)
        return kept


def _width(inputs: TrainingInputs) -> int:
    """Return how many members train together: as many as fit."""
    members, device = len(inputs.members), inputs.samples.device
    if device.type != "cuda":
        return members
    torch.cuda.empty_cache()  # what torch keeps of earlier packs is free, too
    free, _ = torch.cuda.mem_get_info(device)
    fitting = members_that_fit(inputs.spec, inputs.samples.windows.step_len, free)
    if fitting < members:
        logger.info(
            "%s: %d of %d members fit into %.1f GiB; groups take turns",
            device,
            fitting,
            members,
            free / 2**30,
        )
    return min(fitting, members)


def _on(device: torch.device) -> AbstractContextManager[object]:
    """Make a CUDA device the current one, which is where Triton launches."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
