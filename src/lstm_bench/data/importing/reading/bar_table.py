"""The rows of all files as one table, in order, each with where it came from; and which of them are bars."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS, PRICES, evidence_columns, map_columns
from lstm_bench.data.importing.reading.defects import DefectKind, DefectLog
from lstm_bench.data.importing.reading.file_rows import FileColumns, FileRows, read_file
from lstm_bench.data.importing.reading.intraday import refuse_intraday
from lstm_bench.data.importing.reading.source_file import SourceFile

__all__ = ["BarTable", "RowRules", "SymbolRows", "read_bars"]

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]

_PRICES = (*PRICES, "adjusted_close")


@dataclass(frozen=True)
class SymbolRows:
    """The rows of one symbol, by day.

    Attributes
    ----------
    days : ``[n]`` datetime64[D], ascending and without repeats
    values : field -> ``[n]`` float64
        Prices, volume and ``adjusted_close`` are NaN on days without a bar; ``split`` (1 where there is none) and
        ``factor`` are given for each row that has them.
    traded : ``[n]`` bool
        Days with a bar.
    evidence : field -> ``[n]`` float64
        What bars are judged by and not made of, NaN where missing.
    """

    symbol: str
    days: npt.NDArray[np.datetime64]
    values: Mapping[str, _Floats]
    traded: _Bools
    evidence: Mapping[str, _Floats] = dataclasses.field(default_factory=dict)

    def where(self, kept: _Bools) -> SymbolRows:
        """Keep some of the rows."""
        values, evidence = (
            {name: column[kept] for name, column in columns.items()}
            for columns in (self.values, self.evidence)
        )
        return SymbolRows(self.symbol, self.days[kept], values, self.traded[kept], evidence)


@dataclass
class BarTable:
    """R rows of all files.

    Attributes
    ----------
    files : the files
    symbols : distinct symbols, sorted
    symbol : ``[R]`` int64, position in ``symbols``
    days : ``[R]`` datetime64[D]
    values : field -> ``[R]`` float64, NaN where missing; ``split`` is 1 where there is none
    evidence : field -> ``[R]`` float64, NaN where missing: see :class:`SymbolRows`
    file, row : ``[R]`` int64
        Position in ``files``, and row of the file (from 0).
    no_trade : number of rows that say that there was no trade
    """

    files: Sequence[SourceFile]
    symbols: list[str]
    symbol: npt.NDArray[np.int64]
    days: npt.NDArray[np.datetime64]
    values: dict[str, _Floats]
    evidence: dict[str, _Floats]
    file: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    no_trade: int = 0

    def keep(self, kept: _Bools | npt.NDArray[np.int64]) -> None:
        """Keep some of the rows, or put them in an order."""
        self.symbol, self.days = self.symbol[kept], self.days[kept]
        self.file, self.row = self.file[kept], self.row[kept]
        self.values = {name: column[kept] for name, column in self.values.items()}
        self.evidence = {name: column[kept] for name, column in self.evidence.items()}

    def has_split(self) -> _Bools:
        """``[R]``: rows that name a split, whether they are bars or not."""
        named = np.zeros(len(self.row), dtype=np.bool_)
        for columns in (self.values, self.evidence):
            if "split" in columns:
                named |= ~np.isnan(columns["split"]) & (columns["split"] != 1)
        return named

    def by_symbol(self) -> Iterator[SymbolRows]:
        """Yield the rows of each symbol that has a bar; the table is in order."""
        ends = np.searchsorted(self.symbol, np.arange(len(self.symbols)), side="right")
        begin = 0
        for symbol, end in zip(self.symbols, ends, strict=True):
            values, evidence = (
                {name: column[begin:end] for name, column in columns.items()}
                for columns in (self.values, self.evidence)
            )
            traded = ~np.isnan(values["close"])
            if traded.any():
                yield SymbolRows(symbol, self.days[begin:end], values, traded, evidence)
            begin = int(end)


@dataclass(frozen=True)
class RowRules:
    """How rows are read.

    Attributes
    ----------
    named : field -> column, for those that the user named
    required : fields that must be there
    by : the column of :data:`ADJUSTMENTS` that prices are adjusted by; the others are evidence
    date_format : of dates that are texts
    zero_volume_is_bar : keep bars of a volume of zero
    index : a symbol whose volume does not count, since nobody trades it
    ignored : fields not to read
    """

    named: Mapping[str, str]
    required: Sequence[str]
    by: str
    date_format: str | None = None
    zero_volume_is_bar: bool = False
    index: str | None = None
    ignored: Collection[str] = ()

    def columns(self, source: SourceFile) -> FileColumns:
        """Find the columns of a file."""
        columns = map_columns(source.header, self.named, str(source.path), required=self.required)
        kept = "factor" if self.by == "none" else self.by  # adjusted prices may have their factor beside them
        others = set(ADJUSTMENTS) - {kept}
        return FileColumns(
            bars={name: column for name, column in columns.items() if name not in {*others, *self.ignored}},
            evidence={name: column for name, column in columns.items() if name in others}
            | evidence_columns(source.header, columns),
        )


def read_bars(files: Sequence[SourceFile], rules: RowRules, defects: DefectLog) -> BarTable:
    """Read all rows and put them in order; rows that cannot be used are noted and left out.

    A row without prices, or with a volume of zero, says that there was no trade on that day (Qlib's collectors read
    it so, too): it is no defect and no bar. A row that is no bar still counts for its split.

    Parameters
    ----------
    files
        Each is read by its own header; all must have the same fields.
    rules
        How.
    defects
        Takes what is wrong.

    Raises
    ------
    DataError
        Where a file cannot be read, a column is missing, files differ in their fields, or bars are of minutes.
    """
    parts: list[FileRows] = []
    fields: set[str] = set()
    for number, source in enumerate(files):
        columns = rules.columns(source)
        if number and columns.bars.keys() != fields:
            differing = ", ".join(sorted(columns.bars.keys() ^ fields))
            raise DataError(f"{source.path}: got other fields than {files[0].path} has: {differing}")
        fields = set(columns.bars)
        parts.append(read_file(source, columns, rules.date_format, defects))
    refuse_intraday([part.stamps for part in parts if part.stamps is not None])
    table = _join(files, parts)
    blank = np.concatenate([part.blank for part in parts])
    blank |= _without_trade(table, blank, rules.zero_volume_is_bar, rules.index)
    blank |= _unusable(table, blank, rules.index, defects)
    for name in table.values.keys() - {"split"}:
        table.values[name][blank] = np.nan
    table.keep(~blank | table.has_split())
    table.keep(np.lexsort((table.row, table.file, table.days, table.symbol)))
    _drop_repeats(table, defects)
    return table


def _join(files: Sequence[SourceFile], parts: Sequence[FileRows]) -> BarTable:
    names = np.concatenate([part.symbols for part in parts])
    symbols = sorted(set(names.tolist()))
    position = {symbol: i for i, symbol in enumerate(symbols)}
    return BarTable(
        files=files,
        symbols=symbols,
        symbol=np.fromiter((position[name] for name in names), np.int64, len(names)),
        days=np.concatenate([part.days for part in parts]),
        values={field: np.concatenate([part.values[field] for part in parts]) for field in parts[0].values},
        evidence={
            field: _evidence(parts, field) for field in {key for part in parts for key in part.evidence}
        },
        file=np.concatenate([np.full(len(part.row), number) for number, part in enumerate(parts)]),
        row=np.concatenate([part.row for part in parts]),
    )


def _evidence(parts: Sequence[FileRows], field: str) -> _Floats:
    """Join a column of evidence, NaN for files that have none."""
    return np.concatenate([part.evidence.get(field, np.full(len(part.row), np.nan)) for part in parts])


def _without_trade(table: BarTable, blank: _Bools, zero_volume_is_bar: bool, index: str | None) -> _Bools:
    """``[R]``: rows that say that there was no trade."""
    prices = [table.values[name] for name in _PRICES if name in table.values]
    still: _Bools = np.logical_and.reduce([np.isnan(price) for price in prices])
    if "volume" in table.values and not zero_volume_is_bar:
        still |= (table.values["volume"] == 0) & ~_is_of(table, index)
    if "trade_status" in table.evidence:  # baostock's: 0 on suspended days, whose volume may be empty
        still |= table.evidence["trade_status"] == 0
    still &= ~blank
    table.no_trade = int(still.sum())
    return still


def _unusable(table: BarTable, blank: _Bools, index: str | None, defects: DefectLog) -> _Bools:
    """``[R]``: bars with a value that is missing or cannot be; each is noted once."""
    bad = np.zeros(len(blank), dtype=np.bool_)
    is_index = _is_of(table, index)

    def note(kind: DefectKind, field: str, wrong: _Bools, expected: str) -> None:
        found = np.flatnonzero(wrong & ~blank & ~bad)
        bad[found] = True
        got = table.values[field][found]
        _note(table, defects, kind, found, lambda k: f"{field}: got {got[k]:g}, {expected}")

    for field in ("volume", *_PRICES, "factor"):
        if field not in table.values:
            continue
        column = table.values[field]
        counts = ~is_index if field == "volume" else np.ones(len(bad), dtype=np.bool_)
        note(
            "missing value",
            field,
            np.isnan(column) & counts,
            "expected a number beside the others of the day",
        )
        if field == "volume":
            note("volume negative", field, (column < 0) & counts, "expected 0 or more")
        else:
            kind: DefectKind = "factor not positive" if field == "factor" else "price not positive"
            note(kind, field, column <= 0, "expected more than 0")
    return bad


def _is_of(table: BarTable, symbol: str | None) -> _Bools:
    position = table.symbols.index(symbol) if symbol in table.symbols else -1
    return np.asarray(table.symbol == position)


def _drop_repeats(table: BarTable, defects: DefectLog) -> None:
    """Leave one of rows that say the same of a symbol's day, and none of rows that contradict each other."""
    same = (table.symbol[1:] == table.symbol[:-1]) & (table.days[1:] == table.days[:-1])
    repeats = np.concatenate(([False], same))
    if not repeats.any():
        return
    group = np.cumsum(~repeats) - 1
    first = np.flatnonzero(~repeats)[group]  # the row that opens each row's group
    differs = np.zeros(len(repeats), dtype=np.bool_)
    for column in table.values.values():
        differs |= ~np.isclose(column, column[first], rtol=0, atol=0, equal_nan=True)
    conflict = np.bincount(group, weights=differs) > 0
    conflicting = conflict[group]

    symbol, days, file, row = table.symbol, table.days, table.file, table.row

    def note(kind: DefectKind, rows: _Bools) -> None:
        found = np.flatnonzero(rows)

        def say(k: int) -> str:
            here, origin = found[k], first[found[k]]
            source = table.files[file[origin]]
            line = source.lines([int(row[origin])])[0]
            return f"{table.symbols[symbol[here]]} {days[here]} is at {source.path}:{line}, too"

        _note(table, defects, kind, found, say)

    note("duplicate row", repeats & ~conflicting)
    note("conflicting rows", repeats & conflicting)
    table.keep(~(repeats | conflicting))


def _note(
    table: BarTable,
    defects: DefectLog,
    kind: DefectKind,
    found: npt.NDArray[np.int64],
    say: Callable[[int], str],
) -> None:
    """Note rows of the table under the files that they came from; ``say`` gives the text of ``found[k]``."""
    numbers = table.file[found]
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        defects.add(kind, table.files[number], table.row[found[own]], _of_part(say, own))


def _of_part(say: Callable[[int], str], part: npt.NDArray[np.int64]) -> Callable[[int], str]:
    return lambda i: say(int(part[i]))
