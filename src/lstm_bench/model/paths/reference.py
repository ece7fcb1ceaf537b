"""The reference: torch's own ``nn.LSTM``, autograd and optimizers, member after member, on any device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from lstm_bench.model.contract import TrainingInputs
from lstm_bench.model.loss.day import mean_day_loss
from lstm_bench.model.loss.sample import mean_loss
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.optimizer import make_optimizer, set_rate, step
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples

__all__ = ["ReferencePath"]


class ReferencePath:
    """Members that take turns, epoch by epoch; see :class:`lstm_bench.model.select.TrainingPath`."""

    def __init__(self, start: TrainingInputs) -> None:
        self._start = start
        self._models = [model.to(start.samples.device) for model in start.models]
        self._optimizers = [
            make_optimizer(start.spec, member, model)
            for member, model in zip(start.members, self._models, strict=True)
        ]

    def learn(
        self,
        live: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Train one member's epoch after the other's."""
        losses = torch.empty(len(live), dtype=torch.float64)
        # Qlib leaves torch's setting as it is
        precision = matrix_precision("fp32") if self._start.spec.compat == "none" else nullcontext()
        with precision:
            for row, member in enumerate(live):
                losses[row] = self._learn(member, order[row], rates[row].tolist(), on_step)
        return losses

    def score(self, live: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score with one model after the other."""
        return torch.stack([predict(self._models[member], samples) for member in live])

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copy a member's weights."""
        return self._models[member].copied()

    def _learn(
        self,
        member: int,
        order: Tensor,
        rates: Sequence[float],
        on_step: Callable[[int, int], None] | None,
    ) -> float:
        start, model, optimizer = self._start, self._models[member], self._optimizers[member]
        model.train()
        total = torch.zeros((), dtype=start.labels.dtype, device=start.labels.device)
        with start.streams[member].active():
            for done, (positions, rate) in enumerate(zip(order, rates, strict=True), 1):
                set_rate(optimizer, rate)
                optimizer.zero_grad()
                loss = self._loss(model, positions)
                loss.backward()  # type: ignore[no-untyped-call]
                step(start.spec, model, optimizer)
                total += loss.detach()
                if on_step is not None:
                    on_step(done, len(order))
        return float(total) / len(order) if len(order) else math.nan

    def _loss(self, model: LSTM, positions: Tensor) -> Tensor:
        """Return the mean loss of a batch, whose scores are drawn with dropout."""
        start, loss = self._start, self._start.spec.loss
        if loss.is_by_day:
            positions = positions[positions >= 0]
        chosen = positions.to(start.labels.device)
        scores, labels = model(start.samples.gather(chosen)), start.labels[chosen]
        weights = None if start.weights is None else start.weights[chosen]
        if loss.is_by_day:
            return mean_day_loss(scores, labels, start.samples.days[chosen], loss, weights)
        return mean_loss(scores, labels, loss, weights)
