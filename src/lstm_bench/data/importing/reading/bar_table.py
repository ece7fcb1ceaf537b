"""Reads all files into one table of rows, and drops the rows that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Bools, Days, Floats, Ints
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS, PRICES, evidence_columns, map_columns
from lstm_bench.data.importing.reading.defects import DefectKind, DefectLog
from lstm_bench.data.importing.reading.file_rows import FileColumns, FileRows, read_file
from lstm_bench.data.importing.reading.intraday import refuse_intraday
from lstm_bench.data.importing.reading.source_file import SourceFile
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows, take_rows

__all__ = ["BarTable", "ReadRules", "read_bars"]

_PRICES = (*PRICES, "adjusted_close")


@dataclass
class BarTable:
    """R rows of all files."""

    files: Sequence[SourceFile]  # the files
    symbols: list[str]  # distinct symbols, sorted
    symbol: Ints  # ``[R]`` int64, position in ``symbols``
    days: Days  # ``[R]`` datetime64[D]
    values: dict[str, Floats]  # field -> ``[R]`` float64, NaN if missing; ``split`` is 1 without a split
    evidence: dict[str, Floats]  # field -> ``[R]`` float64, NaN if missing: see :class:`SymbolRows`
    # ``[R]`` int64, position in ``files``, and row of the file (from 0)
    file: Ints
    row: Ints
    no_trade: int = 0  # number of rows without trade

    def select(self, rows: Bools | Ints) -> None:
        """Keep rows by a mask, or reorder them by their positions."""
        self.symbol, self.days = self.symbol[rows], self.days[rows]
        self.file, self.row = self.file[rows], self.row[rows]
        self.values, self.evidence = take_rows(self.values, rows), take_rows(self.evidence, rows)

    def is_of(self, symbol: str | None) -> Bools:
        """``[R]``: rows of a symbol."""
        position = self.symbols.index(symbol) if symbol in self.symbols else -1
        return np.asarray(self.symbol == position)

    def has_split(self) -> Bools:
        """``[R]``: rows with a split, bars or not."""
        found = np.zeros(len(self.row), dtype=np.bool_)
        for columns in (self.values, self.evidence):
            if "split" in columns:
                found |= ~np.isnan(columns["split"]) & (columns["split"] != 1)
        return found

    def log(self, defects: DefectLog, kind: DefectKind, rows: Ints, describe: Callable[[int], str]) -> None:
        """Log defects of rows by their files; ``describe(k)`` gives the text of ``rows[k]``."""
        numbers = self.file[rows]
        for number in np.unique(numbers):
            part = np.flatnonzero(numbers == number)
            defects.add(kind, self.files[number], self.row[rows[part]], _describe_part(describe, part))

    def by_symbol(self) -> Iterator[SymbolRows]:
        """Yield the rows of each symbol that has a bar; the table is in order."""
        ends = np.searchsorted(self.symbol, np.arange(len(self.symbols)), side="right")
        begin = 0
        for symbol, end in zip(self.symbols, ends, strict=True):
            values, evidence = (
                take_rows(columns, slice(begin, end)) for columns in (self.values, self.evidence)
            )
            traded = ~np.isnan(values["close"])
            if traded.any():
                yield SymbolRows(symbol, self.days[begin:end], values, traded, evidence)
            begin = int(end)


def _describe_part(describe: Callable[[int], str], part: Ints) -> Callable[[int], str]:
    return lambda i: describe(int(part[i]))


@dataclass(frozen=True)
class ReadRules:
    """How rows are read."""

    options: ImportOptions
    required: Sequence[str]  # fields that a file must have
    by: str  # the column of :data:`ADJUSTMENTS` that prices are adjusted by; the others are evidence
    index: str | None = None  # a symbol whose volume may be missing or zero, because an index is not traded
    ignored: Collection[str] = ()  # fields not to read

    def columns(self, source: SourceFile) -> FileColumns:
        """Find the columns of a file."""
        columns = map_columns(source.header, self.options.columns, str(source.path), required=self.required)
        used = (
            "factor" if self.by == "none" else self.by
        )  # a table of adjusted prices may also have their factor
        others = set(ADJUSTMENTS) - {used}
        return FileColumns(
            bars={name: column for name, column in columns.items() if name not in {*others, *self.ignored}},
            evidence={name: column for name, column in columns.items() if name in others}
            | evidence_columns(source.header, columns),
        )


def read_bars(files: Sequence[SourceFile], rules: ReadRules, defects: DefectLog) -> BarTable:
    """Read all rows and sort them by symbol and day.

    Rows that cannot be used are logged and left out. A row without prices, or with a volume of zero, means that there
    was no trade on that day, as in Qlib's collectors: it is neither a defect nor a bar. Its split still counts.

    Each file is read by its own header; all must have the same fields. Raises DataError if a file cannot be read, a
    column is missing, files differ in their fields, or bars are intraday.
    """
    parts: list[FileRows] = []
    fields: set[str] = set()
    for number, source in enumerate(files):
        columns = rules.columns(source)
        if number and columns.bars.keys() != fields:
            differing = ", ".join(sorted(columns.bars.keys() ^ fields))
            raise DataError(f"{source.path}: got other fields than {files[0].path} has: {differing}")
        fields = set(columns.bars)
        parts.append(read_file(source, columns, rules.options.date_format, defects))
    refuse_intraday([part.stamps for part in parts if part.stamps is not None])
    table = _join(files, parts)
    blank = np.concatenate([part.blank for part in parts])
    blank |= _without_trade(table, blank, rules)
    blank |= _unusable(table, blank, rules.index, defects)
    for name in table.values.keys() - {"split"}:
        table.values[name][blank] = np.nan
    table.select(~blank | table.has_split())
    table.select(np.lexsort((table.row, table.file, table.days, table.symbol)))
    _drop_repeats(table, defects)
    return table


def _join(files: Sequence[SourceFile], parts: Sequence[FileRows]) -> BarTable:
    names = np.concatenate([part.symbols for part in parts])
    symbols = sorted(set(names.tolist()))
    position = {symbol: i for i, symbol in enumerate(symbols)}

    def evidence(field: str) -> Floats:
        return np.concatenate([part.evidence.get(field, np.full(len(part.row), np.nan)) for part in parts])

    return BarTable(
        files=files,
        symbols=symbols,
        symbol=np.fromiter((position[name] for name in names), np.int64, len(names)),
        days=np.concatenate([part.days for part in parts]),
        values={field: np.concatenate([part.values[field] for part in parts]) for field in parts[0].values},
        evidence={field: evidence(field) for field in {key for part in parts for key in part.evidence}},
        file=np.concatenate([np.full(len(part.row), number) for number, part in enumerate(parts)]),
        row=np.concatenate([part.row for part in parts]),
    )


def _without_trade(table: BarTable, blank: Bools, rules: ReadRules) -> Bools:
    """``[R]``: rows of days without trade."""
    prices = [table.values[name] for name in _PRICES if name in table.values]
    still: Bools = np.logical_and.reduce([np.isnan(price) for price in prices])
    if "volume" in table.values and not rules.options.zero_volume_is_bar:
        still |= (table.values["volume"] == 0) & ~table.is_of(rules.index)
    if "trade_status" in table.evidence:  # baostock's: 0 on suspended days, whose volume may be empty
        still |= table.evidence["trade_status"] == 0
    still &= ~blank
    table.no_trade = int(still.sum())
    return still


def _unusable(table: BarTable, blank: Bools, index: str | None, defects: DefectLog) -> Bools:
    """``[R]``: bars with a missing or impossible value; the first such value of each is logged."""
    bad = np.zeros(len(blank), dtype=np.bool_)

    def log(kind: DefectKind, field: str, wrong: Bools, expected: str) -> None:
        found = np.flatnonzero(wrong & ~blank & ~bad)
        bad[found] = True
        got = table.values[field][found]
        table.log(defects, kind, found, lambda k: f"{field}: got {got[k]:g}, expected {expected}")

    for field in ("volume", *_PRICES, "factor"):
        if field not in table.values:
            continue
        column = table.values[field]
        is_needed = ~table.is_of(index) if field == "volume" else np.ones(len(bad), dtype=np.bool_)
        log("missing value", field, np.isnan(column) & is_needed, "a number beside the others of the day")
        if field == "volume":
            log("volume negative", field, (column < 0) & is_needed, "0 or more")
        else:
            kind: DefectKind = "factor not positive" if field == "factor" else "price not positive"
            log(kind, field, column <= 0, "more than 0")
    return bad


def _drop_repeats(table: BarTable, defects: DefectLog) -> None:
    """Keep the first of equal rows of a symbol and day; drop all rows that contradict each other."""
    same = (table.symbol[1:] == table.symbol[:-1]) & (table.days[1:] == table.days[:-1])
    repeats = np.concatenate(([False], same))
    if not repeats.any():
        return
    group = np.cumsum(~repeats) - 1
    first = np.flatnonzero(~repeats)[group]  # the row that opens each row's group
    differs = np.zeros(len(repeats), dtype=np.bool_)
    for column in table.values.values():
        differs |= ~np.isclose(column, column[first], rtol=0, atol=0, equal_nan=True)
    conflicting = (np.bincount(group, weights=differs) > 0)[group]

    symbol, days, file, row = table.symbol, table.days, table.file, table.row  # before rows are dropped

    def log(kind: DefectKind, rows: Bools) -> None:
        found = np.flatnonzero(rows)

        def describe(k: int) -> str:
            here, origin = found[k], first[found[k]]
            source = table.files[file[origin]]
            line = source.lines([int(row[origin])])[0]
            return f"{table.symbols[symbol[here]]} {days[here]} is also at {source.path}:{line}"

        table.log(defects, kind, found, describe)

    log("duplicate row", repeats & ~conflicting)
    log("conflicting rows", repeats & conflicting)
    table.select(~(repeats | conflicting))
