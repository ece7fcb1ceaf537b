"""A matrix times panels: the kernels' products by themselves, for measurements and tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.bf16 import multiply_bf16, paired
from lstm_bench.model.paths.cpu.lanes import LANES
from lstm_bench.model.paths.cpu.products import multiply
from lstm_bench.model.paths.cpu.tile import COLUMNS, Left, Rows, address

__all__ = ["multiply_panels", "noise_product"]


def noise_product(left: Tensor, columns: int, precision: Precision) -> Callable[[int], None]:
    """Return a function that multiplies ``left [m, k]`` by a matrix of noise, a given number of times."""
    rows, depth = left.shape
    panels = math.ceil(columns / COLUMNS)
    right, out = torch.randn(panels, depth, COLUMNS), torch.zeros(panels, rows, COLUMNS)
    padded = torch.nn.functional.pad(left, (0, 2 * LANES))[:, :depth]  # whole vectors are read
    is_bf16 = precision == "bf16"
    factors = paired(right) if is_bf16 else right

    def repeat(repeats: int) -> None:
        multiply_panels(padded.numpy(), factors.numpy(), out.numpy(), repeats, int(is_bf16))

    return repeat


@kernel(error_model="numpy")
def multiply_panels(left: Any, panels: Any, into: Any, repeats: int, bf16: int) -> None:
    """Multiply a matrix by panels, ``repeats`` times.

    Parameters
    ----------
    left : ``[m, k]``; with ``bf16`` a view of rows that are two vectors longer, which are read
    panels : ``[P, k, COLUMNS]``; for bfloat16 what :func:`~lstm_bench.model.paths.cpu.bf16.paired` makes of it
    into : ``[P, m, COLUMNS]``, products are added to it
    bf16 : 1 to round the factors
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
