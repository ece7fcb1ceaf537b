"""Print the leaderboard as tables that fit a terminal's width."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from lstm_bench.cli.output import print_columns, print_pairs, wrapped

if TYPE_CHECKING:
    from lstm_bench.report.leaderboard.tables import Line, Table, TextCell

__all__ = ["BEST", "Layout", "choose_layout", "print_leaderboard"]

BEST = "*"
"""Mark before a mean that cannot be told from the best."""

_NAME_WIDTH = 14
"""Longest line of a row's name in the layouts with stacked cells."""
_FIGURE_WIDTH = 8
_GAPS = (2, 1)
_MODEL, _DATASET, _REDUCED = "Model Name", "Dataset", "Reduced"
_OPTIONAL = ("Parameters", "Training time", "n_epochs", "Epochs run", "Test evaluations")
"""Columns that a narrow terminal leaves out."""
_STACKED_HEADERS = {
    "Annualized Return": "Annual.\nReturn",
    "Information Ratio": "Inform.\nRatio",
    "Parameters": "Para-\nmeters",
    "Test evaluations": "Test\nevalua-\ntions",
}
"""Headers longer than a cell, broken for the layouts with narrow cells."""


@dataclass(frozen=True)
class Layout:
    """How a table is laid out.

    Attributes
    ----------
    headers, lines : texts; each may have several lines
    gap : blanks between columns
    left_out : columns without room
    is_list : whether each row is printed as a list of its figures, because no table fits
    """

    headers: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    gap: int = 1
    left_out: tuple[str, ...] = ()
    is_list: bool = False


def print_leaderboard(tables: Sequence[Table], width: int) -> None:
    """Print tables that fit ``width`` columns, and what their cells mean."""
    from lstm_bench.report.leaderboard.note import note

    left_out: dict[str, None] = {}
    for table in tables:
        typer.echo(f"{wrapped(f'{table.features}: {table.title}'.replace('`', ''), width)}\n")
        layout = choose_layout(table, width)
        if layout.is_list:
            _print_list(layout)
        else:
            print_columns(layout.headers, layout.lines, gap=layout.gap, leading=1)
        for reason, rows in _reductions(table).items():
            typer.echo(wrapped(f"reduced, {rows}: {reason}", width))
        typer.echo()
        left_out |= dict.fromkeys(layout.left_out)
    typer.echo(wrapped(note(tables, f"A mean with {BEST}").replace("`", ""), width))
    if left_out:
        typer.echo(wrapped(f"not shown: {', '.join(left_out)}; --format md has all columns", width))


def choose_layout(table: Table, width: int) -> Layout:
    """Return the most complete layout that fits.

    In order: mean and deviation on one line, interval and skill below; each of them on lines of its own; the same
    without the optional columns; each row as a list.
    """
    shown = [name for name in table.header if name not in (_DATASET, _REDUCED)]
    figures = [name for name in shown if name not in _OPTIONAL]
    for names, is_narrow in ((shown, False), (shown, True), (figures, True)):
        layout = _layout(table, names, is_narrow=is_narrow)
        for gap in _GAPS:
            if _least_width(layout, _NAME_WIDTH if is_narrow else width, gap) <= width:
                return replace(layout, gap=gap)
    layout = _layout(table, shown, is_narrow=False)
    rows = [tuple(text.replace("\n", " ") for text in line) for line in layout.lines]
    return replace(layout, lines=tuple(rows), is_list=True)


def _layout(table: Table, names: Sequence[str], *, is_narrow: bool) -> Layout:
    at = [table.header.index(name) - 1 for name in names if name != _MODEL]
    cells = [[_text(line.cells[k], is_narrow=is_narrow) for k in at] for line in table.lines]
    rows = [
        (_name(line, is_narrow=is_narrow), *texts) for line, texts in zip(table.lines, cells, strict=True)
    ]
    left_out = tuple(name for name in table.header if name in _OPTIONAL and name not in names)
    headers = ["Row" if name == _MODEL else name for name in names]
    if is_narrow:
        headers = [_STACKED_HEADERS.get(name, name.replace(" ", "\n")) for name in headers]
    return Layout(tuple(headers), tuple(rows), left_out=left_out)


def _name(line: Line, *, is_narrow: bool) -> str:
    """Return a row's name below its model; the plain LSTM is not named."""
    row = line.row.replace("/", "/\n") if is_narrow and not line.is_reference else line.row
    return row if line.model == "LSTM" else f"{line.model}:\n{row}"


def _text(cell: TextCell, *, is_narrow: bool) -> str:
    """Stack a cell; in a narrow one, lines longer than a figure are broken between words."""
    text = "\n".join((f"{BEST if cell.is_best else ''}{cell.first}", *cell.below))
    if not is_narrow:
        return text
    # the ends of an interval stand below each other, which needs no comma
    lines = text.replace("±", "\n±").replace(" (", "\n(").replace(", ", "\n").split("\n")
    return "\n".join(
        textwrap.fill(line, _FIGURE_WIDTH, break_long_words=False, break_on_hyphens=False) for line in lines
    )


def _least_width(layout: Layout, name_width: int, gap: int) -> int:
    """Return the width that keeps figures whole, and names up to ``name_width``."""
    columns = zip(layout.headers, *layout.lines, strict=True)
    widths = [max(len(line) for text in column for line in text.split("\n")) for column in columns]
    widths[0] = min(widths[0], name_width)
    return sum(widths) + gap * (len(widths) - 1)


def _print_list(layout: Layout) -> None:
    for name, *cells in layout.lines:
        typer.echo(name)
        print_pairs([(f"  {header}", text) for header, text in zip(layout.headers[1:], cells, strict=True)])


def _reductions(table: Table) -> dict[str, str]:
    """Return why rows are reduced -> the rows."""
    if _REDUCED not in table.header:
        return {}
    at = table.header.index(_REDUCED) - 1
    rows_by_reason: dict[str, list[str]] = {}
    for line in table.lines:
        rows_by_reason.setdefault(line.cells[at].head, []).append(line.row)
    return {
        reason: "all rows" if len(rows) == len(table.lines) else ", ".join(rows)
        for reason, rows in rows_by_reason.items()
    }
