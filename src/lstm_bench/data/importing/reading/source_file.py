"""The files to import: which there are, whose bars they hold, and their cells."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.reading.file_kind import check_encoding, refuse_other_kinds, unreadable
from lstm_bench.data.importing.reading.three_row_header import ROWS, ThreeRowHead, three_row_head
from lstm_bench.data.layout import CALENDAR

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FilePattern", "SourceFile", "find_files"]

_TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_PARQUET = (".parquet", ".pq")
_DELIMITERS = ",;\t|"


class FilePattern:
    """How files are called, such as ``daily_{symbol}.csv``: ``{symbol}`` is the symbol, ``*`` anything.

    Raises
    ------
    DataError
        Where ``{symbol}`` is there more than once.
    """

    def __init__(self, text: str) -> None:
        if text.count("{symbol}") > 1:
            raise DataError(f"--file-pattern: got {text!r}, expected {{symbol}} once at the most")
        parts = (
            {"{symbol}": "(?P<symbol>.+)", "*": ".*"}.get(part, re.escape(part))
            for part in re.split(r"(\{symbol\}|\*)", text)
        )
        self._regex = re.compile("".join(parts), re.IGNORECASE)

    def symbol(self, name: str) -> str | None:
        """Return the symbol in a file's name; None where the name is of another pattern."""
        match = self._regex.fullmatch(name)
        if match is None:
            return None
        return match.groupdict().get("symbol") or _stem(name)


def find_files(place: Path, pattern: FilePattern | None, encoding: str) -> list[SourceFile]:
    """List the files of a folder (and of folders in it), or the one file, sorted by path.

    Raises
    ------
    DataError
        Where there is none that can be read.
    """
    check_encoding(encoding)
    suffixes = (*_TEXT, *_PARQUET)
    if not place.exists():
        raise DataError(f"{place}: no such file or folder")
    if place.is_dir():
        made = [path.parents[1] for path in place.rglob(Path(CALENDAR).name) if path.match(CALENDAR)]
        paths = sorted(
            path
            for path in place.rglob("*")
            if path.name.lower().endswith(suffixes)
            and not path.name.startswith(".")
            and path.is_file()
            and not any(path.is_relative_to(folder) for folder in made)  # lists of days and codes, no bars
        )
    else:
        paths = [place]
    files = []
    for path in paths:
        symbol = _stem(path.name) if pattern is None else pattern.symbol(path.name)
        if symbol is not None:
            files.append(SourceFile(path, symbol, encoding))
    if not files:
        what = (
            "with a name of --file-pattern" if pattern and paths else f"that ends with {', '.join(suffixes)}"
        )
        raise DataError(f"{place}: expected CSV or Parquet files; it has none {what}")
    return files


