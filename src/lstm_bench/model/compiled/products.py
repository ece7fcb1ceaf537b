"""Matrix products inside compiled kernels, a tile at a time.

The right matrix comes in panels: some columns of it, row after row without a gap. A tile is a few rows of the left
matrix times one panel, and its sums stay in registers from the first summand to the last, so that a summand costs
little besides its multiplications. A BLAS library arranges both matrices anew in each call; panels are arranged once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from lstm_bench.kernel import kernel
from lstm_bench.model.compiled.generated import generated
from lstm_bench.model.compiled.lanes import LANE_BYTES, LANES, Lanes

__all__ = ["COLUMNS", "COLUMN_BYTES", "TILE", "Left", "Rows", "address", "multiply", "multiply_panels"]

_VECTORS = 4
COLUMNS = _VECTORS * LANES
"""Of a panel."""
COLUMN_BYTES = _VECTORS * LANE_BYTES
TILE = 5 if LANES == 16 else 2
"""Rows of a tile, whose sums are most of the registers: 32 with AVX-512, otherwise 16."""


class Rows(NamedTuple):
    """Rows in memory: the address of the first, and how far apart they are in bytes."""

    at: int
    pitch: int


class Left(NamedTuple):
    """A left matrix, ``[rows, groups, depth]``: the address of its first number, and distances in bytes.

    Attributes
    ----------
    at
    row, group, step : from row to row, from one group of summands to the next, and from summand to summand
    groups, depth : how many summands: groups of so many each
    """

    at: int
    row: int
    group: int
    step: int
    groups: int
    depth: int


@kernel(error_model="numpy")
def multiply(left: Left, panel: int, start: Rows, into: Rows, rows: int) -> None:
    """Put the sums of products of rows and a panel into ``[rows, COLUMNS]``.

    Parameters
    ----------
    left
    panel : ``[groups * depth, COLUMNS]``
        Its address.
    start : ``[rows, COLUMNS]``
        What the sums begin with, perhaps ``into`` itself; with a pitch of 0, the same for all rows.
    into
    rows
        How many.
    """
    whole = rows - rows % TILE
    for row in range(0, whole, TILE):
        _multiply_tile(
            left.at + row * left.row, left.row, left.group, left.step, left.groups, left.depth, panel,
            start.at + row * start.pitch, start.pitch, into.at + row * into.pitch, into.pitch,
        )  # fmt: skip
    for row in range(whole, rows):
        _multiply_row(
            left.at + row * left.row, left.row, left.group, left.step, left.groups, left.depth, panel,
            start.at + row * start.pitch, start.pitch, into.at + row * into.pitch, into.pitch,
        )  # fmt: skip


@kernel(error_model="numpy")
def multiply_panels(left: Any, panels: Any, into: Any, repeats: int) -> None:
    """Multiply a matrix by panels, and perhaps again for who measures it.

    Parameters
    ----------
    left : ``[m, k]``
    panels : ``[P, k, COLUMNS]``
    into : ``[P, m, COLUMNS]``
        Receives the sums of products and what is there.
    repeats
    """
    rows, depth = left.shape
    factor = Left(address(left), left.strides[0], 0, left.strides[1], 1, depth)
    for _ in range(repeats):
        for panel in range(panels.shape[0]):
            place = Rows(address(into) + panel * into.strides[0], into.strides[1])
            multiply(factor, address(panels) + panel * panels.strides[0], place, place, rows)


@kernel(error_model="numpy")
def address(array: Any) -> int:
    """Return where an array's first number lies."""
    place: Any = np.intp(array.ctypes.data)
    return place  # type: ignore[no-any-return]


def _multiply(rows: int) -> Callable[..., None]:
    """Make the code of a tile of so many rows."""

    @generated(*[types.intp] * 11)
    def write(
        builder: Any, left: Any, row: Any, group: Any, step: Any, groups: Any, depth: Any, panel: Any,
        start: Any, start_pitch: Any, into: Any, pitch: Any,
    ) -> None:  # fmt: skip
        def place(first: Any, pitch: Any, row: int, vector: int) -> Any:
            distance = builder.add(builder.mul(pitch, _bytes(row)), _bytes(LANE_BYTES * vector))
            return builder.add(first, distance)

        sums = [
            [
                _variable(builder, Lanes.load(builder, place(start, start_pitch, index, n)))
                for n in range(_VECTORS)
            ]
            for index in range(rows)
        ]
        with cgutils.for_range(builder, groups) as outer, cgutils.for_range(builder, depth) as inner:
            line = builder.mul(
                builder.add(builder.mul(outer.index, depth), inner.index), _bytes(COLUMN_BYTES)
            )
            right = [Lanes.load(builder, place(panel, line, 1, n)) for n in range(_VECTORS)]
            distance = builder.add(builder.mul(outer.index, group), builder.mul(inner.index, step))
            first = builder.add(left, distance)
            for index, own in enumerate(sums):
                factor = Lanes.everywhere(builder, place(first, row, index, 0))
                for total, vector in zip(own, right, strict=True):
                    added = factor.times_plus(vector, Lanes(builder, builder.load(total)))
                    builder.store(added.value, total)
        for index, own in enumerate(sums):
            for n, total in enumerate(own):
                Lanes(builder, builder.load(total)).store(place(into, pitch, index, n))

    return write


_multiply_tile, _multiply_row = _multiply(TILE), _multiply(1)


def _variable(builder: Any, start: Lanes) -> Any:
    """Return the place of a variable, which LLVM keeps in a register."""
    return cgutils.alloca_once_value(builder, start.value)  # type: ignore[no-untyped-call]


def _bytes(number: int) -> Any:
    return ir.Constant(ir.IntType(64), number)
