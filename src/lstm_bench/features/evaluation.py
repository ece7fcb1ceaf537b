"""Evaluation of expressions on a panel.

Blocks of instruments go through the whole plan one after the other, so that intermediate values stay in the
processor's cache and take no memory to speak of; threads take a block each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ExpressionError, choices_hint
from lstm_bench.core.kernel import kernel
from lstm_bench.data.panel import Panel
from lstm_bench.features import host
from lstm_bench.features.compute import compute
from lstm_bench.features.expression import Expression, extent, parse
from lstm_bench.features.kernels.shift import blank
from lstm_bench.features.plan import Apply, Load, Plan, Task
from lstm_bench.features.series import Series, Span
from lstm_bench.features.table import Rows

__all__ = ["evaluate", "evaluate_rows"]

# Some 30,000 values a block: a float64 intermediate is a quarter of a megabyte.
_BLOCK_VALUES = 1 << 15


def evaluate(
    expressions: Sequence[Expression | str], panel: Panel, begin: int, end: int
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

    Returns
    -------
    ``[F, T, N]`` float32
        ``T = end - begin``. Each ``[T, N]`` column is Fortran-ordered. NaN where an instrument has no row.

    Raises
    ------
    ExpressionError
        Where a text is not in the language, the panel lacks a field or an instrument that it names, or an
        operator is not defined for its operands (the difference of two comparisons).
    ValueError
        Where rows or history are missing from the panel.
    """
    days, count = panel.shape
    if not 0 <= begin <= end <= days:
        raise ValueError(f"rows: got {begin}..{end}, expected an interval within 0..{days}")
    rows = Rows.of(np.ones((end - begin, count), dtype=np.bool_))
    values = evaluate_rows(expressions, panel, begin, rows)
    return values.reshape(len(expressions), count, end - begin).transpose(0, 2, 1)


