"""The ``cuda`` path: members that fit into memory together are stepped at once."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from lstm_bench.model.contract import OnStep, TrainingInputs
from lstm_bench.model.paths.cuda.layers import scores
from lstm_bench.model.paths.cuda.memory import members_that_fit
from lstm_bench.model.paths.cuda.optimizer import PackOptimizer
from lstm_bench.model.paths.cuda.step import TrainingStep
from lstm_bench.model.paths.cuda.weights import PackWeights
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples

__all__ = ["CudaPath"]

logger = logging.getLogger("lstm_bench")

_SCORING_BYTES = 1 << 28  # for the states of all days that a layer passes to the next


class CudaPath:
    """Members in one step; see :class:`lstm_bench.model.contract.TrainingPath`.

    ``width``: most members that train together; None for as many as fit into the device's free memory.
    """

    def __init__(self, inputs: TrainingInputs, width: int | None = None) -> None:
        self._inputs = inputs
        indices = range(len(inputs.members))
        width = width or _width(inputs)
        self._groups = [
            _Group.begin(inputs, indices[first : first + width]) for first in range(0, len(indices), width)
        ]

    def learn(self, active: Sequence[int], order: Tensor, rates: Tensor, on_step: OnStep) -> Tensor:
        """Train an epoch of one group after another; members that are no longer active leave their group."""
        self._regroup(active)
        losses = torch.empty(len(active), dtype=torch.float64)
        steps, device = order.shape[1], self._inputs.samples.device
        for group in self._groups:
            rows = [active.index(index) for index in group.indices]
            group_order = order[rows].to(device).transpose(0, 1).contiguous()  # [steps, K, B]
            group_rates = rates[rows].to(device, torch.float32).T.contiguous()  # [steps, K]
            group.step.losses.zero_()
            with _on(device):
                for done, (positions, step_rates) in enumerate(zip(group_order, group_rates, strict=True), 1):
                    group.step.take(positions, step_rates)
                    if on_step is not None:
                        on_step(done, steps)
            if len(self._groups) > 1:  # there is not enough memory for two graphs
                group.step.release()
            losses[rows] = (group.step.losses / steps).cpu() if steps else math.nan
        return losses

    def score(self, active: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score samples with all members of a group at once; windows are gathered once for all groups."""
        spec = self._inputs.spec
        result = torch.empty((len(active), len(samples)), dtype=torch.float32, device=samples.device)
        per_sample = len(active) * 2 * 4 * (samples.windows.step_len + 1) * spec.hidden_size
        at_once = max(1, _SCORING_BYTES // per_sample)
        with matrix_precision(spec.precision), _on(samples.device):
            for part in torch.split(torch.arange(len(samples), device=samples.device), at_once):
                windows = samples.gather(part).transpose(0, 1).contiguous()  # [L, B, F]
                for group in self._groups:
                    group_scores = scores(group.step.weights, windows, spec.num_layers, spec.precision)
                    for index, values in zip(group.indices, group_scores, strict=True):
                        if index in active:
                            result[active.index(index), part] = values
        return result

    def _regroup(self, active: Sequence[int]) -> None:
        """Drop members that are not active, and free their graphs before others are recorded."""
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
        self, inputs: TrainingInputs, indices: Sequence[int], weights: PackWeights, optimizer: PackOptimizer
    ) -> None:
        self._inputs = inputs
        self._optimizer = optimizer
        self.indices = list(indices)
        members = [inputs.members[index] for index in indices]
        self.step = TrainingStep(inputs, members, weights, optimizer)

    @classmethod
    def begin(cls, inputs: TrainingInputs, indices: Sequence[int]) -> _Group:
        weights = PackWeights.of([inputs.models[index] for index in indices], inputs.samples.device)
        members = [inputs.members[index] for index in indices]
        return cls(inputs, indices, weights, PackOptimizer(inputs.spec, members, weights.rows))

    def keep(self, active: Sequence[int]) -> _Group:
        """Return the group of the active members; the others are no longer computed."""
        rows = [row for row, index in enumerate(self.indices) if index in active]
        if len(rows) == len(self.indices):
            return self
        weights = self.step.weights.select(rows)
        optimizer = self._optimizer.select(rows, weights.rows)
        kept = _Group(self._inputs, [self.indices[row] for row in rows], weights, optimizer)
        kept.step.follow(self.step, rows)
        return kept


def _width(inputs: TrainingInputs) -> int:
    """Return the number of members that fit into memory together."""
    members, device = len(inputs.members), inputs.samples.device
    if device.type != "cuda":
        return members
    torch.cuda.empty_cache()  # torch caches memory of earlier packs
    free, _ = torch.cuda.mem_get_info(device)
    fitting = members_that_fit(inputs.spec, inputs.samples.windows.step_len, free)
    if fitting < members:
        message = "%s: %d of %d members fit into %.1f GiB; groups take turns"
        logger.info(message, device, fitting, members, free / 2**30)
    return min(fitting, members)


def _on(device: torch.device) -> AbstractContextManager[object]:
    """Make a CUDA device the current one: Triton launches kernels there."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
