"""The forward and the backward pass of some samples through all days and layers.

A layer's input row ``[K]`` holds the input from below (the features, or the outputs of the layer below) and then the
layer's own output of the day before, so that a day takes one product per layer. Days are contiguous in memory,
so that the gradient of the weights is one product over several of them.
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

_DAYS = 4  # days whose partial grads of the weights are one product: few enough to be still in cache


@kernel(error_model="numpy")
def forward(
    windows: Array, inputs: Array, gates: Array, cells: Array, weights: Array, biases: Array, masks: Array,
    ones: Array, hidden: int, kept: int, bf16: int,
) -> None:  # fmt: skip
    """Compute all days; the last day's output is left in the last layer's input row of the day after.

    Parameters
    ----------
    windows : ``[B, L, F]``
    inputs : ``[layers, L + 1, B, K]``, the first day's rows hold zeros in place of a layer's own output
    gates : ``[layers, blocks, L, B, 4 LANES]``
    cells : ``[layers, L + 1, B, units]``, the first day is zero
    weights : ``[layers, blocks, K, 4 LANES]``
    biases : ``[layers, blocks, 4 LANES]``
    masks : ``[layers - 1, L, B, units]``, dropout masks of the layers' outputs: 0 or the scale; empty without dropout
    ones : ``[1, LANES]``
    hidden : the hidden size; units beyond it are padding
    kept
        1 to keep all days for the backward pass; 0 to overwrite them: two days of inputs take turns, gates and cells
        have one place.
    bf16 : 1 if ``weights`` are pairs of bfloat16 numbers; products then round the other factor too
    """
    samples, days, features = windows.shape
    layers, units, width = cells.shape[0], cells.shape[3], inputs.shape[3]
    for day in range(days):
        now, then = (day, day + 1) if kept else (day % 2, (day + 1) % 2)
        here, next_cell = (day, day + 1) if kept else (0, 0)
        for sample in range(samples):
            for feature in range(features):
                inputs[0, now, sample, feature] = windows[sample, day, feature]
            if features + units < width:  # padding, since pairs need an even number of inputs
                inputs[0, now, sample, features + units] = 0
        for layer in range(layers):
            below = units if layer else features
            outputs = Rows(_at(inputs, layer, then) + 4 * below, 4 * width)
            above = Rows(_at(inputs, layer + 1, now), 4 * width) if layer + 1 < layers else outputs
            cells_forward(
                Rows(_at(inputs, layer, now), 4 * width),
                below + units if day else below,  # the first day has no output before it
                Rows(_at(weights, layer, 0), weights.strides[1]), _at(biases, layer, 0),
                _gates(gates, layer, here), _at(cells, layer, here), _at(cells, layer, next_cell),
                outputs, above, _mask(masks, ones, layer, day), samples, hidden, bf16,
            )  # fmt: skip


@kernel(error_model="numpy")
def backward(
    features: int, inputs: Array, gates: Array, cells: Array, weights: Array, masks: Array, ones: Array,
    zeros: Array, grad: Array, input_grads: Array, cell_grads: Array, weight_grads: Array, bias_grads: Array,
    bf16: int,
) -> None:  # fmt: skip
    """Compute the gradient of the weights from that of the last day's output.

    Parameters
    ----------
    features : F
    inputs, cells, masks, ones : as :func:`forward` left them
    gates : ``[layers, blocks, L, B, 4 LANES]``, the gates; overwritten with the gradient of their products
    weights : ``[layers, P, 4 units, COLUMNS]``
        The weights of :func:`forward`, transposed, without those of the features.
    zeros : ``[1, COLUMNS]``
    grad : ``[B, units]``, the gradient of the last day's output
    input_grads, cell_grads : ``[layers + 1, B, P COLUMNS]``, ``[layers, B, units]``: zeros on entry; working space
    weight_grads, bias_grads : ``[layers, blocks, K, 4 LANES]``, ``[layers, blocks, 4 LANES]``
        Receive the gradients; zeros on entry.
    bf16 : as for :func:`forward`; the products that make ``weight_grads`` are not rounded
    """
    layers, blocks, days, samples = gates.shape[:4]
    units, width, pitch = cells.shape[3], inputs.shape[3], input_grads.strides[1]
    until = days
    for day in range(days - 1, -1, -1):
        for layer in range(layers - 1, -1, -1):
            below = units if layer else features
            outputs = Rows(_at(inputs, layer, day + 1) + 4 * below, 4 * width)
            # the features and the state before the first day need no gradient
            from_below = units if layer else 0
            needed = from_below + units if day else from_below
            later_grad = Rows(_at(input_grads, layer, 0) + 4 * from_below, pitch)
            above_grad = Rows(_at(input_grads, layer + 1, 0), pitch)
            if layer + 1 == layers and day + 1 == days:
                above_grad = Rows(_at(grad, 0, 0), 4 * units)
            day_gates = _gates(gates, layer, day)
            cells_backward(
                day_gates, _at(cells, layer, day), outputs, later_grad, above_grad,
                _mask(masks, ones, layer, day), _at(cell_grads, layer, 0), samples, blocks,
            )  # fmt: skip
            left = Left(day_gates.at, COLUMN_BYTES, day_gates.pitch, 4, blocks, COLUMNS)
            for panel in range((needed + COLUMNS - 1) // COLUMNS):
                into = Rows(_at(input_grads, layer, 0) + panel * COLUMN_BYTES, pitch)
                if bf16:
                    multiply_bf16(left, _at(weights, layer, panel), Rows(_at(zeros, 0, 0), 0), into, samples)
                else:
                    multiply(left, _at(weights, layer, panel), Rows(_at(zeros, 0, 0), 0), into, samples)
        if until - day == _DAYS or day == 0:
            _add_weight_grads(features, inputs, gates, ones, weight_grads, bias_grads, day, until)
            until = day


@kernel(error_model="numpy")
def _add_weight_grads(
    features: int, inputs: Array, gates: Array, ones: Array, weight_grads: Array, bias_grads: Array, day: int,
    until: int,
) -> None:  # fmt: skip
    """Add the partial grads of the days from ``day`` to before ``until``."""
    layers, blocks, _, samples = gates.shape[:4]
    width, rows = inputs.shape[3], (until - day) * samples
    units = blocks * (COLUMNS // 4)
    for layer in range(layers):
        below = units if layer else features
        gate_grads = _gates(gates, layer, day)
        left = Left(_at(inputs, layer, day), 4, 0, 4 * width, 1, rows)
        one = Left(_at(ones, 0, 0), 0, 0, 0, 1, rows)
        for block in range(blocks):
            panel = gate_grads.at + block * gate_grads.pitch
            into = Rows(_at(weight_grads, layer, block), COLUMN_BYTES)
            multiply(left, panel, into, into, below + units)
            into = Rows(_at(bias_grads, layer, block), COLUMN_BYTES)
            multiply(one, panel, into, into, 1)


@kernel(error_model="numpy")
def _gates(gates: Array, layer: int, day: int) -> Rows:
    """Return a layer's gates on a day; the pitch leads from block to block."""
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
    element: int = address(array) + first * array.strides[0] + second * array.strides[1]
    return element