def _stem(name: str) -> str:
    for suffix in sorted((*_TEXT, *_PARQUET), key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


@dataclass(frozen=True)
class SourceFile:
    """One file of bars.

    Attributes
    ----------
    path : Path
    name_symbol : the symbol that the file's name says, for files without a column of symbols
    encoding : of a text file
    ragged : numbers of cells of the rows of a text file that have too few or too many, once it is read
    rows_per_ticker : once a file with a header of three rows is read, the number of its rows, each of all tickers
    """

    path: Path
    name_symbol: str
    encoding: str = "utf-8"
    ragged: list[int] = field(default_factory=list, compare=False)
    rows_per_ticker: list[int] = field(default_factory=list, compare=False)

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file; all others are text."""
        return self.path.name.lower().endswith(_PARQUET)

    @cached_property
    def header(self) -> list[str]:
        """Column names.

        Raises
        ------
        DataError
            Where the file cannot be read, or has none.
        """
        if self.is_parquet:
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                return [str(name) for name in pq.read_schema(self.path).names]
            except (OSError, ValueError, pa.ArrowException) as error:
                raise unreadable(self.path, error, self.encoding) from error
        if self._three_row_head is not None:
            return self._three_row_head.names
        names = [name.strip() for name in self._first_rows[0]] if self._first_rows else []
        if len(names) < 2:
            raise DataError(
                f"{self.path}: expected a header of at least two columns; got {', '.join(names)!r}"
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"{self.path}: the header names {', '.join(map(repr, twice))} more than once")
        return names

    @cached_property
    def _first_rows(self) -> list[list[str]]:
        """The first rows of a text file."""
        try:
            refuse_other_kinds(self.path)
            with self._open() as file:
                return list(islice(csv.reader(file, delimiter=self._delimiter), ROWS))
        except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
            raise unreadable(self.path, error, self.encoding) from error

    @cached_property
    def _three_row_head(self) -> ThreeRowHead | None:
        return three_row_head(self._first_rows, str(self.path))

    @property
    def _head_rows(self) -> int:
        return 1 if self._three_row_head is None else ROWS

    @property
    def width(self) -> int:
        """Number of cells of a row that is whole."""
        return len(self.header) if self._three_row_head is None else self._three_row_head.width

    def read(self, columns: Mapping[str, str]) -> dict[str, pa.ChunkedArray]:
        """Read the columns of ``field -> column``; cells of a text file are text.

        Raises
        ------
        DataError
            Where the file cannot be read.
        """
        import pyarrow as pa

        wide = None if self.is_parquet else self._three_row_head
        try:
            table = self._read_parquet(columns) if self.is_parquet else self._read_text(columns)
        except (OSError, EOFError, zlib.error, ValueError, pa.ArrowException) as error:
            raise unreadable(self.path, error, self.encoding) from error
        if wide is None:
            return {name: table.column(column) for name, column in columns.items()}
        self.rows_per_ticker.append(table.num_rows)
        return {name: wide.long_column(table, column) for name, column in columns.items()}

    def _read_parquet(self, columns: Mapping[str, str]) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.read_table(self.path, columns=sorted(set(columns.values())), partitioning=None)

    def _read_text(self, columns: Mapping[str, str]) -> pa.Table:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        wide = self._three_row_head
        names = self.header if wide is None else [str(place) for place in range(wide.width)]
        wanted = sorted(set(columns.values())) if wide is None else names
        return arrow_csv.read_csv(
            pa.input_stream(str(self.path), compression="detect"),
            read_options=arrow_csv.ReadOptions(
                column_names=names, skip_rows=self._head_rows, encoding=self.encoding, use_threads=False
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=self._skip_ragged
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=wanted,
                strings_can_be_null=False,
            ),
        )

    def _skip_ragged(self, row: object) -> str:
        self.ragged.append(int(row.actual_columns))  # type: ignore[attr-defined]
        return "skip"

    def lines(self, rows: npt.NDArray[np.int64] | Sequence[int]) -> list[int]:
        """Look up on which lines the given rows (counted from 0, ragged ones left out) begin.

        Rows of a Parquet file have no line: their own number, from 1 on, is given.
        """
        if self.is_parquet:
            return [int(row) + 1 for row in rows]
        if self.rows_per_ticker:
            rows = [int(row) % self.rows_per_ticker[0] for row in rows]
        wanted = {int(row) for row in rows}
        found: dict[int, int] = {}
        for ordinal, (line, _) in enumerate(self._records(ragged=False)):
            if ordinal in wanted:
                found[ordinal] = line
                if len(found) == len(wanted):
                    break
        return [found[int(row)] for row in rows]

    def ragged_lines(self, limit: int) -> list[int]:
        """Look up the lines of the first rows that have too few or too many cells."""
        lines = []
        for line, _ in self._records(ragged=True):
            lines.append(line)
            if len(lines) == limit:
                break
        return lines

    def _records(self, *, ragged: bool) -> Iterator[tuple[int, list[str]]]:
        """Yield the line and the cells of each row that is, or is not, as wide as the header; no blank lines."""
        width = self.width
        with self._open() as file:
            reader = csv.reader(file, delimiter=self._delimiter)
            for _ in range(self._head_rows):
                next(reader)
            before = reader.line_num
            for cells in reader:
                if cells and (len(cells) != width) == ragged:
                    yield before + 1, cells
                before = reader.line_num

    def _open(self) -> io.TextIOWrapper:
        encoding = (
            "utf-8-sig" if self.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else self.encoding
        )
        is_packed = self.path.name.lower().endswith(".gz")
        raw = gzip.open(self.path) if is_packed else self.path.open("rb")  # noqa: SIM115 - the wrapper closes it
        return io.TextIOWrapper(raw, encoding=encoding, newline="")

    @cached_property
    def _delimiter(self) -> str:
        """The sign that stands most often in the header."""
        with self._open() as file:
            first = file.readline()
        return max(_DELIMITERS, key=first.count)
