"""Files and options become the rows to import: the stocks', and the benchmark's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.importing.adjusting.adjustment import AUTO, AdjustBy, Adjustment, State, adjustment_of
from lstm_bench.data.importing.adjusting.raw_or_adjusted import Decision, decide
from lstm_bench.data.importing.adjusting.without_column import decide_without_column
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.importing.reading.bar_table import RowRules, SymbolRows, read_bars
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS, lot_size, map_columns, usual_prices
from lstm_bench.data.importing.reading.defects import DefectLog
from lstm_bench.data.importing.reading.source_file import FilePattern, SourceFile, find_files

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
    adjustment, is_settled, said : see :class:`Decision`
    index, index_adjustment : rows of the benchmark, and what is done to it; None where it is none of the files'
    no_trade, dropped : see :class:`ImportSummary`
    """

    files: int
    bars: int
    stocks: dict[str, SymbolRows]
    adjustment: Adjustment
    is_settled: bool
    said: tuple[str, ...]
    index: SymbolRows | None
    index_adjustment: Adjustment
    no_trade: int
    dropped: dict[str, int]


def read_source(source: Path, options: ImportOptions, settled: Adjustment | None = None) -> Readings:
    """Read all files.

    Parameters
    ----------
    source, options
        See :func:`import_bars`.
    settled
        What holds in the folder that the files extend, where that is known.

    Raises
    ------
    DataError
        Where files or columns are missing, rows have defects that may not be dropped, or prices cannot be told.
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
    where = str(files[0].path)
    columns = map_columns(files[0].header, options.columns, where, required=_BARS)
    by = _column(columns, options, settled, where)
    inside = None if separate or options.benchmark == EQUAL_WEIGHT_OPTION else options.benchmark.upper()
    rules = RowRules(
        options.columns, _BARS, by or "none", options.date_format, options.zero_volume_is_bar, inside
    )
    table = read_bars(files, rules, defects)
    lot = lot_size(files[0].header, table.symbols)
    if lot > 1:
        table.values["volume"] *= lot
    rows = {rows.symbol: rows for rows in table.by_symbol()}
    index, index_adjustment = _read_index(index_file, options, defects) if separate else (None, None)
    if not options.drop_bad:
        defects.refuse()
    if inside is not None and options.benchmark != NO_BENCHMARK:
        index = _take_index(rows, inside)
    if not rows:
        raise DataError(f"{source}: holds no bar that can be used")
    usual = usual_prices(files[0].header, by)
    decision = _decide(list(rows.values()), by, options, settled, where, usual)
    return Readings(
        files=len(files) + separate,
        bars=sum(int(each.traded.sum()) for each in rows.values()),
        stocks=rows,
        adjustment=decision.adjustment,
        is_settled=decision.is_settled,
        said=(
            *decision.said,
            *([f"volume: in lots of {lot} in the files; written in shares"] if lot > 1 else []),
        ),
        index=index,
        index_adjustment=index_adjustment or decision.adjustment,
        no_trade=table.no_trade,
        dropped=defects.counts,
    )


def _column(
    columns: Collection[str], options: ImportOptions, settled: Adjustment | None, where: str
) -> AdjustBy | None:
    """Choose the column of adjustment: the user's, that of the folder, or the first that is there."""
    if options.adjust_by != AUTO or settled is None:
        return adjustment_of(columns, options.adjust_by, where)
    return adjustment_of(columns, settled.by, f"{where}: the folder was made by its {settled.by}")


def _decide(
    stocks: list[SymbolRows],
    by: AdjustBy | None,
    options: ImportOptions,
    settled: Adjustment | None,
    where: str,
    usual: State | None = None,
) -> Decision:
    if by is None:
        return decide_without_column(stocks, where)
    if options.adjust_by != AUTO or by == "none":
        return Decision(Adjustment.told(by), True, ())
    return decide(stocks, by, settled, where, usual)


def _take_index(rows: dict[str, SymbolRows], symbol: str) -> SymbolRows:
    if symbol not in rows:
        raise DataError(
            f"--benchmark: got {symbol!r}, expected a file, {EQUAL_WEIGHT_OPTION}, {NO_BENCHMARK} or a symbol of "
            f"the files; {choices_hint(symbol, rows)}"
        )
    return rows.pop(symbol)


def _read_index(path: Path, options: ImportOptions, defects: DefectLog) -> tuple[SymbolRows, Adjustment]:
    """Read the file of an index, which may have nothing but days and closes."""
    file = SourceFile(path, path.name.partition(".")[0], options.encoding)
    known = set(file.header)
    named = {field: column for field, column in options.columns.items() if column in known}
    columns = map_columns(file.header, named, str(path), required=("date", "close"))
    by: AdjustBy = next((each for each in ADJUSTMENTS if each in columns), "none")
    rules = RowRules(named, ("date", "close"), by, options.date_format, ignored={"volume"})
    found = list(read_bars([file], rules, defects).by_symbol())
    if len(found) != 1:
        raise DataError(
            f"--benchmark {path}: expected the bars of one index; got those of {len(found)} symbols"
        )
    return found[0], _decide(found, by, options, None, str(path)).adjustment
