"""What an LSTM cell does between its products, a day of some samples at a time.

Gates lie in torch's order: input, forget, candidate, output; a gate's units side by side, their number a multiple
of :data:`lstm_bench.model.compiled.lanes.LANES`. Addresses are plain numbers, distances are in bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types

from lstm_bench.kernel import kernel
from lstm_bench.model.compiled.generated import generated
from lstm_bench.model.compiled.lanes import LANE_BYTES, Lanes, exponential, exponential_minus_1

__all__ = ["Rows", "add_columns", "cells_backward", "cells_forward"]

# Beyond these a gate is 0, 1 or -1 to all the digits that matter, and products of two exponentials stay finite.
_SIGMOID_BOUND, _TANH_BOUND = 30.0, 15.0


class Rows(NamedTuple):
    """Samples' rows in memory: the address of the first, and how far apart they are."""

    at: int
    pitch: int


@kernel(error_model="numpy")
def cells_forward(
    gates: int, biases: int, before: int, after: int, own: Rows, above: Rows, mask: Rows, mask_step: int,
    samples: int, units: int,
) -> None:  # fmt: skip
    """Turn the products of a day into gates, cell and output.

    Parameters
    ----------
    gates : ``[samples, 4, units]``
        The products; in their place, the gates.
    biases : ``[4, units]``
    before, after : ``[samples, units]``
        The cell of the day before, and of this day; they may be the same.
    own : ``[samples, units]``
        Receives the output.
    above : ``[samples, units]``
        Receives it for the layer above, times the mask.
    mask : ``[samples, units]``
        What dropout leaves, scaled; with a ``mask_step`` of 0, its first numbers serve all units.
    """
    plane = 4 * units
    for sample in range(samples):
        for unit in range(0, plane, LANE_BYTES):
            here = sample * plane + unit
            _forward(
                gates + 4 * sample * plane + unit, biases + unit, plane, before + here, after + here,
                own.at + sample * own.pitch + unit, above.at + sample * above.pitch + unit,
                mask.at + sample * mask.pitch + unit * mask_step,
            )  # fmt: skip


@kernel(error_model="numpy")
def cells_backward(
    gates: int, before: int, own: Rows, own_slope: Rows, above_slope: Rows, mask: Rows, mask_step: int,
    cell_slope: int, samples: int, units: int,
) -> None:  # fmt: skip
    """Turn the gradient of a day's output into that of its products.

    Parameters
    ----------
    gates : ``[samples, 4, units]``
        The gates; in their place, the gradient of the products.
    before : ``[samples, units]``
        The cell of the day before.
    own : ``[samples, units]``
        The output.
    own_slope, above_slope : ``[samples, units]``
        Gradients of the output, from the day after and from the layer above, there before the mask.
    mask, mask_step
        As on the way forward.
    cell_slope : ``[samples, units]``
        The gradient of the cell from the day after; in its place, that of the cell before.
    """
    plane = 4 * units
    for sample in range(samples):
        for unit in range(0, plane, LANE_BYTES):
            here = sample * plane + unit
            _backward(
                gates + 4 * sample * plane + unit, plane, before + here, own.at + sample * own.pitch + unit,
                own_slope.at + sample * own_slope.pitch + unit,
                above_slope.at + sample * above_slope.pitch + unit,
                mask.at + sample * mask.pitch + unit * mask_step, cell_slope + here,
            )  # fmt: skip


@kernel(error_model="numpy")
def add_columns(values: int, sums: int, rows: int, columns: int) -> None:
    """Add ``[rows, columns]`` to their sums ``[columns]``."""
    for row in range(rows):
        for column in range(0, 4 * columns, LANE_BYTES):
            _add(values + 4 * row * columns + column, sums + column)


@generated(*[types.intp] * 8)
def _forward(
    builder: Any, gates: Any, biases: Any, plane: Any, before: Any, after: Any, own: Any, above: Any, mask: Any
) -> None:  # fmt: skip
    places = _planes(builder, gates, plane)
    i, f, g, o = (
        Lanes.load(builder, place) + Lanes.load(builder, bias)
        for place, bias in zip(places, _planes(builder, biases, plane), strict=True)
    )
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


@generated(*[types.intp] * 8)
def _backward(
    builder: Any, gates: Any, plane: Any, before: Any, own: Any, own_slope: Any, above_slope: Any, mask: Any,
    cell_slope: Any,
) -> None:  # fmt: skip
    places = _planes(builder, gates, plane)
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


@generated(types.intp, types.intp)
def _add(builder: Any, values: Any, sums: Any) -> None:
    (Lanes.load(builder, sums) + Lanes.load(builder, values)).store(sums)


def _twice(x: Lanes) -> Lanes:
    return exponential_minus_1(x.within(_TANH_BOUND), 2.0)


def _planes(builder: Any, address: Any, plane: Any) -> list[Any]:
    """Return the addresses of a unit in the four gates."""
    return [builder.add(address, builder.mul(plane, ir.Constant(ir.IntType(64), gate))) for gate in range(4)]
