"""A model's weights in the layout of the compiled kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lstm_bench.model.paths.cpu.bf16 import paired
from lstm_bench.model.paths.cpu.lanes import LANES
from lstm_bench.model.paths.cpu.tile import COLUMNS

__all__ = ["PackedWeights", "Shape", "unpacked"]


class Shape(NamedTuple):
    """Sizes of an LSTM in the kernels, padded to whole vectors.

    ``blocks``: vectors that hold a layer's units; units beyond the hidden size stay 0.
    """

    features: int
    hidden_size: int
    layers: int
    blocks: int

    @classmethod
    def of(cls, features: int, hidden_size: int, layers: int) -> Shape:
        """Return the sizes for an LSTM."""
        return cls(features, hidden_size, layers, math.ceil(hidden_size / LANES))

    @property
    def units(self) -> int:
        """Units of a layer, with padding."""
        return self.blocks * LANES

    @property
    def width(self) -> int:
        """K: the longest input row, padded to whole pairs of vectors."""
        return math.ceil((max(self.features, self.units) + self.units) / (2 * LANES)) * 2 * LANES

    @property
    def panels(self) -> int:
        """P: panels of the gradient of an input row; features have none."""
        return math.ceil(2 * self.units / COLUMNS)

    def below(self, layer: int) -> int:
        """Return the size of the part of a layer's input row that is its input from below."""
        return self.units if layer else self.features


@dataclass(frozen=True)
class PackedWeights:
    """Weights of all layers. A panel of gates has the four gates of each unit of a block."""

    shape: Shape
    rows: Tensor  # ``[layers, blocks, K, 4 LANES]``, a leaf for autograd: panels of gates
    biases: Tensor  # ``[layers, blocks, 4 LANES]``, a leaf for autograd
    forward: Tensor  # as ``rows``, the panels of the forward pass
    # ``[layers, P, 4 units, COLUMNS]``: the panels of the backward pass: of inputs from below (none in the first
    # layer), then the layer's own
    backward: Tensor
    bf16: bool  # whether ``forward`` and ``backward`` are pairs of bfloat16 numbers

    @classmethod
    @torch.no_grad()
    def of(cls, rnn: nn.LSTM, *, bf16: bool) -> PackedWeights:
        """Pack a module's current weights."""
        shape = Shape.of(rnn.input_size, rnn.hidden_size, rnn.num_layers)
        hidden, units, blocks = shape.hidden_size, shape.units, shape.blocks
        rows = torch.zeros(shape.layers, blocks, shape.width, 4, LANES)
        columns = torch.zeros(shape.layers, 4 * units, shape.panels * COLUMNS)
        biases = torch.zeros(shape.layers, 4, units)
        for layer, (from_below, from_before, bias, other_bias) in enumerate(rnn.all_weights):
            taken, below = from_below.shape[1], shape.below(layer)
            inputs = torch.zeros(4, units, below + units)  # as torch has them
            inputs[:, :hidden, :taken] = from_below.view(4, hidden, taken)
            inputs[:, :hidden, below : below + hidden] = from_before.view(4, hidden, hidden)
            by_block = inputs.view(4, blocks, LANES, -1)
            rows[layer, :, : below + units] = by_block.permute(1, 3, 0, 2)
            with_grads = inputs if layer else inputs[..., below:]  # features need no gradient
            columns[layer, :, : with_grads.shape[2]] = (
                with_grads.view(4, blocks, LANES, -1).transpose(0, 1).flatten(0, 2)
            )
            biases[layer, :, :hidden] = (bias + other_bias).view(4, hidden)
        rows = rows.flatten(3)
        by_gate = biases.view(shape.layers, 4, blocks, LANES).transpose(1, 2).flatten(2)
        backward = columns.view(shape.layers, 4 * units, shape.panels, COLUMNS).transpose(1, 2)
        return cls(
            shape,
            rows.requires_grad_(),
            by_gate.requires_grad_(),
            paired(rows) if bf16 else rows.detach(),
            paired(backward) if bf16 else backward.contiguous(),
            bf16,
        )


def unpacked(shape: Shape, rows: Tensor, biases: Tensor) -> list[Tensor]:
    """Return the gradients of a module's parameters, in their order, from those of ``rows`` and ``biases``."""
    hidden = shape.hidden_size
    gradients = []
    for layer in range(shape.layers):
        below, taken = shape.below(layer), hidden if layer else shape.features
        columns = rows[layer].view(shape.blocks, -1, 4, LANES).permute(2, 0, 3, 1)  # [4, blocks, LANES, K]
        columns = columns.flatten(1, 2)[:, :hidden]
        bias = biases[layer].view(shape.blocks, 4, LANES).transpose(0, 1).flatten(1)[:, :hidden]
        gradients += [columns[..., :taken], columns[..., below : below + hidden], bias, bias]
    # copied, in the parameters' memory order: optimizers and clipping change gradients in place
    return [
        gradient.reshape(4 * hidden, *gradient.shape[2:]).clone(memory_format=torch.contiguous_format)
        for gradient in gradients
    ]
