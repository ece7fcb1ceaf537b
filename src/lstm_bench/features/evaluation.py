"""Evaluation of expressions on a panel.

Blocks of instruments go through the whole plan one after the other, so that intermediate values stay in the
processor's cache and take no memory to speak of; threads take a block each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from lstm_bench.data.panel import Panel
from lstm_bench.errors import ExpressionError, choices_hint
from lstm_bench.features.compute import compute
from lstm_bench.features.expression import Expression, extent, parse
from lstm_bench.features.plan import Apply, Constant, Load, Plan, Task
from lstm_bench.features.series import Series, Span, Value

__all__ = ["evaluate"]

# Some 40,000 values a block: a float64 intermediate is a third of a megabyte.
_BLOCK_VALUES = 1 << 15


def evaluate(
    expressions: Sequence[Expression | str],
    panel: Panel,
    begin: int,
    end: int,
    *,
    out: npt.NDArray[np.float32] | None = None,
    threads: int | None = None,
) -> npt.NDArray[np.float32]:
    """Values of F expressions on the panel's rows ``begin`` to ``end``, each as Qlib gives it for these days.

    Parameters
    ----------
    expressions
        Parsed, or texts.
    panel
        Bars with at least ``extent(expressions)`` days around the rows, as far as the calendar has them, and
        with the fields and the instruments that the expressions name.
    begin, end
        Rows of the panel, end exclusive.
    out
        ``[F, T, N]`` float32, in any memory order, to write to; a new array unless given.
    threads
        How many to use; all processors that this process may use unless given.

    Returns
    -------
    ``[F, T, N]`` float32
        ``T = end - begin``. Each ``[T, N]`` column of a new array is Fortran-ordered. NaN where an instrument
        has no row.

    Raises
    ------
    ExpressionError
        Where a text is not in the language, the panel lacks a field or an instrument that it names, or an
        operator is not defined for its operands' types (the difference of two comparisons).
    ValueError
        Where rows or history are missing from the panel, or ``out`` has another shape or type.
    """
    parsed = [parse(item) if isinstance(item, str) else item for item in expressions]
    days, count = panel.shape
    if not 0 <= begin <= end <= days:
        raise ValueError(f"rows: got {begin}..{end}, expected an interval within 0..{days}")
    left, right = extent(parsed)
    if left > begin and panel.offset > 0:
        raise ValueError(
            f"panel: it has {begin} rows of history, expected {left}, or all from the calendar's start"
        )
    _check_names(parsed, panel)
    shape = (len(parsed), end - begin, count)
    if out is None:
        out = np.empty((len(parsed), count, end - begin), dtype=np.float32).transpose(0, 2, 1)
    elif out.shape != shape or out.dtype != np.float32:
        raise ValueError(f"out: got {out.dtype} {list(out.shape)}, expected float32 {list(shape)}")

    low, high = max(0, begin - left), min(days, end + right)
    plan = Plan(parsed, begin - low, end - low, high - low)
    bars = _Bars(panel, slice(low, high), {name for item in parsed for name in item.fields})
    size = max(1, _BLOCK_VALUES // max(1, high - low))
    blocks = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    _keep_freed_memory()
    work = partial(_work_out, plan, bars, out, slice(begin - low, end - low))
    workers = min(threads or _processors(), len(blocks))
    if workers <= 1:
        for block in blocks:
            work(block)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, blocks))
    return out


class _Bars:
    """The rows of a panel that a plan needs.

    A field without a value anywhere, though other fields have some, is taken to have no file: it has no rows,
    as in Qlib, which is not the same as rows of NaN.
    """

    def __init__(self, panel: Panel, rows: slice, fields: set[str]) -> None:
        self.panel = panel
        self.rows = rows
        missing = {name for name in fields if not _has_values(panel.fields[name])}
        self.missing = missing if any(_has_values(values) for values in panel.fields.values()) else set()

    def span(self, instruments: slice) -> Span:
        """Rows that instruments have, counted from the first that the plan needs."""
        low, high = self.rows.start, self.rows.stop
        first, last = self.panel.first[instruments] - low, self.panel.last[instruments] - low
        return Span.of(first, last).cut(0, high - low)


class _Block:
    """Bars of some instruments; spans are made once, so that equal ones are the same object."""

    def __init__(self, bars: _Bars, instruments: slice) -> None:
        self.bars = bars
        self.instruments = instruments
        self._spans: dict[tuple[str | None, object, bool], Span] = {}

    def load(self, step: Load) -> Series:
        """Copy a field's values, NaN outside the step's rows."""
        columns = self.instruments
        if step.instrument is not None:
            place = self.bars.panel.instruments.index(step.instrument)
            columns = slice(place, place + 1)
        bars = self.bars.panel.fields[step.field].T[columns, self.bars.rows]
        start, stop = step.rows or (0, bars.shape[1])
        key = step.instrument, step.rows, step.field in self.bars.missing
        if key not in self._spans:
            span = self.bars.span(columns)
            self._spans[key] = span.cut(0, 0) if key[2] else span.cut(start, stop)
        values = np.full(bars.shape, np.nan, dtype=np.float32)
        values[:, start:stop] = bars[:, start:stop]
        return Series(values, self._spans[key])


def _work_out(plan: Plan, bars: _Bars, out: npt.NDArray[np.float32], rows: slice, instruments: slice) -> None:
    """Run the plan for some instruments and write their part of ``out``."""
    block = _Block(bars, instruments)
    values: dict[int, Value] = {}
    with np.errstate(all="ignore"):
        for task in plan.tasks:
            values.update(zip(task.slots, _run(task, block, values), strict=True))
            for position, slot in task.results:
                value = values[slot]
                assert isinstance(value, Series), "an expression is no plain number"
                out[position].T[instruments] = value.floats()[:, rows]
            for slot in task.finished:
                del values[slot]


def _run(task: Task, block: _Block, values: Mapping[int, Value]) -> Sequence[Value]:
    step = task.steps[0]
    if isinstance(step, Constant):
        return (step.value,)
    if isinstance(step, Load):
        return (block.load(step),)
    try:
        steps = [item for item in task.steps if isinstance(item, Apply)]
        return compute(steps, [values[slot] for slot in step.inputs])
    except TypeError as error:
        message = f"expression {task.text!r}: {step.operator} cannot be applied: {error}"
        raise ExpressionError(message) from error


def _check_names(expressions: Sequence[Expression], panel: Panel) -> None:
    for item in expressions:
        for name in item.fields:
            if name not in panel.fields:
                hint = choices_hint(name, panel.fields)
                raise ExpressionError(f"expression {item.text!r}: the panel has no field {name!r}; {hint}")
        for code in item.instruments:
            if code not in panel.instruments:
                raise ExpressionError(f"expression {item.text!r}: the panel has no instrument {code!r}")


def _has_values(field: npt.NDArray[np.float32]) -> bool:
    return any(not np.isnan(history).all() for history in field.T)


@cache
def _keep_freed_memory() -> None:
    """Let the C library reuse freed blocks for intermediate values.

    glibc returns blocks of 128 KiB and more to the kernel, which costs a page fault per page for the next
    one, until a larger block has been freed once.
    """
    np.empty(1 << 24, dtype=np.uint8)


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
