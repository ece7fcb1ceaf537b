"""Reads the rows of one file: cells become days, symbols and numbers, and defects are logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.data.arrays import Bools, Days, Floats, Ints
from lstm_bench.data.importing.reading.cells import (
    parse_days,
    parse_numbers,
    parse_splits,
    parse_symbols,
    show_cell,
)
from lstm_bench.data.importing.reading.defects import DefectKind, DefectLog
from lstm_bench.data.importing.reading.intraday import Stamps, read_stamps
from lstm_bench.data.importing.reading.source_file import SourceFile
from lstm_bench.data.importing.reading.symbol_rows import take_rows

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FileColumns", "FileRows", "read_file"]


@dataclass(frozen=True)
class FileColumns:
    """Field -> column of a file: fields of the bars, and fields that serve as evidence."""

    bars: Mapping[str, str]
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class FileRows:
    """The R rows of a file with a valid day and symbol."""

    symbols: npt.NDArray[np.object_]  # ``[R]`` str
    days: Days  # ``[R]`` datetime64[D]
    values: dict[str, Floats]  # field -> ``[R]`` float64, NaN if missing; ``split`` is 1 without a split
    # field -> ``[R]`` float64, NaN if missing or not a number, which is no defect there
    evidence: dict[str, Floats]
    row: Ints  # ``[R]`` int64, from 0
    blank: Bools  # ``[R]`` bool, rows with a bad number
    stamps: Stamps | None  # times within days, None if there are none


def read_file(
    source: SourceFile, columns: FileColumns, date_format: str | None, defects: DefectLog
) -> FileRows:
    """Read a file.

    Raises DataError if it cannot be read.
    """
    judged = {f"evidence of {field}": column for field, column in columns.evidence.items()}
    cells = source.read({**columns.bars, **judged})
    _log_ragged(source, defects)

    def log(kind: DefectKind, field: str, bad: Bools, expected: str) -> None:
        rows = np.flatnonzero(bad)
        name, column = columns.bars[field], cells[field]
        defects.add(
            kind, source, rows, lambda i: f"{name}: got {show_cell(column, rows[i])}, expected {expected}"
        )

    days, bad = parse_days(cells["date"], date_format)
    form = "a day such as 2020-01-31 (--date-format names another form)"
    log("bad date", "date", bad, form if date_format is None else f"the form {date_format}")
    good = ~bad
    symbols = np.full(len(days), source.name_symbol.strip().upper(), dtype=object)
    if "symbol" in columns.bars:
        symbols, bad = parse_symbols(cells["symbol"])
        log("bad symbol", "symbol", bad & good, "a symbol that can name a folder")
        good &= ~bad
    blank = np.zeros(len(days), dtype=np.bool_)
    values = {}
    for field in sorted(columns.bars.keys() - {"date", "symbol"}):
        values[field], bad = _parser(field)(cells[field])
        log("bad number", field, bad & good, "a number")
        blank |= bad
        if field == "split":
            bad = values[field] < 0
            log("split not positive", field, bad & good, "new shares per old one")
            values[field][bad] = 1
    evidence = {
        field: _parser(field)(cells[f"evidence of {field}"])[0]
        for field in columns.evidence.keys() - {"time"}
    }
    rows = np.flatnonzero(good)
    return FileRows(
        symbols[rows],
        days[rows],
        take_rows(values, rows),
        take_rows(evidence, rows),
        rows,
        blank[rows],
        read_stamps(source.path, symbols, cells["date"], cells.get("evidence of time")),
    )


def _parser(field: str) -> Callable[[pa.ChunkedArray], tuple[Floats, Bools]]:
    return parse_splits if field == "split" else parse_numbers


def _log_ragged(source: SourceFile, defects: DefectLog) -> None:
    if not source.ragged:
        return
    width, cells = source.width, source.ragged
    rows = np.arange(len(cells))
    defects.add("ragged row", source, rows, lambda i: f"got {counted(cells[i], 'cell')}, expected {width}")
