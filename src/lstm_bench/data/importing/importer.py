"""Imports files of bars into a new Qlib data folder, or extends one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Days
from lstm_bench.data.importing.adjusting.adjustment import Adjustment, with_factor
from lstm_bench.data.importing.adjusting.folder_adjustment import adjustment_note
from lstm_bench.data.importing.appending.append import append_bars
from lstm_bench.data.importing.histories import EQUAL_WEIGHT, EqualWeight, adjusted_history, to_history
from lstm_bench.data.importing.markets import named_market
from lstm_bench.data.importing.options import ImportOptions, ImportSummary
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows
from lstm_bench.data.importing.source_bars import EQUAL_WEIGHT_OPTION, SourceBars, read_source
from lstm_bench.data.qlib_folder import History, refuse_full, write_qlib_folder

__all__ = ["import_bars"]


def import_bars(
    source: str | os.PathLike[str], out: str | os.PathLike[str], options: ImportOptions | None = None
) -> ImportSummary:
    """Import CSV or Parquet files into a new Qlib data folder, or extend one, whole or not at all.

    Prices are written as raw price times factor and volume as raw volume over factor, in float32. ``change`` is the
    adjusted close over that of the bar before, minus 1. The calendar has the days on which some stock has a bar. Days
    without a bar between an instrument's first and last bar are NaN, except that the factor keeps its last value.

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
        If the files cannot be used, or ``out`` cannot be written.
    """
    source, out, options = Path(source).expanduser(), Path(out).expanduser(), options or ImportOptions()
    if options.members is not None and options.market is None:
        raise DataError("--members: expected --market as well, the name of their market")
    if options.market is not None and not options.market.replace("_", "").replace("-", "").isalnum():
        raise DataError(f"--market: got {options.market!r}, expected a name of letters, digits, - and _")
    if options.append:
        return append_bars(source, out, options)
    refuse_full(out)
    return _create(read_source(source, options), out, options)


def _create(bars: SourceBars, out: Path, options: ImportOptions) -> ImportSummary:
    adjustment = bars.decision.adjustment
    bar_days = {code: rows.bar_days for code, rows in bars.stocks.items()}
    calendar = np.unique(np.concatenate(list(bar_days.values())))
    spans = [(code, days[0], days[-1]) for code, days in bar_days.items()]
    stocks = (adjusted_history(rows, adjustment, calendar) for rows in bars.stocks.values())
    index = None if bars.index is None else _index(bars.index, bars.index_adjustment, calendar)
    benchmark = index.code if index else EQUAL_WEIGHT if options.benchmark == EQUAL_WEIGHT_OPTION else None
    if benchmark in bars.stocks:
        raise DataError(f"--benchmark: {benchmark} is also the code of a stock; give the index another name")
    fields: set[str] = set()

    def histories() -> Iterator[History]:
        equal = EqualWeight(len(calendar))
        for history in equal.watch(stocks):
            fields.update(history.fields)
            yield history
        if index is not None:
            yield index
        elif benchmark is not None:
            yield to_history(EQUAL_WEIGHT, 0, equal.columns())

    note = adjustment_note(adjustment, bars.decision.is_conclusive)
    write_qlib_folder(out, calendar, {"all": spans, **named_market(options, spans)}, histories(), note)
    return ImportSummary(
        folder=out,
        files=bars.files,
        rows=bars.bars,
        instruments=len(bars.stocks),
        new_instruments=len(bars.stocks),
        days=len(calendar),
        first_day=str(calendar[0]),
        last_day=str(calendar[-1]),
        adjusted_by=adjustment.applied,
        said=bars.messages,
        fields=tuple(sorted(fields)),
        benchmark=benchmark,
        market=options.market,
        no_trade=bars.no_trade,
        dropped=bars.dropped,
    )


def _index(rows: SymbolRows, adjustment: Adjustment, calendar: Days) -> History:
    """Cut an index to the calendar."""
    inside = np.isin(rows.days, calendar)
    if not (inside & rows.traded).any():
        raise DataError(
            f"--benchmark: {rows.symbol} has no bar on a day of the calendar, {calendar[0]}..{calendar[-1]}"
        )
    return adjusted_history(with_factor(rows).where(inside), adjustment, calendar)
