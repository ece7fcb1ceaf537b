"""What a layer does on a day with some samples: products and cells on the way forward, cells on the way back.

Units go in blocks of :data:`~lstm_bench.model.paths.cpu.lanes.LANES`. The gates of a block lie in torch's order (input,
forget, candidate, output), a vector each: they are the panel of its products. Addresses are plain numbers, distances
are in bytes.
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

# Beyond these a gate is 0, 1 or -1 to all the digits that matter, and products of two exponentials stay finite.
_SIGMOID_BOUND, _TANH_BOUND = 30.0, 15.0


class Mask(NamedTuple):
    """What dropout leaves of outputs, scaled: the address of the first, from sample to sample, from block to block."""

    at: int
    pitch: int
    step: int


@kernel(error_model="numpy")
def cells_forward(
    inputs: Rows, depth: int, weights: Rows, biases: int, gates: Rows, before: int, after: int, own: Rows,
    above: Rows, mask: Mask, samples: int, hidden: int, bf16: int,
) -> None:  # fmt: skip
    """Turn a day's inputs into gates, cell and output.

    Parameters
    ----------
    inputs : ``[samples, depth]``
    depth
        How much of an input row counts.
    weights : ``[blocks, depth, 4 LANES]``
        From panel to panel; of pairs if ``bf16``.
    biases : ``[blocks, 4 LANES]``
    gates : ``[blocks, samples, 4 LANES]``
        Receives the gates; from block to block.
    before, after : ``[samples, units]``
        The cell of the day before, and of this day; they may be the same.
    own : ``[samples, units]``
        Receives the output.
    above : ``[samples, units]``
        Receives it for the layer above, times the mask.
    mask
    samples
    hidden
        The hidden size; units from there on only fill a vector, and stay 0 where a feature is infinite.
    bf16
        1 where the products' factors are rounded.
    """
    blocks = (hidden + LANES - 1) // LANES
    pitch = blocks * LANE_BYTES
    for block in range(blocks):
        unit, panel = block * LANE_BYTES, weights.at + block * weights.pitch
        bias = Rows(biases + block * COLUMN_BYTES, 0)
        for first in range(0, samples, TILE):  # whose gates are still in cache
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
                    own.at + sample * own.pitch + unit, above.at + sample * above.pitch + unit,
                    mask.at + sample * mask.pitch + block * mask.step, hidden - block * LANES,
                )  # fmt: skip


@kernel(error_model="numpy")
def cells_backward(
    gates: Rows, before: int, own: Rows, own_slope: Rows, above_slope: Rows, mask: Mask, cell_slope: int,
    samples: int, blocks: int,
) -> None:  # fmt: skip
    """Turn the gradient of a day's output into that of its products.

    Parameters
    ----------
    gates : ``[blocks, samples, 4 LANES]``
        The gates; in their place, the gradient of the products. From block to block.
    before : ``[samples, units]``
        The cell of the day before.
    own : ``[samples, units]``
        The output.
    own_slope, above_slope : ``[samples, units]``
        Gradients of the output, from the day after and from the layer above, there before the mask.
    mask
        As on the way forward.
    cell_slope : ``[samples, units]``
        The gradient of the cell from the day after; in its place, that of the cell before.
    samples, blocks
    """
    pitch = blocks * LANE_BYTES
    for block in range(blocks):
        unit = block * LANE_BYTES
        for sample in range(samples):
            here = sample * pitch + unit
            _backward(
                gates.at + block * gates.pitch + sample * COLUMN_BYTES, before + here,
                own.at + sample * own.pitch + unit, own_slope.at + sample * own_slope.pitch + unit,
                above_slope.at + sample * above_slope.pitch + unit,
                mask.at + sample * mask.pitch + block * mask.step, cell_slope + here,
            )  # fmt: skip


@generated(*[types.intp] * 7)
def _forward(
    builder: Any, gates: Any, before: Any, after: Any, own: Any, above: Any, mask: Any, units: Any
) -> None:  # fmt: skip
    places = _gates(builder, gates)
    i, f, g, o = (Lanes.load(builder, place).first(units) for place in places)
    # sigmoid(x) = 1 / (1 + e^-x), tanh(x) = (e^2x - 1) / (e^2x + 1); two quotients share a division
    to_i, to_f, to_o = (exponential(x.within(_SIGMOID_BOUND), -1.0) + 1.0 for x in (i, f, o))
    to_g = _twice(g)
    quotient = 1.0 / (to_i * (to_g + 2.0))
    i, g = quotient * (to_g + 2.0), quotient * to_i * to_g
    quotient = 1.0 / (to_f * to_o)
    f, o = quotient * to_o, quotient * to_f
    cell = f * Lanes.load(builder, before) + i * g
    to_cell = _twice(cell)
    output = o * (to_cell / (to_cell + 2.0))
    for place, gate in zip(places, (i, f, g, o), strict=True):
        gate.store(place)
    cell.store(after)
    output.store(own)
    (output * Lanes.load(builder, mask)).store(above)


@generated(*[types.intp] * 7)
def _backward(
    builder: Any, gates: Any, before: Any, own: Any, own_slope: Any, above_slope: Any, mask: Any,
    cell_slope: Any,
) -> None:  # fmt: skip
    places = _gates(builder, gates)
    i, f, g, o = (Lanes.load(builder, place) for place in places)
    output = Lanes.load(builder, own)
    slope = Lanes.load(builder, own_slope) + Lanes.load(builder, above_slope) * Lanes.load(builder, mask)
    # tanh of the cell is output / o, which spares a further exponential
    cell = Lanes.load(builder, cell_slope) + slope * (o - output * (output / o))
    slopes = (
        cell * g * i * (1.0 - i),
        cell * Lanes.load(builder, before) * f * (1.0 - f),
        cell * i * (1.0 - g * g),
        slope * output * (1.0 - o),
    )
    for place, value in zip(places, slopes, strict=True):
        value.store(place)
    (cell * f).store(cell_slope)


def _twice(x: Lanes) -> Lanes:
    return exponential_minus_1(x.within(_TANH_BOUND), 2.0)


def _gates(builder: Any, panel: Any) -> list[Any]:
    """Return the addresses of a panel's four vectors."""
    return [builder.add(panel, number(LANE_BYTES * gate)) for gate in range(4)]
