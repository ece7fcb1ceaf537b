"""Evaluation of expressions on a panel.

Each block of instruments goes through the whole plan, so that intermediate values stay in the processor's cache and
take little memory. Threads process one block each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ExpressionError, choices_hint
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Array, Floats32, Ints, Ints32
from lstm_bench.data.panel import Panel
from lstm_bench.features import host
from lstm_bench.features.compute import compute
from lstm_bench.features.expression import Expression, extent, parse
from lstm_bench.features.kernels.shift import blank
from lstm_bench.features.plan import Apply, Load, Plan, Task
from lstm_bench.features.series import Series, Span
from lstm_bench.features.table import Rows

__all__ = ["evaluate", "evaluate_rows"]

# About 30,000 values per block: a float64 intermediate takes a quarter of a megabyte.
_BLOCK_VALUES = 1 << 15


def evaluate(expressions: Sequence[Expression | str], panel: Panel, begin: int, end: int) -> Floats32:
    """Values of F expressions on the panel's days ``begin`` to ``end``, each as Qlib computes it for these days.

    Returns ``[F, T, N]`` float32, ``T = end - begin``. Each ``[T, N]`` column is Fortran-ordered. NaN if an
    instrument has no row on a day. Raises ExpressionError if a text is not in the language, the panel lacks a field
    or an instrument that it names, or an operator is not defined for its operands (such as the difference of two
    comparisons). Raises ValueError if the panel lacks days or history.

    Parameters
    ----------
    panel
        Bars with at least ``extent(expressions)`` days around the requested ones, as far as the calendar has them,
        and with the fields and the instruments that the expressions name.
    """
    days, count = panel.shape
    if not 0 <= begin <= end <= days:
        raise ValueError(f"rows: got {begin}..{end}, expected an interval within 0..{days}")
    rows = Rows.of(np.ones((end - begin, count), dtype=np.bool_))
    values = evaluate_rows(expressions, panel, begin, rows)
    return values.reshape(len(expressions), count, end - begin).transpose(0, 2, 1)


def evaluate_rows(expressions: Sequence[Expression | str], panel: Panel, begin: int, rows: Rows) -> Floats32:
    """Values of F expressions at R rows only, each as Qlib computes it for all T days.

    ``begin`` is the position in the panel of the first of the T days; the rest is as in :func:`evaluate`. Returns
    ``[F, R]`` float32. Raises ExpressionError and ValueError as :func:`evaluate` does.
    """
    parsed = [parse(item) if isinstance(item, str) else item for item in expressions]
    (T, N), (left, right) = rows.shape, extent(parsed)
    if left > begin and panel.offset > 0:
        raise ValueError(
            f"panel: it has {counted(begin, 'row')} of history, expected {left}, or all from the calendar's start"
        )
    _check_names(parsed, panel)
    low, high = max(0, begin - left), min(panel.shape[0], begin + T + right)
    stop = begin + _last_days(rows) + right
    plan = Plan(parsed, begin - low, begin - low + T, high - low)
    out = host.empty((len(parsed), len(rows)))
    size = max(1, _BLOCK_VALUES // max(1, high - low))
    bounds = np.searchsorted(rows.instruments, np.arange(0, N + size, size))

    def work(index: int) -> None:
        requested = slice(bounds[index], bounds[index + 1])
        if requested.start == requested.stop:
            return
        start = index * size
        block = _Block(panel, low, high, stop, slice(start, min(start + size, N)))
        cells = rows.instruments[requested] - start, rows.days[requested] + (begin - low)
        _run_plan(plan, block, cells, out[:, requested])

    _keep_freed_memory()
    host.for_each(len(bounds) - 1, work)
    return out


def _last_days(rows: Rows) -> Ints:
    """Last day of each instrument's rows, ``[N]``; far before the first day if it has none."""
    last = np.full(rows.shape[1], -(1 << 40), dtype=np.int64)
    last[rows.instruments] = rows.days  # days ascend, and NumPy keeps the last value written
    return last


class _Block:
    """Bars of some instruments on the days ``low`` to ``high`` of a panel.

    ``stop [N]`` is the last day of each of the panel's instruments that is needed. Equal spans are one object, which
    makes comparing them quick.
    """

    def __init__(self, panel: Panel, low: int, high: int, stop: Ints, instruments: slice) -> None:
        self.panel, self.low, self.high, self.stop = panel, low, high, stop
        self.instruments = instruments
        self._spans: dict[tuple[bytes, bytes], Span] = {}

    def load(self, step: Load) -> Series:
        """Copy a field's values, NaN outside the step's rows."""
        panel, low, high = self.panel, self.low, self.high
        if step.instrument is None:
            columns = self.instruments
            last = np.minimum(panel.last[columns], self.stop[columns])
        else:
            place = panel.instruments.index(step.instrument)
            columns = slice(place, place + 1)
            last = panel.last[columns]
        last = np.where(panel.present[step.field][columns], last, -1)  # no days without a file, as in Qlib
        span = Span.of(panel.first[columns] - low, last - low).cut(0, high - low)
        if step.rows is not None:
            span = span.cut(*step.rows)
        span = self._spans.setdefault((span.first.tobytes(), span.last.tobytes()), span)
        return Series(blank(panel.fields[step.field].T[columns, low:high], span.first, span.last), span)


def _run_plan(plan: Plan, block: _Block, cells: tuple[Ints32, Ints32], out: Floats32) -> None:
    """Run the plan for some instruments and write the values at ``cells [K]`` to ``out [F, K]``."""
    values: dict[int, Series] = {}
    with np.errstate(all="ignore"):
        for task in plan.tasks:
            values.update(zip(task.slots, _run_task(task, block, plan.numbers, values), strict=True))
            for position, slot in task.results:
                _gather(values[slot].floats(), *cells, out[position])
            for slot in task.finished:
                del values[slot]


def _run_task(
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
def _gather(values: Array, instruments: Ints32, days: Ints32, out: Floats32) -> None:
    """Copy the values at K cells; a single row of values applies to every instrument."""
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
    """Make the C library reuse freed blocks for intermediate values.

    glibc returns blocks of 128 KiB and more to the kernel, which costs a page fault per page of the next block, until
    a larger block has been freed once.
    """
    np.empty(1 << 24, dtype=np.uint8)