def evaluate_rows(
    expressions: Sequence[Expression | str], panel: Panel, begin: int, rows: Rows
) -> npt.NDArray[np.float32]:
    """Values of F expressions at R rows only, each as Qlib gives it for all T days.

    Parameters
    ----------
    expressions, panel
        As in :func:`evaluate`.
    begin
        Row of the panel that is the first of the T days.
    rows
        Which values are asked for, on T days of the panel's instruments.

    Returns
    -------
    ``[F, R]`` float32

    Raises
    ------
    ExpressionError, ValueError
        As in :func:`evaluate`.
    """
    parsed = [parse(item) if isinstance(item, str) else item for item in expressions]
    (T, N), (left, right) = rows.shape, extent(parsed)
    if left > begin and panel.offset > 0:
        raise ValueError(
            f"panel: it has {counted(begin, 'row')} of history, expected {left}, or all from the calendar's start"
        )
    _check_names(parsed, panel)
    low, high = max(0, begin - left), min(panel.shape[0], begin + T + right)
    bars = _Bars(panel, low, high, begin + _last_days(rows) + right)
    plan = Plan(parsed, begin - low, begin - low + T, high - low)
    out = host.empty((len(parsed), len(rows)))
    size = max(1, _BLOCK_VALUES // max(1, high - low))
    bounds = np.searchsorted(rows.instruments, np.arange(0, N + size, size))

    def work(index: int) -> None:
        some = slice(bounds[index], bounds[index + 1])
        if some.start == some.stop:
            return
        start = index * size
        block = _Block(bars, slice(start, min(start + size, N)))
        cells = rows.instruments[some] - start, rows.days[some] + (begin - low)
        _work_out(plan, block, cells, out[:, some])

    _keep_freed_memory()
    host.for_each(len(bounds) - 1, work)
    return out


def _last_days(rows: Rows) -> npt.NDArray[np.int64]:
    """Last day of each instrument's rows, ``[N]``; long before the first where it has none."""
    last = np.full(rows.shape[1], -(1 << 40), dtype=np.int64)
    last[rows.instruments] = rows.days  # days ascend, and the last of equal places counts
    return last


class _Bars:
    """The rows ``low`` to ``high`` of a panel.

    Attributes
    ----------
    panel, low, high
    stop : ``[N]`` int64
        Each instrument's last row that a value asked for can depend on: work ends there.
    """

    def __init__(self, panel: Panel, low: int, high: int, stop: npt.NDArray[np.int64]) -> None:
        self.panel, self.low, self.high, self.stop = panel, low, high, stop

    def values(self, field: str, instruments: slice) -> npt.NDArray[np.float32]:
        """Give a view of a field, ``[N, T]``."""
        return self.panel.fields[field].T[instruments, self.low : self.high]

    def span(self, field: str, instruments: slice, *, to_end: bool) -> Span:
        """Rows that instruments have of a field, counted from ``low``: none without a file, as in Qlib."""
        panel = self.panel
        last = panel.last[instruments] if to_end else np.minimum(panel.last, self.stop)[instruments]
        last = np.where(panel.present[field][instruments], last, -1)
        return Span.of(panel.first[instruments] - self.low, last - self.low).cut(0, self.high - self.low)


class _Block:
    """Bars of some instruments; equal spans are the same object, so that comparing them is quick."""

    def __init__(self, bars: _Bars, instruments: slice) -> None:
        self.bars = bars
        self.instruments = instruments
        self._spans: dict[tuple[bytes, bytes], Span] = {}

    def load(self, step: Load) -> Series:
        """Copy a field's values, NaN outside the step's rows."""
        columns = self.instruments
        if step.instrument is not None:
            place = self.bars.panel.instruments.index(step.instrument)
            columns = slice(place, place + 1)
        bars = self.bars.values(step.field, columns)
        span = self.bars.span(step.field, columns, to_end=step.instrument is not None)
        if step.rows is not None:
            span = span.cut(*step.rows)
        span = self._spans.setdefault((span.first.tobytes(), span.last.tobytes()), span)
        return Series(blank(bars, span.first, span.last), span)


def _work_out(
    plan: Plan,
    block: _Block,
    cells: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    out: npt.NDArray[np.float32],
) -> None:
    """Run the plan for some instruments and write the values at ``cells [K]`` to ``out [F, K]``."""
    values: dict[int, Series] = {}
    with np.errstate(all="ignore"):
        for task in plan.tasks:
            values.update(zip(task.slots, _run(task, block, plan.numbers, values), strict=True))
            for position, slot in task.results:
                _gather(values[slot].floats(), *cells, out[position])
            for slot in task.finished:
                del values[slot]


def _run(
    task: Task, block: _Block, numbers: Mapping[int, int | float], values: Mapping[int, Series]
) -> Sequence[Series]:
    step = task.steps[0]
    if isinstance(step, Load):
        return (block.load(step),)
    steps = [item for item in task.steps if isinstance(item, Apply)]
    operands = [numbers[slot] if slot in numbers else values[slot] for slot in step.inputs]
    try:
        return compute(steps, operands)
    except ExpressionError as error:
        raise ExpressionError(f"expression {task.text!r}: {error}") from error


@kernel()
def _gather(
    values: npt.NDArray[Any],
    instruments: npt.NDArray[np.int32],
    days: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
) -> None:
    """Copy the values at K cells; a single row of values is every instrument's."""
    shared = len(values) == 1
    for i in range(len(out)):
        out[i] = values[0 if shared else instruments[i], days[i]]


def _check_names(expressions: Sequence[Expression], panel: Panel) -> None:
    for item in expressions:
        for name in item.fields:
            if name not in panel.fields:
                hint = choices_hint(name, panel.fields)
                raise ExpressionError(f"expression {item.text!r}: the panel has no field {name!r}; {hint}")
        for code in item.instruments:
            if code not in panel.instruments:
                raise ExpressionError(f"expression {item.text!r}: the panel has no instrument {code!r}")


@cache
def _keep_freed_memory() -> None:
    """Let the C library reuse freed blocks for intermediate values.

    glibc returns blocks of 128 KiB and more to the kernel, which costs a page fault per page for the next
    one, until a larger block has been freed once.
    """
    np.empty(1 << 24, dtype=np.uint8)
