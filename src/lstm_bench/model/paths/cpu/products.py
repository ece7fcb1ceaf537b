"""Matrix products inside compiled kernels, a tile at a time.

The right matrix is stored as panels: each holds some of its columns, row after row without a gap. A tile's sums stay in
registers from the first summand to the last. A BLAS library copies both matrices into such a layout in each call; here
the panels are made once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.generated import generated
from lstm_bench.model.paths.cpu.lanes import Lanes
from lstm_bench.model.paths.cpu.tile import COLUMN_BYTES, TILE, VECTORS, Left, Rows, Sums, number, place

__all__ = ["multiply"]


@kernel(error_model="numpy")
def multiply(left: Left, panel: int, start: Rows, into: Rows, rows: int) -> None:
    """Multiply rows by a panel: ``into = start + left @ panel``.

    Parameters
    ----------
    panel : ``[groups * depth, COLUMNS]``, its address
    start : ``[rows, COLUMNS]``, may be ``into`` itself; with a pitch of 0, the same for all rows
    into : ``[rows, COLUMNS]``
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


def _multiply(rows: int) -> Callable[..., None]:
    """Generate the code for a tile of ``rows`` rows."""

    @generated(*[types.intp] * 11)
    def write(
        builder: Any, left: Any, row: Any, group: Any, step: Any, groups: Any, depth: Any, panel: Any,
        start: Any, start_pitch: Any, into: Any, pitch: Any,
    ) -> None:  # fmt: skip
        sums = Sums(builder, rows, start, start_pitch)
        with cgutils.for_range(builder, groups) as outer, cgutils.for_range(builder, depth) as inner:
            line = builder.add(builder.mul(outer.index, depth), inner.index)
            line = builder.add(panel, builder.mul(line, number(COLUMN_BYTES)))
            right = [Lanes.load(builder, place(builder, line, number(0), 0, n)) for n in range(VECTORS)]
            first = builder.add(builder.mul(outer.index, group), builder.mul(inner.index, step))
            first = builder.add(left, first)
            for index in range(rows):
                factor = Lanes.everywhere(builder, place(builder, first, row, index))
                sums.grow(index, lambda n, total, factor=factor: factor.times_plus(right[n], total))  # type: ignore[misc]
        sums.store(into, pitch)

    return write


_multiply_tile, _multiply_row = _multiply(TILE), _multiply(1)
