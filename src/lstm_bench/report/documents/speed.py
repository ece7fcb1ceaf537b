"""Measured tables of speed, stored in one JSON file and shown in documents.

The scripts in ``tests/perf`` write ``results/leaderboard/speed.json``; each replaces its own tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from lstm_bench.config.section import Section
from lstm_bench.config.wording.mistakes import explain
from lstm_bench.core.atomic import write_whole
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.record.evidence import FOLDER
from lstm_bench.report.leaderboard.formats import markdown_table

__all__ = [
    "Cell",
    "Speed",
    "SpeedTable",
    "merge_tables",
    "read_speed",
    "speed_lines",
    "speed_markdown",
    "speed_path",
]

Cell = str | int | float | None
"""A text, a count, a measurement in the column's unit, or null."""

_EMPTY = (
    "There is no measurement yet: the scripts in `tests/perf` make them, with `--json "
    "results/leaderboard/speed.json`."
)


class SpeedTable(Section):
    """One measured table.

    Attributes
    ----------
    title : unique; a new measurement replaces the table of that title
    columns : headings, with units
    rows : a cell per column
    note : what was measured
    machine : processor or accelerator
    torch : version of torch
    command : command that made the table
    """

    title: str = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    machine: str
    torch: str
    command: str

    @model_validator(mode="after")
    def _be_rectangular(self) -> SpeedTable:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"rows.{number}: got {counted(len(row), 'cell')}, expected {len(self.columns)}, one per column"
                )
        return self


class Speed(Section):
    """All measured tables, in the order of the document."""

    tables: tuple[SpeedTable, ...] = ()

    @model_validator(mode="after")
    def _name_each_once(self) -> Speed:
        titles = [table.title for table in self.tables]
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"tables: {title!r} is there {titles.count(title)} times, expected once")
        return self

    def __or__(self, tables: Iterable[SpeedTable]) -> Speed:
        """Replace tables of the same title, and append the others."""
        merged = {table.title: table for table in self.tables}
        merged.update((table.title, table) for table in tables)
        return Speed(tables=tuple(merged.values()))


def speed_path(results: Path) -> Path:
    """Return the file of the measurements."""
    return results / FOLDER / "speed.json"


def read_speed(path: Path) -> Speed:
    """Read the measurements; empty if the file does not exist.

    Raises
    ------
    DataError
        If the file is damaged or cannot be read.
    """
    try:
        return Speed.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Speed()
    except ValidationError as error:
        raise DataError(f"{path}: {explain(error)}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def merge_tables(path: Path, tables: Iterable[SpeedTable]) -> None:
    """Merge tables into a file, replacing those of the same title; create it if it does not exist.

    Raises
    ------
    DataError
        If the existing file is damaged; it is not changed.
    """
    merged = read_speed(path) | tables
    write_whole(path, merged.model_dump_json(indent=2) + "\n")


def speed_lines(table: SpeedTable) -> list[list[str]]:
    """Format a table's cells."""
    return [[_written(cell) for cell in row] for row in table.rows]


def speed_markdown(speed: Speed) -> str:
    """Format all tables, each with a note on what was measured and how."""
    if not speed.tables:
        return f"{_EMPTY}\n"
    parts = []
    for table in speed.tables:
        origin = f"Measured by `{table.command}` on {table.machine}, torch {table.torch}."
        note = f"{table.note} {origin}" if table.note else origin
        parts += [f"### {table.title}", markdown_table(table.columns, speed_lines(table)), note]
    return "\n\n".join(parts) + "\n"


def _written(cell: Cell) -> str:
    """Format a cell: three significant digits of a measurement, all digits of a count."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    exponent = int(f"{cell:.2e}".partition("e")[2]) if cell else 0  # of the first significant digit
    return f"{cell:.{max(0, 2 - exponent)}f}"
