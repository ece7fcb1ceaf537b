"""The rows of one file: cells become days, symbols and numbers, and what cannot be read is noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.data.importing.reading.cells import (
    cell,
    parse_days,
    parse_numbers,
    parse_splits,
    parse_symbols,
)
from lstm_bench.data.importing.reading.defects import DefectKind, DefectLog
from lstm_bench.data.importing.reading.intraday import Stamps, read_stamps
from lstm_bench.data.importing.reading.source_file import SourceFile

__all__ = ["FileColumns", "FileRows", "read_file"]

_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FileColumns:
    """Field -> column of a file: what bars are made of, and what they are judged by."""

    bars: Mapping[str, str]
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class FileRows:
    """The R rows of a file whose day and symbol are good.

    Attributes
    ----------
    symbols : ``[R]`` str
    days : ``[R]`` datetime64[D]
    values : field -> ``[R]`` float64, NaN where missing; ``split`` is 1 where there is none
    evidence : field -> ``[R]`` float64, NaN where missing or no number: it is no defect there
    row : ``[R]`` int64, from 0
    blank : ``[R]`` bool, rows with a number that is none
    stamps : times within days, None where there are none
    """

    symbols: npt.NDArray[np.object_]
    days: npt.NDArray[np.datetime64]
    values: dict[str, _Floats]
    evidence: dict[str, _Floats]
    row: npt.NDArray[np.int64]
    blank: _Bools
    stamps: Stamps | None


def read_file(
    source: SourceFile, columns: FileColumns, date_format: str | None, defects: DefectLog
) -> FileRows:
    """Read a file.

    Raises
    ------
    DataError
        Where it cannot be read.
    """
    judged = {f"evidence of {field}": column for field, column in columns.evidence.items()}
    cells = source.read({**columns.bars, **judged})
    if source.ragged:
        width, ragged = source.width, source.ragged
        defects.add(
            "ragged row",
            source,
            np.arange(len(ragged)),
            lambda i: f"got {counted(ragged[i], 'cell')}, expected {width}",
        )

    def note(kind: DefectKind, field: str, bad: _Bools, expected: str) -> None:
        rows = np.flatnonzero(bad)
        name, column = columns.bars[field], cells[field]
        defects.add(kind, source, rows, lambda i: f"{name}: got {cell(column, rows[i])}, expected {expected}")

    days, bad = parse_days(cells["date"], date_format)
    form = "a day such as 2020-01-31 (--date-format names another form)"
    note("bad date", "date", bad, form if date_format is None else f"the form {date_format}")
    good = ~bad
    symbols = np.full(len(days), source.name_symbol.strip().upper(), dtype=object)
    if "symbol" in columns.bars:
        symbols, bad = parse_symbols(cells["symbol"])
        note("bad symbol", "symbol", bad & good, "a symbol that can name a folder")
        good &= ~bad
    blank = np.zeros(len(days), dtype=np.bool_)
    values = {}
    for field in sorted(columns.bars.keys() - {"date", "symbol"}):
        read = parse_splits if field == "split" else parse_numbers
        values[field], bad = read(cells[field])
        note("bad number", field, bad & good, "a number")
        blank |= bad
        if field == "split":
            bad = values[field] < 0
            note("split not positive", field, bad & good, "new shares per old one")
            values[field][bad] = 1
    evidence = {}
    for field in columns.evidence.keys() - {"time"}:
        read = parse_splits if field == "split" else parse_numbers
        evidence[field], _ = read(cells[f"evidence of {field}"])
    kept = np.flatnonzero(good)
    return FileRows(
        symbols[kept],
        days[kept],
        {field: column[kept] for field, column in values.items()},
        {field: column[kept] for field, column in evidence.items()},
        kept,
        blank[kept],
        read_stamps(source.path, symbols, cells["date"], cells.get("evidence of time")),
    )
