"""Turns adjusted rows into histories, the form in which a folder stores bars, and computes the benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from lstm_bench.data.arrays import Days, Floats, Ints
from lstm_bench.data.importing.adjusting.adjustment import Adjustment, adjust
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows
from lstm_bench.data.qlib_folder import History

__all__ = ["EQUAL_WEIGHT", "EqualWeight", "adjusted_history", "lay_out", "to_history"]

EQUAL_WEIGHT = "EQUALWEIGHT"
"""Code of the computed benchmark."""

_FIRST_LEVEL = 1000.0


def adjusted_history(rows: SymbolRows, adjustment: Adjustment, calendar: Days) -> History:
    """Adjust the rows of a symbol and arrange its bars, which are all on days of the calendar."""
    columns = {name: column[rows.traded] for name, column in adjust(rows, adjustment).items()}
    positions = np.searchsorted(calendar, rows.bar_days)
    begin, end = int(positions[0]), int(positions[-1]) + 1
    return to_history(rows.symbol, begin, lay_out(positions, columns, begin, end))


def lay_out(
    positions: Ints, columns: Mapping[str, Floats], begin: int, end: int, factor_before: float = np.nan
) -> dict[str, Floats]:
    """Put bars on their days.

    Returns ``[end - begin]`` float64 by field. A day without a bar is NaN, except that ``factor`` keeps its last
    value.

    Parameters
    ----------
    positions : ``[n]`` int64, day of each bar, ascending, in ``begin..end``
    columns : field -> ``[n]``
    begin, end : positions in the calendar, end exclusive
    factor_before : the factor of the day before ``begin``
    """
    out = {}
    for name, column in columns.items():
        out[name] = np.full(end - begin, np.nan)
        out[name][positions - begin] = column
    if "factor" in out:
        known = ~np.isnan(out["factor"])
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        out["factor"] = np.where(last >= 0, out["factor"][last], factor_before)
    return out


def to_history(code: str, begin: int, columns: Mapping[str, Floats], close_before: float = np.nan) -> History:
    """Add ``change`` and round to float32.

    ``columns`` are those of :func:`lay_out`, ``close_before`` is the last adjusted close before ``begin``, if any.
    """
    columns = {**columns, "change": _change(columns["close"], close_before)}
    return History(code, begin, {name: column.astype(np.float32) for name, column in columns.items()})


def _change(close: Floats, close_before: float) -> Floats:
    """Close over the close of the last bar before, minus 1: ``[n]``, NaN on the first bar and without one."""
    known = np.flatnonzero(~np.isnan(close))
    bars = close[known]
    out = np.full(len(close), np.nan)
    out[known] = bars / np.concatenate(([close_before], bars[:-1])) - 1
    return out


class EqualWeight:
    """An index that moves by the mean ``change`` of the instruments that trade on a day.

    It begins at ``begin``, of ``days`` in the calendar, from ``level`` on the day before, or from 1000 if that is
    None.
    """

    def __init__(self, days: int, level: float | None = None, begin: int = 0) -> None:
        self._level, self._begin = level, begin
        self._sum = np.zeros(days - begin)
        self._count = np.zeros(days - begin, dtype=np.int64)

    def watch(self, histories: Iterable[History]) -> Iterator[History]:
        """Sum the changes of histories, and yield the histories unchanged."""
        for history in histories:
            change = history.fields["change"].astype(np.float64)
            skipped = max(self._begin - history.begin, 0)
            change = change[skipped:]
            at = slice(history.begin + skipped - self._begin, None)
            known = ~np.isnan(change)
            self._sum[at][: len(change)] += np.where(known, change, 0)
            self._count[at][: len(change)] += known
            yield history

    def columns(self) -> Mapping[str, Floats]:
        """``close``, ``change`` and ``factor`` of the days watched."""
        change = self._sum / np.maximum(self._count, 1)
        close = (_FIRST_LEVEL if self._level is None else self._level) * np.cumprod(1 + change)
        if self._level is None:
            change[0] = np.nan
        return {"close": close, "change": change, "factor": np.ones_like(close)}
