"""Reads the bars to import, the stocks' and the benchmark's, and decides how to adjust them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.importing.adjusting.adjustment import AUTO, AdjustBy, Adjustment, State, choose_column
from lstm_bench.data.importing.adjusting.raw_or_adjusted import Decision, decide
from lstm_bench.data.importing.adjusting.without_column import decide_without_column
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.importing.reading.bar_table import ReadRules, read_bars
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS, map_columns
from lstm_bench.data.importing.reading.defects import DefectLog
from lstm_bench.data.importing.reading.find_files import FilePattern, find_files
from lstm_bench.data.importing.reading.source_file import SourceFile
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows
from lstm_bench.data.importing.reading.vendor_forms import lot_size, usual_prices

__all__ = ["EQUAL_WEIGHT_OPTION", "NO_BENCHMARK", "SourceBars", "read_source"]

EQUAL_WEIGHT_OPTION = "equal-weight"
NO_BENCHMARK = "none"

_BARS = ("date", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class SourceBars:
    """The bars of the files."""

    files: int  # number of files
    bars: int  # number of bars of stocks
    stocks: dict[str, SymbolRows]  # code -> its rows
    decision: Decision  # what is done to the stocks' prices and volumes
    messages: tuple[str, ...]  # the decision's, and what was done to volumes
    # rows and adjustment of the benchmark; None if it is not read from files
    index: SymbolRows | None
    index_adjustment: Adjustment
    no_trade: int  # see :class:`ImportSummary`
    dropped: dict[str, int]  # see :class:`ImportSummary`


def read_source(
    source: Path, options: ImportOptions, folder_adjustment: Adjustment | None = None
) -> SourceBars:
    """Read all files.

    Raises DataError if files or columns are missing, rows have defects that may not be dropped, or the state of
    prices is unclear.
    ``folder_adjustment`` is how the folder to extend was adjusted, None if that is unknown.
    """
    files, index_file = _find(source, options)
    header, where = files[0].header, str(files[0].path)
    columns = map_columns(header, options.columns, where, required=_BARS)
    by = _column(columns, options, folder_adjustment, where)
    symbol = None
    if index_file is None and options.benchmark != EQUAL_WEIGHT_OPTION:
        symbol = options.benchmark.upper()
    defects = DefectLog()
    table = read_bars(files, ReadRules(options, _BARS, by or "none", index=symbol), defects)
    lot = lot_size(header, table.symbols)
    if lot > 1:
        table.values["volume"] *= lot
    stocks = {rows.symbol: rows for rows in table.by_symbol()}
    index, index_adjustment = None, None
    if index_file is not None:
        index, index_adjustment = _read_index(index_file, options, defects)
    if not options.drop_bad:
        defects.refuse()
    if symbol is not None and options.benchmark != NO_BENCHMARK:
        index = _take_index(stocks, symbol)
    if not stocks:
        raise DataError(f"{source}: holds no usable bar")
    usual = usual_prices(header, by)
    decision = _decide(list(stocks.values()), by, options, folder_adjustment, where, usual)
    lots = (f"volume: in lots of {lot} in the files; written in shares",) if lot > 1 else ()
    return SourceBars(
        files=len(files) + (index_file is not None),
        bars=sum(int(rows.traded.sum()) for rows in stocks.values()),
        stocks=stocks,
        decision=decision,
        messages=(*decision.messages, *lots),
        index=index,
        index_adjustment=index_adjustment or decision.adjustment,
        no_trade=table.no_trade,
        dropped=defects.counts,
    )


def _find(source: Path, options: ImportOptions) -> tuple[list[SourceFile], Path | None]:
    """Find the files of stocks, and the separate file of the benchmark, if it has one."""
    pattern = None if options.file_pattern is None else FilePattern(options.file_pattern)
    files = find_files(source, pattern, options.encoding)
    index_file = Path(options.benchmark)
    if options.benchmark in (EQUAL_WEIGHT_OPTION, NO_BENCHMARK) or not index_file.is_file():
        return files, None
    files = [file for file in files if file.path.resolve() != index_file.resolve()]
    if not files:
        raise DataError(f"{source}: holds only the benchmark's file")
    return files, index_file


def _column(
    fields: Collection[str], options: ImportOptions, folder_adjustment: Adjustment | None, where: str
) -> AdjustBy | None:
    """Choose the column of adjustment: the user's, the folder's, or the first that the file has."""
    if options.adjust_by != AUTO or folder_adjustment is None:
        return choose_column(fields, options.adjust_by, where)
    by = folder_adjustment.by
    return choose_column(fields, by, f"{where}: the folder was made by its {by}")


def _decide(
    stocks: list[SymbolRows],
    by: AdjustBy | None,
    options: ImportOptions,
    folder_adjustment: Adjustment | None,
    where: str,
    usual: State | None = None,
) -> Decision:
    if by is None:
        return decide_without_column(stocks, where)
    if options.adjust_by != AUTO or by == "none":
        return Decision(Adjustment.requested(by), True, ())
    return decide(stocks, by, folder_adjustment, where, usual)


def _take_index(rows: dict[str, SymbolRows], symbol: str) -> SymbolRows:
    if symbol not in rows:
        raise DataError(
            f"--benchmark: got {symbol!r}, expected a file, {EQUAL_WEIGHT_OPTION}, {NO_BENCHMARK} or a symbol of "
            f"the files; {choices_hint(symbol, rows)}"
        )
    return rows.pop(symbol)


def _read_index(path: Path, options: ImportOptions, defects: DefectLog) -> tuple[SymbolRows, Adjustment]:
    """Read the file of an index, which needs only days and closes."""
    file = SourceFile(path, path.name.partition(".")[0], options.encoding)
    header = set(file.header)
    named = {field: column for field, column in options.columns.items() if column in header}
    required = ("date", "close")
    columns = map_columns(file.header, named, str(path), required=required)
    by: AdjustBy = next((each for each in ADJUSTMENTS if each in columns), "none")
    rules = ReadRules(replace(options, columns=named), required, by, ignored={"volume"})
    found = list(read_bars([file], rules, defects).by_symbol())
    if len(found) != 1:
        raise DataError(
            f"--benchmark {path}: expected the bars of one index; got those of {len(found)} symbols"
        )
    return found[0], _decide(found, by, options, None, str(path)).adjustment
