"""The rows of all files as one table, in order, each with where it came from; and which of them are bars."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.counting import counted
from lstm_bench.data.importing.columns import PRICES, map_columns
from lstm_bench.data.importing.defects import DefectKind, DefectLog
from lstm_bench.data.importing.parsing import cell, parse_days, parse_numbers, parse_splits, parse_symbols
from lstm_bench.data.importing.source import SourceFile
from lstm_bench.errors import DataError

__all__ = ["BarTable", "SymbolRows", "read_bars"]

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
    """

    symbol: str
    days: npt.NDArray[np.datetime64]
    values: Mapping[str, _Floats]
    traded: _Bools

    def where(self, kept: _Bools) -> SymbolRows:
        """Keep some of the rows."""
        values = {name: column[kept] for name, column in self.values.items()}
        return SymbolRows(self.symbol, self.days[kept], values, self.traded[kept])


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
    file, row : ``[R]`` int64
        Position in ``files``, and row of the file (from 0).
    no_trade : number of rows that say that there was no trade
    """

    files: Sequence[SourceFile]
    symbols: list[str]
    symbol: npt.NDArray[np.int64]
    days: npt.NDArray[np.datetime64]
    values: dict[str, _Floats]
    file: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    no_trade: int = 0

    def keep(self, kept: _Bools | npt.NDArray[np.int64]) -> None:
        """Keep some of the rows, or put them in an order."""
        self.symbol, self.days = self.symbol[kept], self.days[kept]
        self.file, self.row = self.file[kept], self.row[kept]
        self.values = {name: column[kept] for name, column in self.values.items()}

    def by_symbol(self) -> Iterator[SymbolRows]:
        """Yield the rows of each symbol that has a bar; the table is in order."""
        ends = np.searchsorted(self.symbol, np.arange(len(self.symbols)), side="right")
        begin = 0
        for symbol, end in zip(self.symbols, ends, strict=True):
            values = {name: column[begin:end] for name, column in self.values.items()}
            traded = ~np.isnan(values["close"])
            if traded.any():
                yield SymbolRows(symbol, self.days[begin:end], values, traded)
            begin = int(end)


def read_bars(
    files: Sequence[SourceFile],
    named: Mapping[str, str],
    defects: DefectLog,
    *,
    required: Sequence[str],
    ignored: Collection[str] = (),
    date_format: str | None = None,
    zero_volume_is_bar: bool = False,
    index: str | None = None,
) -> BarTable:
    """Read all rows and put them in order; rows that cannot be used are noted and left out.

    A row without prices, or with a volume of zero, says that there was no trade on that day (Qlib's collectors read
    it so, too): it is no defect and no bar. A row that is no bar still counts for its split.

    Parameters
    ----------
    files
        Each is read by its own header; all must have the same fields.
    named
        Field -> column, for those that the user named.
    defects
        Takes what is wrong.
    required
        Fields that must be there.
    ignored
        Fields not to read.
    date_format
        Of dates that are texts.
    zero_volume_is_bar
        Keep bars of a volume of zero.
    index
        A symbol whose volume does not count: nobody trades it.

    Raises
    ------
    DataError
        Where a file cannot be read, a column is missing, or files differ in their fields.
    """
    parts: list[_Part] = []
    fields: set[str] = set()
    for number, source in enumerate(files):
        columns = map_columns(source.header, named, str(source.path), required=required)
        columns = {field: column for field, column in columns.items() if field not in ignored}
        if number and columns.keys() != fields:
            differing = ", ".join(sorted(columns.keys() ^ fields))
            raise DataError(f"{source.path}: got other fields than {files[0].path} has: {differing}")
        fields = set(columns)
        parts.append(_read_file(number, source, columns, date_format, defects))
    table = _join(files, parts)
    blank = np.concatenate([part.blank for part in parts])
    blank |= _without_trade(table, blank, zero_volume_is_bar, index)
    blank |= _unusable(table, blank, index, defects)
    for name in table.values.keys() - {"split"}:
        table.values[name][blank] = np.nan
    table.keep(~blank | (table.values["split"] != 1 if "split" in table.values else False))
    table.keep(np.lexsort((table.row, table.file, table.days, table.symbol)))
    _drop_repeats(table, defects)
    return table


@dataclass(frozen=True)
class _Part:
    """The rows of one file whose day and symbol are good; ``blank`` are those with a number that is not."""

    symbols: npt.NDArray[np.object_]
    days: npt.NDArray[np.datetime64]
    values: dict[str, _Floats]
    file: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    blank: _Bools


def _read_file(
    number: int, source: SourceFile, columns: Mapping[str, str], date_format: str | None, defects: DefectLog
) -> _Part:
    cells = source.read(columns)
    if source.ragged:
        width, ragged = len(source.header), source.ragged
        defects.add(
            "ragged row",
            source,
            np.arange(len(ragged)),
            lambda i: f"got {counted(ragged[i], 'cell')}, expected {width}",
        )

    def note(kind: DefectKind, field: str, bad: _Bools, expected: str) -> None:
        rows = np.flatnonzero(bad)
        name, column = columns[field], cells[field]
        defects.add(kind, source, rows, lambda i: f"{name}: got {cell(column, rows[i])}, expected {expected}")

    days, bad = parse_days(cells["date"], date_format)
    form = "a day such as 2020-01-31 (--date-format names another form)"
    note("bad date", "date", bad, form if date_format is None else f"the form {date_format}")
    good = ~bad
    symbols = np.full(len(days), source.name_symbol.strip().upper(), dtype=object)
    if "symbol" in columns:
        symbols, bad = parse_symbols(cells["symbol"])
        note("bad symbol", "symbol", bad & good, "a symbol that can name a folder")
        good &= ~bad
    blank = np.zeros(len(days), dtype=np.bool_)
    values = {}
    for field in sorted(columns.keys() - {"date", "symbol"}):
        read = parse_splits if field == "split" else parse_numbers
        values[field], bad = read(cells[field])
        note("bad number", field, bad & good, "a number")
        blank |= bad
        if field == "split":
            bad = values[field] < 0
            note("split not positive", field, bad & good, "new shares per old one")
            values[field][bad] = 1
    kept = np.flatnonzero(good)
    return _Part(
        symbols[kept],
        days[kept],
        {field: column[kept] for field, column in values.items()},
        np.full(len(kept), number),
        kept,
        blank[kept],
    )


def _join(files: Sequence[SourceFile], parts: Sequence[_Part]) -> BarTable:
    names = np.concatenate([part.symbols for part in parts])
    symbols = sorted(set(names.tolist()))
    position = {symbol: i for i, symbol in enumerate(symbols)}
    return BarTable(
        files=files,
        symbols=symbols,
        symbol=np.fromiter((position[name] for name in names), np.int64, len(names)),
        days=np.concatenate([part.days for part in parts]),
        values={field: np.concatenate([part.values[field] for part in parts]) for field in parts[0].values},
        file=np.concatenate([part.file for part in parts]),
        row=np.concatenate([part.row for part in parts]),
    )


def _without_trade(table: BarTable, blank: _Bools, zero_volume_is_bar: bool, index: str | None) -> _Bools:
    """``[R]``: rows that say that there was no trade."""
    prices = [table.values[name] for name in _PRICES if name in table.values]
    still: _Bools = np.logical_and.reduce([np.isnan(price) for price in prices])
    if "volume" in table.values and not zero_volume_is_bar:
        still |= (table.values["volume"] == 0) & ~_is_of(table, index)
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
