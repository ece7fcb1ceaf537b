"""Through the days and layers of some samples, forward and back.

A layer's input row ``[K]`` holds what comes from below (features, or the layer's outputs) and then its own output
of the day before, so that a day takes one product per layer. Days lie one after the other, so that the gradient of
the weights is one product over several of them.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.bf16 import multiply_bf16
from lstm_bench.model.paths.cpu.cell import Mask, cells_backward, cells_forward
from lstm_bench.model.paths.cpu.lanes import LANE_BYTES
from lstm_bench.model.paths.cpu.products import multiply
from lstm_bench.model.paths.cpu.tile import COLUMN_BYTES, COLUMNS, Left, Rows, address

__all__ = ["backward", "forward"]

Array = npt.NDArray[Any]

_DAYS = 4  # whose share of the weights' gradient is one product: few enough to be in cache still


@kernel(error_model="numpy")
def forward(
    windows: Array, inputs: Array, gates: Array, cells: Array, weights: Array, biases: Array, masks: Array,
    ones: Array, hidden: int, kept: int, bf16: int,
) -> None:  # fmt: skip
    """Score windows up to the last day's output, which ends in the last layer's input row of the day after.

    Parameters
    ----------
    windows : ``[B, L, F]``
    inputs : ``[layers, L + 1, B, K]``
        Its first day holds zeros where a layer's own output will be.
    gates : ``[layers, blocks, L, B, 4 LANES]``
    cells : ``[layers, L + 1, B, units]``
        The first day is zero.
    weights : ``[layers, blocks, K, 4 LANES]``
    biases : ``[layers, blocks, 4 LANES]``
    masks : ``[layers - 1, L, B, units]``
        What dropout leaves of a layer's outputs, scaled; empty without dropout.
    ones : ``[1, LANES]``
    hidden
        The hidden size: units from there on only fill vectors.
    kept
        1 to keep all days for the way back; 0 where they take each other's place: inputs of two days in turn, gates
        and cells of one.
    bf16
        1 where ``weights`` are pairs of bfloat16 numbers, and products round the other factor too.
    """
    samples, days, features = windows.shape
    layers, units, width = cells.shape[0], cells.shape[3], inputs.shape[3]
    for day in range(days):
        now, then = (day, day + 1) if kept else (day % 2, (day + 1) % 2)
        here, next_cell = (day, day + 1) if kept else (0, 0)
        for sample in range(samples):
            for feature in range(features):
                inputs[0, now, sample, feature] = windows[sample, day, feature]
            if features + units < width:  # where pairs need an even number of inputs
                inputs[0, now, sample, features + units] = 0
        for layer in range(layers):
            below = units if layer else features
            own = Rows(_at(inputs, layer, then) + 4 * below, 4 * width)
            above = Rows(_at(inputs, layer + 1, now), 4 * width) if layer + 1 < layers else own
            cells_forward(
                Rows(_at(inputs, layer, now), 4 * width),
                below + units if day else below,  # before the first day there is no output
                Rows(_at(weights, layer, 0), weights.strides[1]), _at(biases, layer, 0),
                _gates(gates, layer, here), _at(cells, layer, here), _at(cells, layer, next_cell),
                own, above, _mask(masks, ones, layer, day), samples, hidden, bf16,
            )  # fmt: skip


@kernel(error_model="numpy")
def backward(
    features: int, inputs: Array, gates: Array, cells: Array, weights: Array, masks: Array, ones: Array,
    zeros: Array, slope: Array, input_slopes: Array, cell_slopes: Array, weight_slopes: Array, bias_slopes: Array,
    bf16: int,
) -> None:  # fmt: skip
    """Work back from the last day's output to the weights.

    Parameters
    ----------
    features
        F.
    inputs, cells, masks, ones
        As :func:`forward` left them.
    gates : ``[layers, blocks, L, B, 4 LANES]``
        The gates; afterwards the gradients of the products.
    weights : ``[layers, P, 4 units, COLUMNS]``
        Those of :func:`forward`, transposed, without the features'.
    zeros : ``[1, COLUMNS]``
    slope : ``[B, units]``
        The gradient of the last day's output.
    input_slopes, cell_slopes : ``[layers + 1, B, P COLUMNS]``, ``[layers, B, units]``
        Zeros, to work in.
    weight_slopes, bias_slopes : ``[layers, blocks, K, 4 LANES]``, ``[layers, blocks, 4 LANES]``
        Receive the gradients; they begin with zeros.
    bf16
        As for :func:`forward`; the products that give ``weight_slopes`` are not rounded.
    """
    layers, blocks, days, samples = gates.shape[:4]
    units, width, pitch = cells.shape[3], inputs.shape[3], input_slopes.strides[1]
    until = days
    for day in range(days - 1, -1, -1):
        for layer in range(layers - 1, -1, -1):
            below = units if layer else features
            own = Rows(_at(inputs, layer, day + 1) + 4 * below, 4 * width)
            # nobody asks for the gradient of the features, nor of what precedes the first day
            from_below = units if layer else 0
            asked = from_below + units if day else from_below
            own_slope = Rows(_at(input_slopes, layer, 0) + 4 * from_below, pitch)
            above_slope = Rows(_at(input_slopes, layer + 1, 0), pitch)
            if layer + 1 == layers and day + 1 == days:
                above_slope = Rows(_at(slope, 0, 0), 4 * units)
            own_gates = _gates(gates, layer, day)
            cells_backward(
                own_gates, _at(cells, layer, day), own, own_slope, above_slope,
                _mask(masks, ones, layer, day), _at(cell_slopes, layer, 0), samples, blocks,
            )  # fmt: skip
            left = Left(own_gates.at, COLUMN_BYTES, own_gates.pitch, 4, blocks, COLUMNS)
            for panel in range((asked + COLUMNS - 1) // COLUMNS):
                into = Rows(_at(input_slopes, layer, 0) + panel * COLUMN_BYTES, pitch)
                if bf16:
                    multiply_bf16(left, _at(weights, layer, panel), Rows(_at(zeros, 0, 0), 0), into, samples)
                else:
                    multiply(left, _at(weights, layer, panel), Rows(_at(zeros, 0, 0), 0), into, samples)
        if until - day == _DAYS or day == 0:
            for layer in range(layers):
                below = units if layer else features
                gradient = _gates(gates, layer, day)
                rows = (until - day) * samples
                left = Left(_at(inputs, layer, day), 4, 0, 4 * width, 1, rows)
                one = Left(_at(ones, 0, 0), 0, 0, 0, 1, rows)
                for block in range(blocks):
                    panel = gradient.at + block * gradient.pitch
                    into = Rows(_at(weight_slopes, layer, block), COLUMN_BYTES)
                    multiply(left, panel, into, into, below + units)
                    into = Rows(_at(bias_slopes, layer, block), COLUMN_BYTES)
                    multiply(one, panel, into, into, 1)
            until = day


@kernel(error_model="numpy")
def _gates(gates: Array, layer: int, day: int) -> Rows:
    """Return a layer's gates on a day, from block to block."""
    return Rows(_at(gates, layer, 0) + day * gates.strides[2], gates.strides[1])


@kernel(error_model="numpy")
def _mask(masks: Array, ones: Array, layer: int, day: int) -> Mask:
    """Return a layer's mask on a day; the last layer's is all ones, the same for all units."""
    if layer < masks.shape[0]:
        return Mask(_at(masks, layer, day), 4 * masks.shape[3], LANE_BYTES)
    return Mask(_at(ones, 0, 0), 0, 0)


@kernel(error_model="numpy")
def _at(array: Any, first: int, second: int) -> int:
    """Return the address of ``array[first, second]``."""
    place: int = address(array) + first * array.strides[0] + second * array.strides[1]
    return place
