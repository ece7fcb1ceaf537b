"""One day of one layer for some samples: products and cells in the forward pass, cells in the backward pass.

Units are handled in blocks of :data:`~lstm_bench.model.paths.cpu.lanes.LANES`. The gates of a block are one panel of
products: four vectors in torch's order (input, forget, candidate, output). Addresses are plain integers, distances are
in bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import types

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.bf16 import multiply_bf16
from lstm_bench.model.paths.cpu.generated import generated
from lstm_bench.model.paths.cpu.lanes import LANE_BYTES, LANES, Lanes, exponential, exponential_minus_1
from lstm_bench.model.paths.cpu.products import multiply
from lstm_bench.model.paths.cpu.tile import COLUMN_BYTES, TILE, Left, Rows, number

__all__ = ["Mask", "cells_backward", "cells_forward"]

# Beyond these a gate is 0, 1 or -1 in float32, and products of two exponentials stay finite.
_SIGMOID_BOUND, _TANH_BOUND = 30.0, 15.0


class Mask(NamedTuple):
    """A dropout mask: the address of its first number, and the distances from sample to sample and block to block."""

    at: int
    pitch: int
    step: int


@kernel(error_model="numpy")
def cells_forward(
    inputs: Rows, depth: int, weights: Rows, biases: int, gates: Rows, before: int, after: int, outputs: Rows,
    above: Rows, mask: Mask, samples: int, hidden: int, bf16: int,
) -> None:  # fmt: skip
    """Compute gates, cells and outputs from a day's inputs.

    Parameters
    ----------
    inputs : ``[samples, depth]``
    depth : numbers of an input row to use
    weights : ``[blocks, depth, 4 LANES]``; the pitch leads from panel to panel; pairs if ``bf16``
    biases : ``[blocks, 4 LANES]``
    gates : ``[blocks, samples, 4 LANES]``, receives the gates; the pitch leads from block to block
    before, after : ``[samples, units]``, the cells of the day before and of this day; they may be the same
    outputs : ``[samples, units]``, receives the output
    above : ``[samples, units]``, receives the output times the mask, for the layer above
    hidden : the hidden size; units beyond it are padding, and stay 0 even if a feature is infinite
    bf16 : 1 to round the products' factors
    """
    blocks = (hidden + LANES - 1) // LANES
    pitch = blocks * LANE_BYTES
    for block in range(blocks):
        unit, panel = block * LANE_BYTES, weights.at + block * weights.pitch
        bias = Rows(biases + block * COLUMN_BYTES, 0)
        for first in range(0, samples, TILE):  # cells follow while the gates are still in cache
            end = min(samples, first + TILE)
            place = gates.at + block * gates.pitch + first * COLUMN_BYTES
            left = Left(inputs.at + first * inputs.pitch, inputs.pitch, 0, 4, 1, depth)
            if bf16:
                multiply_bf16(left, panel, bias, Rows(place, COLUMN_BYTES), end - first)
            else:
                multiply(left, panel, bias, Rows(place, COLUMN_BYTES), end - first)
            for sample in range(first, end):
                here = sample * pitch + unit
                _forward(
                    gates.at + block * gates.pitch + sample * COLUMN_BYTES, before + here, after + here,
                    outputs.at + sample * outputs.pitch + unit, above.at + sample * above.pitch + unit,
                    mask.at + sample * mask.pitch + block * mask.step, hidden - block * LANES,
                )  # fmt: skip


@kernel(error_model="numpy")
def cells_backward(
    gates: Rows, before: int, outputs: Rows, later_grad: Rows, above_grad: Rows, mask: Mask, cell_grad: int,
    samples: int, blocks: int,
) -> None:  # fmt: skip
    """Compute the gradient of a day's products from that of its output.

    Parameters
    ----------
    gates : ``[blocks, samples, 4 LANES]``
        The gates; overwritten with the gradient of their products. The pitch leads from block to block.
    before : ``[samples, units]``, the cells of the day before
    outputs : ``[samples, units]``, the output
    later_grad, above_grad : ``[samples, units]``
        Gradients of the output from the day after and from the layer above, the latter before the mask.
    mask : as in the forward pass
    cell_grad : ``[samples, units]``
        The gradient of the cells from the day after; overwritten with that of the cells before.
    """
    pitch = blocks * LANE_BYTES
    for block in range(blocks):
        unit = block * LANE_BYTES
        for sample in range(samples):
            here = sample * pitch + unit
            _backward(
                gates.at + block * gates.pitch + sample * COLUMN_BYTES, before + here,
                outputs.at + sample * outputs.pitch + unit, later_grad.at + sample * later_grad.pitch + unit,
                above_grad.at + sample * above_grad.pitch + unit,
                mask.at + sample * mask.pitch + block * mask.step, cell_grad + here,
            )  # fmt: skip


@generated(*[types.intp] * 7)
def _forward(
    builder: Any, gates: Any, before: Any, after: Any, outputs: Any, above: Any, mask: Any, units: Any
) -> None:  # fmt: skip
    places = _gates(builder, gates)
    i, f, g, o = (Lanes.load(builder, place).first(units) for place in places)
    # sigmoid(x) = 1 / (1 + e^-x), tanh(x) = (e^2x - 1) / (e^2x + 1); two quotients share a division
    to_i, to_f, to_o = (exponential(x.within(_SIGMOID_BOUND), -1.0) + 1.0 for x in (i, f, o))
    to_g = _double_exponential(g)
    quotient = 1.0 / (to_i * (to_g + 2.0))
    i, g = quotient * (to_g + 2.0), quotient * to_i * to_g
    quotient = 1.0 / (to_f * to_o)
    f, o = quotient * to_o, quotient * to_f
    cell = f * Lanes.load(builder, before) + i * g
    to_cell = _double_exponential(cell)
    output = o * (to_cell / (to_cell + 2.0))
    for place, gate in zip(places, (i, f, g, o), strict=True):
        gate.store(place)
    cell.store(after)
    output.store(outputs)
    (output * Lanes.load(builder, mask)).store(above)


@generated(*[types.intp] * 7)
def _backward(
    builder: Any, gates: Any, before: Any, outputs: Any, later_grad: Any, above_grad: Any, mask: Any,
    cell_grad: Any,
) -> None:  # fmt: skip
    places = _gates(builder, gates)
    i, f, g, o = (Lanes.load(builder, place) for place in places)
    output = Lanes.load(builder, outputs)
    grad = Lanes.load(builder, later_grad) + Lanes.load(builder, above_grad) * Lanes.load(builder, mask)
    # output / o is the tanh of the cell: this saves an exponential
    cell = Lanes.load(builder, cell_grad) + grad * (o - output * (output / o))
    grads = (
        cell * g * i * (1.0 - i),
        cell * Lanes.load(builder, before) * f * (1.0 - f),
        cell * i * (1.0 - g * g),
        grad * output * (1.0 - o),
    )
    for place, value in zip(places, grads, strict=True):
        value.store(place)
    (cell * f).store(cell_grad)


def _double_exponential(x: Lanes) -> Lanes:
    """Return e^2x - 1."""
    return exponential_minus_1(x.within(_TANH_BOUND), 2.0)


def _gates(builder: Any, panel: Any) -> list[Any]:
    """Return the addresses of a panel's four vectors."""
    return [builder.add(panel, number(LANE_BYTES * gate)) for gate in range(4)]
