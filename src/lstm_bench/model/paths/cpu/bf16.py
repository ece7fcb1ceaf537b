"""Products with factors rounded to bfloat16 and float32 sums, for processors with AVX512-BF16.

An instruction of AVX512-BF16 multiplies two summands at once, so that bfloat16 numbers are stored in pairs. The pairs
of a panel are made once, those of the left matrix when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from torch import Tensor

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.generated import generated
from lstm_bench.model.paths.cpu.lanes import LANE_BYTES, LANES, Lanes, processor_has, spread
from lstm_bench.model.paths.cpu.tile import (
    COLUMN_BYTES,
    COLUMNS,
    TILE,
    VECTORS,
    Left,
    Rows,
    Sums,
    number,
    place,
)

__all__ = ["HAS_BF16", "multiply_bf16", "paired"]

HAS_BF16 = LANES == 16 and processor_has("avx512bf16")

_CHUNK = COLUMNS  # left factors rounded at a time
_PAIRS = ir.VectorType(ir.IntType(32), LANES)  # of bfloat16
_PAIR_BYTES = 4


def paired(panels: Tensor) -> Tensor:
    """Round panels to bfloat16 and put every two summands side by side.

    ``panels``: ``[..., depth, COLUMNS]``. Returns int16 ``[..., depth / 2 rounded up, COLUMNS, 2]``: the bits of
    bfloat16 numbers; an odd last summand is paired with 0.
    """
    even = torch.nn.functional.pad(panels, (0, 0, 0, panels.shape[-2] % 2)).contiguous()
    pairs = even.view(*panels.shape[:-2], -1, 2, COLUMNS).transpose(-1, -2)
    return pairs.contiguous().bfloat16().view(torch.int16)


@kernel(error_model="numpy")
def multiply_bf16(left: Left, panel: int, start: Rows, into: Rows, rows: int) -> None:
    """Multiply as :func:`lstm_bench.model.paths.cpu.products.multiply` does, with rounded factors.

    ``panel`` is the address of :func:`paired` ``[groups * depth, COLUMNS]``. The summands of ``left`` are contiguous,
    and whole vectors can be read past their end. An odd number of summands is followed by a finite number. With more
    than one group, the number of summands in each is even.
    """
    # not merged with the float32 loop: choosing for each tile makes float32 1.03 times slower (Zen 4)
    whole = rows - rows % TILE
    for row in range(0, whole, TILE):
        _multiply_tile(
            left.at + row * left.row, left.row, left.group, left.groups, left.depth, panel,
            start.at + row * start.pitch, start.pitch, into.at + row * into.pitch, into.pitch,
        )  # fmt: skip
    for row in range(whole, rows):
        _multiply_row(
            left.at + row * left.row, left.row, left.group, left.groups, left.depth, panel,
            start.at + row * start.pitch, start.pitch, into.at + row * into.pitch, into.pitch,
        )  # fmt: skip


def _multiply(rows: int) -> Callable[..., None]:
    """Generate the code for a tile of ``rows`` rows; no code if the processor lacks the instructions."""

    @generated(*[types.intp] * 10)
    def write(
        builder: Any, left: Any, row: Any, group: Any, groups: Any, depth: Any, panel: Any,
        start: Any, start_pitch: Any, into: Any, pitch: Any,
    ) -> None:  # fmt: skip
        if not HAS_BF16:
            return
        sums = Sums(builder, rows, start, start_pitch)
        buffer: Any = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(16), rows * _CHUNK))  # type: ignore[no-untyped-call]
        rounded, rounded_row = builder.ptrtoint(buffer, ir.IntType(64)), number(2 * _CHUNK)
        chunks = _quotient(builder, depth, _CHUNK)
        with cgutils.for_range(builder, groups) as outer, cgutils.for_range(builder, chunks) as inner:
            done = builder.mul(inner.index, number(_CHUNK))
            rest = builder.sub(depth, done)
            count = builder.select(builder.icmp_signed("<", rest, number(_CHUNK)), rest, number(_CHUNK))
            source = builder.add(
                left, builder.add(builder.mul(outer.index, group), builder.mul(done, number(4)))
            )
            with cgutils.for_range(builder, _quotient(builder, count, 2 * LANES)) as part:
                read = builder.add(source, builder.mul(part.index, number(2 * LANE_BYTES)))
                written = builder.add(rounded, builder.mul(part.index, number(LANE_BYTES)))
                for index in range(rows):
                    low, high = (Lanes.load(builder, place(builder, read, row, index, n)) for n in range(2))
                    _round(builder, low, high, place(builder, written, rounded_row, index))
            line = builder.add(
                _quotient(builder, builder.mul(outer.index, depth), 2), builder.udiv(done, number(2))
            )
            line = builder.add(panel, builder.mul(line, number(COLUMN_BYTES)))
            with cgutils.for_range(builder, _quotient(builder, count, 2)) as pair:
                pairs = builder.add(line, builder.mul(pair.index, number(COLUMN_BYTES)))
                right = [_pairs(builder, place(builder, pairs, number(0), 0, n)) for n in range(VECTORS)]
                first = builder.add(rounded, builder.mul(pair.index, number(_PAIR_BYTES)))
                for index in range(rows):
                    factor = _everywhere(builder, place(builder, first, rounded_row, index))
                    sums.grow(index, lambda n, total, factor=factor: _add_products(total, factor, right[n]))  # type: ignore[misc]
        sums.store(into, pitch)

    return write


_multiply_tile, _multiply_row = _multiply(TILE), _multiply(1)


def _round(builder: Any, low: Lanes, high: Lanes, target: Any) -> None:
    """Write two vectors as bfloat16, rounded to nearest even."""
    both = ir.VectorType(ir.IntType(16), 2 * LANES)
    shape = ir.FunctionType(both, [low.value.type] * 2)
    convert: Any = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        builder.module, shape, "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
    )
    value = builder.call(convert, [high.value, low.value])
    builder.store(value, builder.inttoptr(target, both.as_pointer()), align=2)


def _add_products(total: Lanes, left: Any, right: Any) -> Lanes:
    """Add the products of both numbers of each pair."""
    shape = ir.FunctionType(total.value.type, [total.value.type, _PAIRS, _PAIRS])
    products: Any = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        total.builder.module, shape, "llvm.x86.avx512bf16.dpbf16ps.512"
    )
    return Lanes(total.builder, total.builder.call(products, [total.value, left, right]))


def _pairs(builder: Any, source: Any) -> Any:
    return builder.load(builder.inttoptr(source, _PAIRS.as_pointer()), align=4)


def _everywhere(builder: Any, source: Any) -> Any:
    """Read one pair for all lanes."""
    place = builder.inttoptr(source, ir.IntType(32).as_pointer())
    return spread(builder, builder.load(place, align=4))


def _quotient(builder: Any, dividend: Any, divisor: int) -> Any:
    """Divide and round up."""
    return builder.udiv(builder.add(dividend, number(divisor - 1)), number(divisor))
