"""A model's weights as the compiled kernels take them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_bench.model.compiled.lanes import LANES

__all__ = ["PackedWeights", "Shape", "unpacked"]


class Shape(NamedTuple):
    """Sizes of an LSTM in the kernels.

    Attributes
    ----------
    features, hidden_size, layers
    units : the hidden size rounded up to whole vectors; the units beyond it stay 0
    """

    features: int
    hidden_size: int
    layers: int
    units: int

    @classmethod
    def of(cls, features: int, hidden_size: int, layers: int) -> Shape:
        """Return the sizes in the kernels of an LSTM with these."""
        return cls(features, hidden_size, layers, math.ceil(hidden_size / LANES) * LANES)

    @property
    def width(self) -> int:
        """K: the longest input row."""
        return max(self.features, self.units) + self.units

    def below(self, layer: int) -> int:
        """Return how much of a layer's input row comes from below."""
        return self.units if layer else self.features


@dataclass(frozen=True)
class PackedWeights:
    """Weights of all layers.

    Attributes
    ----------
    shape
    rows : ``[layers, K, 4 units]``, a leaf that may have a gradient
    columns : ``[layers, 4 units, K]``, the same transposed
    biases : ``[layers, 4 units]``, a leaf too
    """

    shape: Shape
    rows: Tensor
    columns: Tensor
    biases: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, rnn: nn.LSTM) -> PackedWeights:
        """Pack a module's present weights."""
        shape = Shape.of(rnn.input_size, rnn.hidden_size, rnn.num_layers)
        hidden = shape.hidden_size
        columns = torch.zeros(shape.layers, 4, shape.units, shape.width)
        biases = torch.zeros(shape.layers, 4, shape.units)
        for layer, (from_below, from_before, bias, other_bias) in enumerate(rnn.all_weights):
            taken, below = from_below.shape[1], shape.below(layer)
            columns[layer, :, :hidden, :taken] = from_below.view(4, hidden, taken)
            columns[layer, :, :hidden, below : below + hidden] = from_before.view(4, hidden, hidden)
            biases[layer, :, :hidden] = (bias + other_bias).view(4, hidden)
        columns = columns.flatten(1, 2)
        rows = columns.transpose(1, 2).contiguous()
        return cls(shape, rows.requires_grad_(), columns, biases.flatten(1).requires_grad_())


def unpacked(shape: Shape, rows: Tensor, biases: Tensor) -> list[Tensor]:
    """Return the gradients of packed weights, ``[layers, K, 4 units]`` and ``[layers, 4 units]``, as torch has them.

    One for each parameter of its module, in their order.
    """
    hidden = shape.hidden_size
    gradients = []
    for layer in range(shape.layers):
        below, taken = shape.below(layer), hidden if layer else shape.features
        columns = rows[layer].view(-1, 4, shape.units).permute(1, 2, 0)[:, :hidden]  # [4, hidden, K]
        bias = biases[layer].view(4, shape.units)[:, :hidden]
        gradients += [columns[..., :taken], columns[..., below : below + hidden], bias, bias]
    # in memory as their parameters are, and each by itself: optimizers and clipping go over it in that order, in place
    return [
        gradient.reshape(4 * hidden, *gradient.shape[2:]).clone(memory_format=torch.contiguous_format)
        for gradient in gradients
    ]
