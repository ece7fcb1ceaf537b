"""Files and options become the rows to import: the stocks', and the benchmark's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstm_bench.data.importing.adjustment import AdjustBy, adjustment_of, unused
from lstm_bench.data.importing.bars import BarTable, SymbolRows, read_bars
from lstm_bench.data.importing.columns import ADJUSTMENTS, map_columns
from lstm_bench.data.importing.defects import DefectLog
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.importing.source import FilePattern, SourceFile, find_files
from lstm_bench.errors import DataError, choices_hint

__all__ = ["EQUAL_WEIGHT_OPTION", "NO_BENCHMARK", "Readings", "read_source"]

EQUAL_WEIGHT_OPTION = "equal-weight"
NO_BENCHMARK = "none"

_BARS = ("date", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Readings:
    """What was read.

    Attributes
    ----------
    files : number of files
    bars : number of rows of stocks that are bars
    stocks : rows of each stock, by code
    by : what their prices are adjusted by
    index, index_by : rows of the benchmark, and what it is adjusted by; None where it is none of the files'
    no_trade, dropped : see :class:`ImportSummary`
    """

    files: int
    bars: int
    stocks: dict[str, SymbolRows]
    by: AdjustBy
    index: SymbolRows | None
    index_by: AdjustBy
    no_trade: int
    dropped: dict[str, int]


def read_source(source: Path, options: ImportOptions) -> Readings:
    """Read all files.

    Raises
    ------
    DataError
        Where files or columns are missing, or rows have defects that may not be dropped.
    """
    pattern = None if options.file_pattern is None else FilePattern(options.file_pattern)
    files = find_files(source, pattern, options.encoding)
    defects = DefectLog()
    index_file = Path(options.benchmark)
    separate = options.benchmark not in (EQUAL_WEIGHT_OPTION, NO_BENCHMARK) and index_file.is_file()
    if separate:
        files = [file for file in files if file.path.resolve() != index_file.resolve()]
    if not files:
        raise DataError(f"{source}: holds no file but the benchmark's")
    columns = map_columns(files[0].header, options.columns, str(files[0].path), required=_BARS)
    by = adjustment_of(columns, options.adjust_by, str(files[0].path))
    inside = None if separate or options.benchmark == EQUAL_WEIGHT_OPTION else options.benchmark.upper()
    table = read_bars(
        files, options.columns, defects, required=_BARS, ignored=unused(by), date_format=options.date_format,
        zero_volume_is_bar=options.zero_volume_is_bar, index=inside,
    )  # fmt: skip
    rows = {rows.symbol: rows for rows in table.by_symbol()}
    index, index_by = _read_index(index_file, options, defects) if separate else (None, by)
    if not options.drop_bad:
        defects.refuse()
    if inside is not None and options.benchmark != NO_BENCHMARK:
        index = _take_index(rows, inside)
    if not rows:
        raise DataError(f"{source}: holds no bar that can be used")
    return Readings(
        files=len(files) + separate,
        bars=sum(int(each.traded.sum()) for each in rows.values()),
        stocks=rows,
        by=by,
        index=index,
        index_by=index_by,
        no_trade=table.no_trade,
        dropped=defects.counts,
    )


def _take_index(rows: dict[str, SymbolRows], symbol: str) -> SymbolRows:
    if symbol not in rows:
        raise DataError(
            f"--benchmark: got {symbol!r}, expected a file, {EQUAL_WEIGHT_OPTION}, {NO_BENCHMARK} or a symbol of "
            f"the files; {choices_hint(symbol, rows)}"
        )
    return rows.pop(symbol)


def _read_index(path: Path, options: ImportOptions, defects: DefectLog) -> tuple[SymbolRows, AdjustBy]:
    """Read the file of an index, which may have nothing but days and closes."""
    file = SourceFile(path, path.name.partition(".")[0], options.encoding)
    known = set(file.header)
    named = {field: column for field, column in options.columns.items() if column in known}
    columns = map_columns(file.header, named, str(path), required=("date", "close"))
    by: AdjustBy = next((each for each in ADJUSTMENTS if each in columns), "none")
    table: BarTable = read_bars(
        [file], named, defects, required=("date", "close"), ignored={"volume", *unused(by)},
        date_format=options.date_format,
    )  # fmt: skip
    found = list(table.by_symbol())
    if len(found) != 1:
        raise DataError(
            f"--benchmark {path}: expected the bars of one index; got those of {len(found)} symbols"
        )
    return found[0], by
