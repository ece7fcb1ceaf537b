"""Through the days and layers of some samples, forward and back.

A layer's input row ``[K]`` holds what comes from below (features, or the layer's outputs) and then its own output
of the day before, so that a day takes one product per layer. Days lie one after the other, so that the gradient of
the weights is one product over several of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.kernel import kernel
from lstm_bench.model.compiled.blas import NORMAL, TRANSPOSED, sgemm
from lstm_bench.model.compiled.cell import Rows, add_columns, cells_backward, cells_forward

__all__ = ["backward", "forward"]

Array = npt.NDArray[np.float32]

_ZERO, _ONE = np.float32(0), np.float32(1)
_DAYS = 4  # whose share of the weights' gradient is one product: few enough to be in cache still


@kernel(error_model="numpy")
def forward(
    routine: int, windows: Array, inputs: Array, gates: Array, cells: Array, weights: Array, biases: Array,
    masks: Array, ones: Array, hidden: int, kept: int,
) -> None:  # fmt: skip
    """Score windows up to the last day's output, which ends in the last layer's input row of the day after.

    Parameters
    ----------
    routine
        The address of ``sgemm``.
    windows : ``[B, L, F]``
    inputs : ``[layers, L + 1, B, K]``
        Its first day holds zeros where a layer's own output will be.
    gates : ``[layers, L, B, 4 H]``
    cells : ``[layers, L + 1, B, H]``
        The first day is zero.
    weights : ``[layers, K, 4 H]``
    biases : ``[layers, 4 H]``
    masks : ``[layers - 1, L, B, H]``
        What dropout leaves of a layer's outputs, scaled; empty without dropout.
    ones : ``[1, LANES]``
    hidden
        The hidden size: units from there on only fill vectors.
    kept
        1 to keep all days for the way back; 0 where they take each other's place, in arrays of one day.
    """
    samples, days, features = windows.shape
    layers, units, width = cells.shape[0], cells.shape[3], inputs.shape[3]
    for day in range(days):
        now, then = day * kept, (day + 1) * kept
        for sample in range(samples):
            for feature in range(features):
                inputs[0, now, sample, feature] = windows[sample, day, feature]
        for layer in range(layers):
            below = units if layer else features
            # before the first day there is no output
            taken = below + units if day else below
            sgemm(
                routine, NORMAL, NORMAL, np.int32(4 * units), np.int32(samples), np.int32(taken),
                _at(weights, layer, 0), np.int32(4 * units), _at(inputs, layer, now), np.int32(width),
                _ZERO, _at(gates, layer, now), np.int32(4 * units),
            )  # fmt: skip
            _clear_padding(gates, layer, now, hidden, units)
            own = Rows(_at(inputs, layer, then) + 4 * below, 4 * width)
            above = Rows(_at(inputs, layer + 1, now), 4 * width) if layer + 1 < layers else own
            mask, step = _mask(masks, ones, layer, day)
            cells_forward(
                _at(gates, layer, now), _at(biases, layer, 0), _at(cells, layer, now), _at(cells, layer, then),
                own, above, mask, step, samples, units,
            )  # fmt: skip


@kernel(error_model="numpy")
def backward(
    routine: int, features: int, inputs: Array, gates: Array, cells: Array, weights: Array, masks: Array,
    ones: Array, slope: Array, input_slopes: Array, cell_slopes: Array, weight_slopes: Array, bias_slopes: Array,
) -> None:  # fmt: skip
    """Work back from the last day's output to the weights.

    Parameters
    ----------
    routine, inputs, cells, masks, ones
        As :func:`forward` left them.
    features
        F.
    gates : ``[layers, L, B, 4 H]``
        The gates; afterwards the gradients of the products.
    weights : ``[layers, 4 H, K]``
        Those of :func:`forward`, transposed.
    slope : ``[B, H]``
        The gradient of the last day's output.
    input_slopes, cell_slopes : ``[layers + 1, B, K]``, ``[layers, B, H]``
        Zeros, to work in.
    weight_slopes, bias_slopes : ``[layers, K, 4 H]``, ``[layers, 4 H]``
        Receive the gradients; the second begins with zeros.
    """
    layers, days, samples = gates.shape[:3]
    units, width = cells.shape[3], inputs.shape[3]
    until = days
    for day in range(days - 1, -1, -1):
        for layer in range(layers - 1, -1, -1):
            below = units if layer else features
            own = Rows(_at(inputs, layer, day + 1) + 4 * below, 4 * width)
            own_slope = Rows(_at(input_slopes, layer, 0) + 4 * below, 4 * width)
            above_slope = Rows(_at(input_slopes, layer + 1, 0), 4 * width)
            if layer + 1 == layers and day + 1 == days:
                above_slope = Rows(_at(slope, 0, 0), 4 * units)
            mask, step = _mask(masks, ones, layer, day)
            cells_backward(
                _at(gates, layer, day), _at(cells, layer, day), own, own_slope, above_slope, mask, step,
                _at(cell_slopes, layer, 0), samples, units,
            )  # fmt: skip
            # nobody asks for the gradient of the features, nor of what precedes the first day
            first, end = 0 if layer else features, below + units if day else below
            if first < end:
                sgemm(
                    routine, NORMAL, NORMAL, np.int32(end - first), np.int32(samples), np.int32(4 * units),
                    _at(weights, layer, 0) + 4 * first, np.int32(width), _at(gates, layer, day),
                    np.int32(4 * units), _ZERO, _at(input_slopes, layer, 0) + 4 * first, np.int32(width),
                )  # fmt: skip
        if until - day == _DAYS or day == 0:
            rows = (until - day) * samples
            for layer in range(layers):
                below = units if layer else features
                sgemm(
                    routine, NORMAL, TRANSPOSED, np.int32(4 * units), np.int32(below + units), np.int32(rows),
                    _at(gates, layer, day), np.int32(4 * units), _at(inputs, layer, day), np.int32(width),
                    _ZERO if until == days else _ONE, _at(weight_slopes, layer, 0), np.int32(4 * units),
                )  # fmt: skip
                add_columns(_at(gates, layer, day), _at(bias_slopes, layer, 0), rows, 4 * units)
            until = day


@kernel(error_model="numpy")
def _clear_padding(gates: Array, layer: int, day: int, hidden: int, units: int) -> None:
    """Make the products of units that only fill vectors 0, which an infinite feature has made NaN by 0 * inf."""
    for sample in range(gates.shape[2]):
        for gate in range(4):
            for unit in range(gate * units + hidden, (gate + 1) * units):
                gates[layer, day, sample, unit] = _ZERO


@kernel(error_model="numpy")
def _mask(masks: Array, ones: Array, layer: int, day: int) -> tuple[Rows, Any]:
    """Return a layer's mask on a day, and whether it goes on from unit to unit; the last layer's is all ones."""
    if layer < masks.shape[0]:
        return Rows(_at(masks, layer, day), 4 * masks.shape[3]), np.intp(1)
    everywhere: Any = np.intp(0)
    return Rows(_at(ones, 0, 0), everywhere), everywhere


@kernel(error_model="numpy")
def _at(array: Any, first: int, second: int) -> int:
    """Return the address of ``array[first, second]``."""
    address: int = np.intp(array.ctypes.data) + first * array.strides[0] + second * array.strides[1]
    return address
