"""The reference: torch's own ``nn.LSTM``, autograd and optimizers, replica after replica, on any device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from lstm_bench.model.day_loss import mean_day_loss
from lstm_bench.model.loss import mean_loss
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.optimizer import make_optimizer, set_rate, step
from lstm_bench.model.path import Start
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples

__all__ = ["ReferencePath"]


class ReferencePath:
    """Replicas that take turns, epoch by epoch; see :class:`lstm_bench.model.path.TrainingPath`."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._models = [model.to(start.samples.device) for model in start.models]
        self._optimizers = [
            make_optimizer(start.spec, replica, model)
            for replica, model in zip(start.replicas, self._models, strict=True)
        ]

    def learn(
        self,
        live: Sequence[int],
        order: Tensor,
        rates: Tensor,
        on_step: Callable[[int, int], None] | None,
    ) -> Tensor:
        """Train one replica's epoch after the other's."""
        losses = torch.empty(len(live), dtype=torch.float64)
        # Qlib leaves torch's setting as it is
        precision = matrix_precision("fp32") if self._start.spec.compat == "none" else nullcontext()
        with precision:
            for row, replica in enumerate(live):
                losses[row] = self._learn(replica, order[row], rates[row].tolist(), on_step)
        return losses

    def score(self, live: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score with one model after the other."""
        return torch.stack([predict(self._models[replica], samples) for replica in live])

    def weights(self, replica: int) -> dict[str, Tensor]:
        """Copy a replica's weights."""
        return self._models[replica].copied()

    def _learn(
        self,
        replica: int,
        order: Tensor,
        rates: Sequence[float],
        on_step: Callable[[int, int], None] | None,
    ) -> float:
        start, model, optimizer = self._start, self._models[replica], self._optimizers[replica]
        model.train()
        total = torch.zeros((), dtype=start.labels.dtype, device=start.labels.device)
        with start.streams[replica].active():
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
