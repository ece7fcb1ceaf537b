"""Scores that were computed elsewhere: a table of (datetime, instrument, score), from a file or from a notebook."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Bools, Days, Floats32
from lstm_bench.data.importing.reading.cells import (
    parse_days,
    parse_numbers,
    parse_symbols,
    parse_texts,
    show_cell,
    stripped_texts,
)
from lstm_bench.data.importing.reading.intraday import split_stamp
from lstm_bench.data.importing.reading.source_file import SourceFile

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["ScoreTable"]

_SCORE = ("score", "0")
"""Names of the column of scores. Qlib's predictions have the first; a column without a name is written as the other."""

_PICKLES = (".pkl", ".pickle")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """One score per day and instrument.

    Attributes
    ----------
    source : the file, or the argument, in messages
    days : ``[R]`` datetime64[D]
    instruments : ``[R]`` str, upper case
    values : ``[R]`` float32, NaN if missing
    origin : name and SHA-256 of the file; empty without one
    """

    source: str
    days: Days
    instruments: npt.NDArray[np.object_]
    values: Floats32
    origin: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a Parquet or CSV file with the columns, or index levels, ``datetime``, ``instrument`` and ``score``.

        A pickle is refused: reading it could run any program.

        Raises
        ------
        DataError
            If the file cannot be read, lacks a column, has a row twice, or a cell is no day, code or finite number.
        """
        if path.name.lower().endswith(_PICKLES) or _starts_as_pickle(path):
            raise DataError(
                f"{path}: expected Parquet or CSV; a pickle may run any program when it is read. If you trust it, "
                f"write it once as Parquet:\n    import pandas as pd\n"
                f"    pd.read_pickle({str(path)!r}).to_parquet({str(path.with_suffix('.parquet'))!r})"
            )
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "there is no such file"
            raise DataError(f"{path}: {what}, expected a Parquet or CSV file of scores")
        source = SourceFile(path, name_symbol="")
        cells = source.read(_columns(source.header, str(path)))
        return cls._of(cells, str(path), {"file": path.name, "file_sha256": _sha256(path)})

    @classmethod
    def of_frame(cls, frame: pd.DataFrame | pd.Series[Any]) -> Self:
        """Take a table of pandas, with ``datetime`` and ``instrument`` as index or columns.

        Raises
        ------
        DataError
            As :meth:`read` does.
        """
        import pandas as pd

        if isinstance(frame, pd.Series):
            frame = frame.to_frame("score")
        if not isinstance(frame, pd.DataFrame):
            raise DataError(f"scores: got {type(frame).__name__}, expected a DataFrame, a Series or a file")
        names = [name for name in frame.index.names if name is not None]
        flat = frame.reset_index(names) if names else frame
        flat = flat.rename(columns=str)
        columns = _columns(list(flat.columns), "scores")
        cells = {field: _arrow(flat[name]) for field, name in columns.items()}
        return cls._of(cells, "scores", {})

    @classmethod
    def _of(cls, cells: Mapping[str, pa.ChunkedArray], source: str, origin: Mapping[str, Any]) -> Self:
        """Parse cells and check the rows."""
        check = partial(_refuse, cells=cells, source=source)
        day, bad = parse_days(_decoded(cells["datetime"]), None)
        check("datetime", bad, expected="a day such as 2020-01-31")
        check("datetime", _within_day(cells["datetime"]), expected="a day, without a time of day")
        instrument, bad = parse_symbols(_decoded(cells["instrument"]))
        check("instrument", bad, expected="a code such as SH600000")
        number, bad = parse_numbers(cells["score"])
        with np.errstate(over="ignore"):
            values = number.astype(np.float32)
        check("score", bad | np.isinf(values), expected="a finite number, or nothing")
        if np.isnan(values).all():
            raise DataError(f"{source}: score: got {len(values)} rows without a number, expected scores")
        table = cls(source, day, instrument, values, origin)
        table._refuse_duplicates()
        return table

    def _refuse_duplicates(self) -> None:
        import pandas as pd

        keys = pd.MultiIndex.from_arrays([self.days.astype("datetime64[s]"), self.instruments])
        twice = np.flatnonzero(keys.duplicated())
        if len(twice):
            row = twice[0]
            raise DataError(
                f"{self.source}: {self.instruments[row]} on {self.days[row]} has more than one row (of {len(twice)} "
                "repeated rows), expected one score per day and instrument"
            )


def _columns(header: Iterable[str], source: str) -> dict[str, str]:
    """Return the name of each field's column.

    Raises ``DataError`` if a field has none; the message names the columns that exist.
    """
    names = list(header)
    known = {name.strip().lower(): name for name in names}
    found = {}
    for field, choices in {"datetime": ("datetime",), "instrument": ("instrument",), "score": _SCORE}.items():
        column = next((known[choice] for choice in choices if choice in known), None)
        if column is None:
            raise DataError(
                f"{source}: got the columns {', '.join(map(repr, names))}, expected 'datetime', 'instrument' and "
                f"'score' (or '0'), as columns or as the names of the index; none is called {field!r}"
            )
        found[field] = column
    return found


def _within_day(column: pa.ChunkedArray) -> Bools:
    """Find cells with a time of day other than midnight, ``[R]``."""
    texts = stripped_texts(_decoded(column))
    return parse_texts(
        texts, lambda text: bool(set(split_stamp(text)[1]) - set("0:.")), np.dtype(np.bool_)
    ).astype(np.bool_)


def _arrow(column: pd.Series[Any]) -> pa.ChunkedArray:
    """Convert a column of pandas; a mixture of kinds becomes texts."""
    import pyarrow as pa

    try:
        return pa.chunked_array([pa.Array.from_pandas(column)])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.chunked_array([pa.Array.from_pandas(column.map(str, na_action="ignore"))])


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _refuse(
    field: str, bad: Bools, *, cells: Mapping[str, pa.ChunkedArray], source: str, expected: str
) -> None:
    """Raise ``DataError`` for the first bad cell of a column, if there is one."""
    rows = np.flatnonzero(bad)
    if len(rows):
        more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
        raise DataError(
            f"{source}: {field}: got {show_cell(_decoded(cells[field]), int(rows[0]))} in row {rows[0] + 1:,}{more}, "
            f"expected {expected}"
        )


def _starts_as_pickle(path: Path) -> bool:
    """Whether a file begins as a pickle of protocol 2 or later does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and 2 <= start[1] <= 9


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
