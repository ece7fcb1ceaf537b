"""Products of tiles against NumPy's in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_bench.core.kernel import kernel
from lstm_bench.model.paths.cpu.panels import multiply_panels
from lstm_bench.model.paths.cpu.products import multiply
from lstm_bench.model.paths.cpu.tile import COLUMNS, TILE, Left, Rows, address

ROWS = [1, TILE - 1, TILE, 3 * TILE + 1]


@kernel()
def transposed(left: Any, panel: Any, start: Any, into: Any) -> None:
    """``into = left' panel + start``, ``[k, m]`` and ``[k, COLUMNS]``; one row of ``start`` serves all rows."""
    depth, rows = left.shape
    factor = Left(address(left), 4, 0, 4 * rows, 1, depth)
    multiply(
        factor, address(panel), Rows(address(start), 0),
        Rows(address(into), into.strides[0]), rows,
    )  # fmt: skip


@kernel()
def grouped(left: Any, panel: Any, start: Any, into: Any) -> None:
    """Summands of a row in groups, far apart: ``[groups, rows, depth]``."""
    groups, rows, depth = left.shape
    factor = Left(address(left), 4 * depth, 4 * depth * rows, 4, groups, depth)
    multiply(
        factor, address(panel), Rows(address(start), start.strides[0]),
        Rows(address(into), into.strides[0]), rows,
    )  # fmt: skip


def numbers(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("depth", [1, 7, 128])
def test_sums_are_added_to_what_is_there(rows: int, depth: int) -> None:
    left, panels, into = numbers(rows, depth), numbers(3, depth, COLUMNS), numbers(3, rows, COLUMNS)
    expected = into + left.astype(np.float64) @ panels.astype(np.float64)
    multiply_panels(left, panels, into, 1, 0)
    np.testing.assert_allclose(into, expected, rtol=1e-5, atol=1e-5)


def test_repeats_add_again() -> None:
    left, panels, into = numbers(6, 4), numbers(1, 4, COLUMNS), np.zeros((1, 6, COLUMNS), np.float32)
    multiply_panels(left, panels, into, 3, 0)
    np.testing.assert_allclose(into, 3 * (left @ panels), rtol=1e-5, atol=1e-5)


def test_nothing_beside_the_rows_is_touched() -> None:
    left, panels, room = (
        numbers(TILE + 1, 4),
        numbers(1, 4, COLUMNS),
        np.zeros((1, TILE + 2, COLUMNS), np.float32),
    )
    multiply_panels(left, panels, room[:, :-1], 1, 0)
    assert room[0, :-1].all()
    assert not room[0, -1].any()


@pytest.mark.parametrize("rows", ROWS)
def test_a_transposed_matrix_and_one_start_for_all_rows(rows: int) -> None:
    left, panel, start = numbers(9, rows), numbers(9, COLUMNS), numbers(COLUMNS)
    into = np.full((rows, COLUMNS), np.nan, np.float32)
    transposed(left, panel, start, into)
    expected = left.T.astype(np.float64) @ panel.astype(np.float64) + start
    np.testing.assert_allclose(into, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", ROWS)
def test_groups_of_summands(rows: int) -> None:
    left, panel, start = numbers(3, rows, 5), numbers(15, COLUMNS), numbers(rows, COLUMNS)
    into = np.empty((rows, COLUMNS), np.float32)
    grouped(left, panel, start, into)
    side_by_side = left.transpose(1, 0, 2).reshape(rows, 15).astype(np.float64)
    np.testing.assert_allclose(into, side_by_side @ panel.astype(np.float64) + start, rtol=1e-5, atol=1e-5)
