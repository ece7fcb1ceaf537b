"""The ``reference`` path: torch's own ``nn.LSTM``, autograd and optimizers, one member after another, on any device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from lstm_bench.model.contract import OnStep, PackSpec, TrainingInputs
from lstm_bench.model.loss.day import mean_day_loss
from lstm_bench.model.loss.sample import mean_loss
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.optimizer import make_optimizer, set_rate, step
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.scoring import score_samples

__all__ = ["ReferencePath", "training_bytes"]

_FLOAT = 4


class ReferencePath:
    """Trains an epoch of one member after another; see :class:`lstm_bench.model.contract.TrainingPath`."""

    def __init__(self, inputs: TrainingInputs) -> None:
        self._inputs = inputs
        self._models = [model.to(inputs.samples.device) for model in inputs.models]
        self._optimizers = [
            make_optimizer(inputs.spec, member, model)
            for member, model in zip(inputs.members, self._models, strict=True)
        ]

    def learn(self, active: Sequence[int], order: Tensor, rates: Tensor, on_step: OnStep) -> Tensor:
        """Train an epoch of each member."""
        losses = torch.empty(len(active), dtype=torch.float64)
        # Qlib does not change torch's setting
        precision = matrix_precision("fp32") if self._inputs.spec.compat == "none" else nullcontext()
        with precision:
            for row, member in enumerate(active):
                losses[row] = self._learn(member, order[row], rates[row].tolist(), on_step)
        return losses

    def score(self, active: Sequence[int], samples: ResidentSamples) -> Tensor:
        """Score with one model after another."""
        return torch.stack([score_samples(self._models[member].eval(), samples) for member in active])

    def weights(self, member: int) -> dict[str, Tensor]:
        """Copy a member's weights."""
        return self._models[member].copied()

    def _learn(self, member: int, order: Tensor, rates: Sequence[float], on_step: OnStep) -> float:
        inputs, model, optimizer = self._inputs, self._models[member], self._optimizers[member]
        model.train()
        total = torch.zeros((), dtype=inputs.labels.dtype, device=inputs.labels.device)
        with inputs.streams[member].in_use():
            for done, (positions, rate) in enumerate(zip(order, rates, strict=True), 1):
                set_rate(optimizer, rate)
                optimizer.zero_grad()
                loss = self._loss(model, positions)
                loss.backward()  # type: ignore[no-untyped-call]
                step(inputs.spec, model, optimizer)
                total += loss.detach()
                if on_step is not None:
                    on_step(done, len(order))
        return float(total) / len(order) if len(order) else math.nan

    def _loss(self, model: LSTM, positions: Tensor) -> Tensor:
        """Return the mean loss of a batch, scored with dropout."""
        inputs, loss = self._inputs, self._inputs.spec.loss
        if loss.is_by_day:
            positions = positions[positions >= 0]
        chosen = positions.to(inputs.labels.device)
        scores, labels = model(inputs.samples.gather(chosen)), inputs.labels[chosen]
        weights = None if inputs.weights is None else inputs.weights[chosen]
        if loss.is_by_day:
            return mean_day_loss(scores, labels, inputs.samples.days[chosen], loss, weights)
        return mean_loss(scores, labels, loss, weights)


def training_bytes(spec: PackSpec, members: int, step_len: int) -> int:
    """Plan the bytes at the peak of a step, while K members are in memory."""
    weights = 4 * _FLOAT * spec.parameters * members  # values, gradients and Adam's two moments
    # forward keeps four gates, the cell and its tanh, and the output of a layer and day; backward as much again
    kept = 2 * 7 * spec.batch_size * step_len * spec.hidden_size * spec.num_layers
    return weights + _FLOAT * kept
