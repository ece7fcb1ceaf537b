"""Importing: files of bars become a Qlib data folder, or extend one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import Adjustment, adjust, with_factor
from lstm_bench.data.importing.adjusting.folder_adjustment import settled_note
from lstm_bench.data.importing.appending.append import append_bars
from lstm_bench.data.importing.benchmark import EQUAL_WEIGHT, EqualWeight
from lstm_bench.data.importing.history import lay_out, to_history
from lstm_bench.data.importing.markets import named_market
from lstm_bench.data.importing.options import ImportOptions, ImportSummary
from lstm_bench.data.importing.reading.bar_table import SymbolRows
from lstm_bench.data.importing.source_bars import EQUAL_WEIGHT_OPTION, Readings, read_source
from lstm_bench.data.qlib_folder import History, refuse_full, write_qlib_folder

__all__ = ["import_bars"]

_Days = npt.NDArray[np.datetime64]


def import_bars(
    source: str | os.PathLike[str], out: str | os.PathLike[str], options: ImportOptions | None = None
) -> ImportSummary:
    """Import CSV or Parquet files into a new Qlib data folder, or extend one, whole or not at all.

    Prices are written as raw price times factor and volume as raw volume over factor, in float32; ``change`` is the
    adjusted close over that of the bar before, minus 1. The calendar has the days on which some stock has a bar. Days
    without a bar between an instrument's first and last are NaN, but for the factor.

    Parameters
    ----------
    source
        A file, or a folder of files, in long format or one per symbol.
    out
        The folder: new or empty, or, with ``options.append``, one to extend.
    options
        The defaults if None.

    Raises
    ------
    DataError
        Where the files cannot be used, or ``out`` cannot be written.
    """
    source, out, options = Path(source).expanduser(), Path(out).expanduser(), options or ImportOptions()
    if options.members is not None and options.market is None:
        raise DataError(
            "--members: expected --market beside it, the name of the market that they are members of"
        )
    if options.market is not None and not options.market.replace("_", "").replace("-", "").isalnum():
        raise DataError(f"--market: got {options.market!r}, expected a name of letters, digits, - and _")
    if options.append:
        return append_bars(source, out, options)
    refuse_full(out)
    return _create(read_source(source, options), out, options)


def _create(readings: Readings, out: Path, options: ImportOptions) -> ImportSummary:
    bars = {code: rows.days[rows.traded] for code, rows in readings.stocks.items()}
    days = np.unique(np.concatenate(list(bars.values())))
    spans = [(code, own[0], own[-1]) for code, own in bars.items()]
    stocks = (_history(rows, readings.adjustment, days) for rows in readings.stocks.values())
    index = None if readings.index is None else _index(readings.index, readings.index_adjustment, days)
    benchmark = index.code if index else EQUAL_WEIGHT if options.benchmark == EQUAL_WEIGHT_OPTION else None
    if benchmark in bars:
        raise DataError(f"--benchmark: {benchmark} is the code of a stock, too; give the index another name")
    fields: set[str] = set()

    def histories() -> Iterator[History]:
        equal = EqualWeight(len(days))
        for history in equal.watch(stocks):
            fields.update(history.fields)
            yield history
        if index is not None:
            yield index
        elif benchmark is not None:
            yield to_history(EQUAL_WEIGHT, 0, equal.columns())

    note = settled_note(readings.adjustment, readings.is_settled)
    write_qlib_folder(out, days, {"all": spans, **named_market(options, spans)}, histories(), note)
    return ImportSummary(
        folder=out,
        files=readings.files,
        rows=readings.bars,
        instruments=len(bars),
        new_instruments=len(bars),
        days=len(days),
        first_day=str(days[0]),
        last_day=str(days[-1]),
        adjusted_by=readings.adjustment.applied,
        said=readings.said,
        fields=tuple(sorted(fields)),
        benchmark=benchmark,
        market=options.market,
        no_trade=readings.no_trade,
        dropped=readings.dropped,
    )


def _history(rows: SymbolRows, adjustment: Adjustment, days: _Days) -> History:
    columns = {name: column[rows.traded] for name, column in adjust(rows, adjustment).items()}
    positions = np.searchsorted(days, rows.days[rows.traded])
    begin, end = int(positions[0]), int(positions[-1]) + 1
    return to_history(rows.symbol, begin, lay_out(positions, columns, begin, end))


def _index(rows: SymbolRows, adjustment: Adjustment, days: _Days) -> History:
    """Cut an index to the calendar; its factor is 1 where its file says nothing of one."""
    inside = np.isin(rows.days, days)
    if not (inside & rows.traded).any():
        raise DataError(
            f"--benchmark: {rows.symbol} has no bar on a day of the calendar, {days[0]}..{days[-1]}"
        )
    return _history(with_factor(rows).where(inside), adjustment, days)
