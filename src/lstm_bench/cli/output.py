"""Output of commands: one JSON object, or a table for people."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from lstm_bench.core.json_values import without_nan

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "duration",
    "print_columns",
    "print_items",
    "print_json",
    "print_pairs",
    "print_table",
    "size_text",
    "terminal_width",
    "wrapped",
]


Item = TypeVar("Item")

_FILE_WIDTH = 160
"""Width of output to a file or a pipe."""


def print_json(value: Any) -> None:
    """Print one JSON object to stdout, with null for non-finite floats."""
    typer.echo(json.dumps(without_nan(value), indent=2, default=str))


def print_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; all columns but the first are right-aligned."""
    from rich.table import Table
    from rich.text import Text  # prints brackets as they are

    table = Table(title=Text(title, style="bold"), title_justify="left")
    for position, header in enumerate(headers):
        table.add_column(Text(header), justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    _console().print(table)


def print_items(
    title: str, columns: Sequence[tuple[str, Callable[[Item], str]]], items: Iterable[Item]
) -> None:
    """Print a table of items; each column is a header and a function that returns an item's cell."""
    print_table(
        title, [header for header, _ in columns], [[cell(item) for _, cell in columns] for item in items]
    )


def print_columns(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1, gap: int = 2, leading: int = 0
) -> None:
    """Print columns under a rule, without a frame, which leaves more room for the cells.

    The first ``words`` columns hold words: left-aligned, wrapped. The others hold figures: right-aligned, not wrapped.
    There are ``gap`` blanks between two columns, at least 1, and ``leading`` empty lines between two rows.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    # the box separates columns by a blank
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 0, 0, gap - 1), pad_edge=False, show_edge=False, leading=leading
    )
    for header in headers[:words]:
        table.add_column(Text(header), overflow="fold")
    for header in headers[words:]:
        table.add_column(Text(header), justify="right", overflow="fold", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    _console().print(table)


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names, each followed by its text, wrapped."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in pairs:
        table.add_row(Text(name), Text(text))
    _console().print(table)


def wrapped(text: str, width: int | None = None) -> str:
    """Wrap a text between its words; by default at the terminal's width."""
    width = width or terminal_width() or _FILE_WIDTH
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def terminal_width() -> int | None:
    """Return the terminal's width; None if stdout is not a terminal."""
    console = _console()
    return console.width if console.is_terminal else None


def _console() -> Console:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    return console


def size_text(size: int) -> str:
    """Return a number of bytes as text: ``1.3 MB``, ``12 kB``."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{math.ceil(size / 1e3)} kB"


def duration(seconds: float) -> str:
    """Return a span of time as text: ``2 h 05 min``, ``3 min 20 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
