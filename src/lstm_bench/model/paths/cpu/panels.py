"""A matrix times panels: products by themselves, to be measured and compared."""

from __future__ import annotations

from typing import Any

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.bf16 import multiply_bf16
from lstm_bench.model.paths.cpu.products import multiply
from lstm_bench.model.paths.cpu.tile import Left, Rows, address

__all__ = ["multiply_panels"]


@kernel(error_model="numpy")
def multiply_panels(left: Any, panels: Any, into: Any, repeats: int, bf16: int) -> None:
    """Multiply a matrix by panels, and perhaps again.

    Parameters
    ----------
    left : ``[m, k]``
        With ``bf16``, a view of rows with room for two more vectors, which are read.
    panels : ``[P, k, COLUMNS]``
        Or, for bfloat16, what :func:`~lstm_bench.model.paths.cpu.bf16.paired` makes of it.
    into : ``[P, m, COLUMNS]``
        Receives the sums of products and what is there.
    repeats
    bf16
        1 to round the factors.
    """
    rows, depth = left.shape
    factor = Left(address(left), left.strides[0], 0, left.strides[1], 1, depth)
    for _ in range(repeats):
        for index in range(panels.shape[0]):
            panel = address(panels) + index * panels.strides[0]
            place = Rows(address(into) + index * into.strides[0], into.strides[1])
            if bf16:
                multiply_bf16(factor, panel, place, place, rows)
            else:
                multiply(factor, panel, place, place, rows)
