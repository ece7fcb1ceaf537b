"""An LSTM whose layers run in the compiled kernels: scores, and scores with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor
from torch.autograd.function import once_differentiable

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import ConfigError
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.paths.cpu.bf16 import HAS_BF16
from lstm_bench.model.paths.cpu.lanes import LANES
from lstm_bench.model.paths.cpu.sequence import backward, forward
from lstm_bench.model.paths.cpu.tile import COLUMNS
from lstm_bench.model.paths.cpu.weights import PackedWeights, unpacked

__all__ = ["PRECISIONS", "CompiledLSTM"]

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16") if HAS_BF16 else ("fp32",)
"""Precisions of products that this processor's kernels have."""


class CompiledLSTM:
    """A model whose layers run in compiled kernels, on the calling thread alone.

    The kernels use the model's weights as of the last :meth:`repack`. With ``bf16``, the factors of the weights'
    gradient stay float32. Raises ConfigError if the processor has no products of that precision.
    """

    def __init__(self, model: LSTM, precision: Precision = "fp32") -> None:
        if precision not in PRECISIONS:
            raise ConfigError(
                f"lstm_bench.training.precision: got {precision!r}, but this processor's kernels do not have it; "
                f"choices: {', '.join(PRECISIONS)}"
            )
        self.model = model
        self._bf16 = precision == "bf16"
        self.repack()

    def repack(self) -> None:
        """Copy the model's current weights into the kernels' layout."""
        self._weights = PackedWeights.of(self.model.rnn, bf16=self._bf16)

    @property
    def leaves(self) -> list[Tensor]:
        """The tensors that :meth:`training_scores` has gradients for; :meth:`set_grads` takes them."""
        return [self._weights.rows, self._weights.biases, *self.model.fc_out.parameters()]

    def set_grads(self, grads: Sequence[Tensor]) -> None:
        """Set the grads of the model's parameters from those of the leaves."""
        rows, biases, *head = grads
        unpacked_grads = unpacked(self._weights.shape, rows, biases)
        for parameter, grad in zip(self.model.parameters(), [*unpacked_grads, *head], strict=True):
            parameter.grad = grad

    def scores(self, windows: Tensor) -> Tensor:
        """Map windows ``[B, L, F]`` to scores ``[B]``, without dropout or gradients."""
        with torch.no_grad():
            return self.model.head(_Days(self._weights, windows, None, kept=False).last())

    def training_scores(self, windows: Tensor, masks: Generator) -> Tensor:
        """Map windows ``[B, L, F]`` to scores ``[B]`` that have gradients; dropout draws from the generator."""
        weights, dropout = self._weights, self.model.rnn.dropout
        sampled = None
        if dropout:
            sizes = (weights.shape.layers - 1, windows.shape[1], len(windows), weights.shape.units)
            sampled = torch.empty(sizes).bernoulli_(1 - dropout, generator=masks).div_(1 - dropout)
        outputs: Tensor = _LastOutputs.apply(  # type: ignore[no-untyped-call]
            weights.rows, weights.biases, weights, windows, sampled
        )
        return self.model.head(outputs)


class _LastOutputs(torch.autograd.Function):
    """Map packed weights (and their leaves), windows and masks to the last day's outputs ``[B, H]``."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, biases: Tensor, weights: PackedWeights, windows: Tensor, masks: Tensor | None
    ) -> Tensor:
        ctx.days = _Days(weights, windows, masks, kept=True)
        last: Tensor = ctx.days.last()
        return last

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, unused-ignore]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*ctx.days.gradients(grad), None, None, None)


class _Days:
    """The kernels' arrays for some samples: of all days if ``kept``, otherwise of one day at a time."""

    def __init__(self, weights: PackedWeights, windows: Tensor, masks: Tensor | None, *, kept: bool) -> None:
        shape = weights.shape
        samples, days, _ = windows.shape
        slots = days if kept else 1
        self._weights = weights
        self._inputs = torch.empty(shape.layers, slots + 1, samples, shape.width)
        self._gates = torch.empty(shape.layers, shape.blocks, slots, samples, COLUMNS)
        self._cells = torch.empty(shape.layers, slots + kept, samples, shape.units)
        self._last = days if kept else days % 2  # place of the inputs of the day after the last one
        self._inputs[:, 0] = 0
        self._cells[:, 0] = 0
        self._masks = torch.empty(0, days, samples, shape.units) if masks is None else masks
        forward(
            windows.contiguous().numpy(),
            self._inputs.numpy(), self._gates.numpy(), self._cells.numpy(),
            weights.forward.numpy(), weights.biases.detach().numpy(),
            self._masks.numpy(), _ONES, shape.hidden_size, int(kept), int(weights.bf16),
        )  # fmt: skip

    def last(self) -> Tensor:
        """Return the last layer's outputs on the last day, ``[B, H]``."""
        shape = self._weights.shape
        first = shape.below(shape.layers - 1)
        return self._inputs[-1, self._last, :, first : first + shape.hidden_size].clone()

    def gradients(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of the weights' rows and biases, given that of :meth:`last`; call it only once."""
        shape, samples = self._weights.shape, len(grad)
        padded = torch.nn.functional.pad(grad, (0, shape.units - shape.hidden_size)).contiguous()
        # the kernels fill a layer's rows only up to its own width
        rows = torch.zeros_like(self._weights.rows)
        biases = torch.zeros_like(self._weights.biases)
        backward(
            shape.features, self._inputs.numpy(), self._gates.numpy(), self._cells.numpy(),
            self._weights.backward.numpy(), self._masks.numpy(), _ONES, _ZEROS, padded.numpy(),
            torch.zeros(shape.layers + 1, samples, shape.panels * COLUMNS).numpy(),
            torch.zeros(shape.layers, samples, shape.units).numpy(),
            rows.numpy(), biases.numpy(), int(self._weights.bf16),
        )  # fmt: skip
        return rows, biases


_ONES, _ZEROS = np.ones((1, LANES), np.float32), np.zeros((1, COLUMNS), np.float32)
