"""Reads the cells of one file, and looks up the lines of its rows."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Ints
from lstm_bench.data.importing.reading.file_kind import refuse_other_kinds, unreadable
from lstm_bench.data.importing.reading.three_row_header import ROWS, ThreeRowHeader, three_row_header

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PARQUET_SUFFIXES", "SourceFile"]

PARQUET_SUFFIXES = (".parquet", ".pq")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class SourceFile:
    """One file of bars."""

    path: Path
    name_symbol: str  # the symbol in the file's name, for files without a column of symbols
    encoding: str = "utf-8"  # of a text file
    # numbers of cells of ragged rows (too few or too many cells), once a text file is read
    ragged: list[int] = field(default_factory=list, compare=False)
    # number of rows of a file with a three-row header, once it is read
    rows_per_ticker: list[int] = field(default_factory=list, compare=False)

    @property
    def is_parquet(self) -> bool:
        """Whether it is a Parquet file; other files are text."""
        return self.path.name.lower().endswith(PARQUET_SUFFIXES)

    @cached_property
    def header(self) -> list[str]:
        """Column names.

        Raises DataError if the file cannot be read, or has no header.
        """
        if self.is_parquet:
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                return [str(name) for name in pq.read_schema(self.path).names]
            except (OSError, ValueError, pa.ArrowException) as error:
                raise unreadable(self.path, error, self.encoding) from error
        if self._three_row_header is not None:
            return self._three_row_header.names
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
    def _three_row_header(self) -> ThreeRowHeader | None:
        return three_row_header(self._first_rows, str(self.path))

    @property
    def _head_rows(self) -> int:
        return 1 if self._three_row_header is None else ROWS

    @property
    def width(self) -> int:
        """Number of cells of a complete row."""
        return len(self.header) if self._three_row_header is None else self._three_row_header.width

    def read(self, columns: Mapping[str, str]) -> dict[str, pa.ChunkedArray]:
        """Read the columns of ``field -> column``; cells of a text file are text.

        Raises DataError if the file cannot be read.
        """
        import pyarrow as pa

        wide = None if self.is_parquet else self._three_row_header
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

        wide = self._three_row_header
        names = self.header if wide is None else [str(place) for place in range(wide.width)]
        included = sorted(set(columns.values())) if wide is None else names
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
                include_columns=included,
                strings_can_be_null=False,
            ),
        )

    def _skip_ragged(self, row: object) -> str:
        self.ragged.append(int(row.actual_columns))  # type: ignore[attr-defined]
        return "skip"

    def lines(self, rows: Ints | Sequence[int]) -> list[int]:
        """Look up the lines on which rows (counted from 0, without ragged ones) begin.

        Rows of a Parquet file have no line: their number, from 1, is returned.
        """
        if self.is_parquet:
            return [int(row) + 1 for row in rows]
        if self.rows_per_ticker:
            rows = [int(row) % self.rows_per_ticker[0] for row in rows]
        remaining = {int(row) for row in rows}
        found: dict[int, int] = {}
        for ordinal, (line, _) in enumerate(self._records(ragged=False)):
            if ordinal in remaining:
                found[ordinal] = line
                remaining.remove(ordinal)
                if not remaining:
                    break
        return [found[int(row)] for row in rows]

    def ragged_lines(self, limit: int) -> list[int]:
        """Look up the lines of the first ragged rows."""
        return [line for line, _ in islice(self._records(ragged=True), limit)]

    def _records(self, *, ragged: bool) -> Iterator[tuple[int, list[str]]]:
        """Yield line and cells of the ragged, or of the complete rows; blank lines are skipped."""
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
        is_gzip = self.path.name.lower().endswith(".gz")
        raw = gzip.open(self.path) if is_gzip else self.path.open("rb")  # noqa: SIM115 - the wrapper closes it
        return io.TextIOWrapper(raw, encoding=encoding, newline="")

    @cached_property
    def _delimiter(self) -> str:
        """The candidate that occurs most often in the header."""
        with self._open() as file:
            first = file.readline()
        return max(_DELIMITERS, key=first.count)
