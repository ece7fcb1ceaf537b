"""Tiles of a matrix product: a few rows of one matrix times a panel of the other, with the sums in registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.lanes import LANE_BYTES, LANES, Lanes

__all__ = ["COLUMNS", "COLUMN_BYTES", "TILE", "VECTORS", "Left", "Rows", "Sums", "address", "number", "place"]

VECTORS = 4
COLUMNS = VECTORS * LANES
"""Columns of a panel."""
COLUMN_BYTES = VECTORS * LANE_BYTES
TILE = 5 if LANES == 16 else 2
"""Rows of a tile. Its sums take most of the registers: 32 with AVX-512, otherwise 16."""


class Rows(NamedTuple):
    """Rows in memory: the address of the first, and the distance between rows in bytes."""

    at: int
    pitch: int


class Left(NamedTuple):
    """A left factor ``[rows, groups, depth]``: the address of its first number, and distances in bytes."""

    at: int
    # from row to row, from one group of summands to the next, and from summand to summand
    row: int
    group: int
    step: int
    # numbers of groups and of summands in each
    groups: int
    depth: int


class Sums:
    """Generates the code for the sums of a tile.

    ``start`` is the address of the initial values ``[rows, COLUMNS]``, ``pitch`` the bytes from row to row.
    """

    def __init__(self, builder: Any, rows: int, start: Any, pitch: Any) -> None:
        self._builder = builder
        self._sums: list[list[Any]] = [
            [
                self._variable(Lanes.load(builder, place(builder, start, pitch, row, n)))
                for n in range(VECTORS)
            ]
            for row in range(rows)
        ]

    def grow(self, row: int, grown: Callable[[int, Lanes], Lanes]) -> None:
        """Update the sums of a row: ``grown`` maps a vector's index and its current sum to the next."""
        builder = self._builder
        for n, total in enumerate(self._sums[row]):
            builder.store(grown(n, Lanes(builder, builder.load(total))).value, total)

    def store(self, into: Any, pitch: Any) -> None:
        """Write the sums to ``[rows, COLUMNS]``."""
        builder = self._builder
        for row, sums in enumerate(self._sums):
            for n, total in enumerate(sums):
                Lanes(builder, builder.load(total)).store(place(builder, into, pitch, row, n))

    def _variable(self, start: Lanes) -> Any:
        """Return the address of a variable, which LLVM keeps in a register."""
        return cgutils.alloca_once_value(self._builder, start.value)  # type: ignore[no-untyped-call]


def place(builder: Any, first: Any, pitch: Any, row: int, vector: int = 0) -> Any:
    """Return the address of a row's vector."""
    return builder.add(first, builder.add(builder.mul(pitch, number(row)), number(LANE_BYTES * vector)))


def number(value: int) -> Any:
    """Return a constant of 64 bits."""
    return ir.Constant(ir.IntType(64), value)


@kernel(error_model="numpy")
def address(array: Any) -> int:
    """Return the address of an array's first number."""
    first: Any = np.intp(array.ctypes.data)
    return first  # type: ignore[no-any-return]
