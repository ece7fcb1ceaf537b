"""How commands print: one JSON object, or a table for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer

__all__ = ["duration", "print_json", "print_table"]


_FILE_WIDTH = 160


def print_json(value: Any) -> None:
    """Print exactly one JSON object to stdout."""
    typer.echo(json.dumps(value, indent=2, default=str))


def print_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; all columns but the first are right-aligned."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # what is printed is no markup

    table = Table(title=Text(title, style="bold"), title_justify="left")
    for position, header in enumerate(headers):
        table.add_column(Text(header), justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH  # a file or a pipe has no edge to wrap at
    console.print(table)


def duration(seconds: float) -> str:
    """Write a span of time: ``2 h 05 min``, ``3 min 20 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
