"""The fused path: groups of replicas that fit into memory together, each in one step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from lstm_bench.model.fused.layers import scores
from lstm_bench.model.fused.optimizer import PackOptimizer
from lstm_bench.model.fused.step import TrainingStep
from lstm_bench.model.fused.weights import PackWeights
from lstm_bench.model.memory import fitting_replicas
from lstm_bench.model.path import Choice, Start
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples

__all__ = ["FusedPath"]

logger = logging.getLogger("lstm_bench")

_SCORING_BYTES = 1 << 28  # for the states of all days that a layer hands to the next


class FusedPath:
    """Replicas in one step; see :class:`lstm_bench.model.path.TrainingPath`.

    Parameters
    ----------
    start
    width
        Replicas that train together at the most; None for as many as fit into the device's free memory.
    """

    def __init__(self, start: Start, width: int | None = None) -> None:
        self._start = start
        members = range(len(start.replicas))
        width = width or _width(start)
        self._groups = [
            _Group.begin(start, members[first : first + width]) for first in range(0, len(members), width)
        ]

    def learn(
        self,
        live: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Train one group's epoch after the other's; a replica that is no longer live leaves its group."""
        self._regroup(live)
        losses = torch.empty(len(live), dtype=torch.float64)
        steps = order.shape[1]
        for group in self._groups:
            rows = [live.index(member) for member in group.members]
            own = order[rows].to(self._start.samples.device).transpose(0, 1).contiguous()  # [steps, K, B]
            own_rates = rates[rows].to(self._start.samples.device, torch.float32).T.contiguous()  # [steps, K]
            group.step.losses.zero_()
            with _on(self._start.samples.device):
                for done, (positions, rate) in enumerate(zip(own, own_rates, strict=True), 1):
                    group.step.take(positions, rate)
                    if on_step is not None:
                        on_step(done, steps)
            if len(self._groups) > 1:  # one graph at a time, since memory does not hold two
                group.step.release()
            losses[rows] = (group.step.losses / steps).cpu() if steps else math.nan
        return losses

    def score(self, live: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score a part of the samples with all replicas of a group at once; windows are gathered once."""
        spec = self._start.spec
        given = torch.empty((len(live), len(samples)), dtype=torch.float32, device=samples.device)
        per_sample = len(live) * 2 * 4 * (samples.windows.step_len + 1) * spec.hidden_size
        at_once = max(1, _SCORING_BYTES // per_sample)
        with matrix_precision(spec.precision), _on(samples.device):
            for part in torch.split(torch.arange(len(samples), device=samples.device), at_once):
                windows = samples.gather(part).transpose(0, 1).contiguous()  # [L, B, F]
                for group in self._groups:
                    own = scores(group.step.weights, windows, spec.num_layers, spec.precision)
                    for member, values in zip(group.members, own, strict=True):
                        if member in live:
                            given[live.index(member), part] = values
        return given

    def _regroup(self, live: Sequence[int]) -> None:
        """Let replicas go that are not live, and their graphs before others are recorded."""
        for index, group in enumerate(self._groups):
            if not set(group.members) <= set(live):
                group.step.release()
                self._groups[index] = group.keep(live)
        self._groups = [group for group in self._groups if group.members]

    def weights(self, replica: int) -> dict[str, Tensor]:
        """Copy a replica's weights."""
        for group in self._groups:
            if replica in group.members:
                return group.step.weights.state(group.members.index(replica))
        raise KeyError(replica)


class _Group:
    """Replicas that step together."""

    def __init__(
        self,
        start: Start,
        members: Sequence[int],
        weights: PackWeights,
        optimizer: PackOptimizer,
    ) -> None:
        self._start = start
        self._optimizer = optimizer
        self.members = list(members)
        replicas = [start.replicas[member] for member in members]
        self.step = TrainingStep(
            start.spec, replicas, weights, optimizer, start.samples, start.labels, start.weights
        )

    @classmethod
    def begin(cls, start: Start, members: Sequence[int]) -> _Group:
        weights = PackWeights.of([start.models[member] for member in members], start.samples.device)
        replicas = [start.replicas[member] for member in members]
        return cls(start, members, weights, PackOptimizer(start.spec, replicas, weights.rows))

    def keep(self, live: Sequence[int]) -> _Group:
        """Return the group without the members that are not live: they take no share of the work."""
        rows = [row for row, member in enumerate(self.members) if member in live]
        if len(rows) == len(self.members):
            return self
        weights = self.step.weights.select(rows)
        optimizer = self._optimizer.select(rows, weights.rows)
        kept = _Group(self._start, [self.members[row] for row in rows], weights, optimizer)
        kept.step.follow(self.step, rows)
        return kept


def _width(start: Start) -> int:
    """Return how many replicas train together: as many as fit."""
    replicas, device = len(start.replicas), start.samples.device
    if device.type != "cuda":
        return replicas
    torch.cuda.empty_cache()  # what torch keeps of earlier packs is free, too
    free, _ = torch.cuda.mem_get_info(device)
    fitting = fitting_replicas(start.spec, Choice("fused", ""), start.samples.windows.step_len, free)
    if fitting < replicas:
        logger.info(
            "%s: %d of %d replicas fit into %.1f GiB; groups take turns",
            device,
            fitting,
            replicas,
            free / 2**30,
        )
    return min(fitting, replicas)


def _on(device: torch.device) -> AbstractContextManager[object]:
    """Make a CUDA device the current one, which is where Triton launches."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
