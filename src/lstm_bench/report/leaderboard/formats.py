"""The leaderboard as Markdown and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from lstm_bench.report.leaderboard.note import note
from lstm_bench.report.leaderboard.tables import Line, Table, TextCell

__all__ = ["latex", "markdown", "markdown_table", "nullable"]

_LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "±": r"$\pm$", "–": "--", "`": ""}


def markdown(tables: Sequence[Table]) -> str:
    """Format tables under a heading per feature set."""
    parts = [note(tables, "A bold mean")]
    features = None
    for table in tables:
        if table.features != features:
            features = table.features
            parts.append(f"### {features}")
        parts.append(f"{table.title}:")
        parts.append(markdown_table(table.header, map(_markdown_line, table.lines)))
        parts.append("Evidence: " + ", ".join(f"[`{path}`]({path})" for path in table.evidence))
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Format one table."""
    rule = ["---"] * len(header)
    rows = (header, rule, *([cell.replace("|", r"\|") for cell in line] for line in lines))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _markdown_line(line: Line) -> list[str]:
    cells = [line.name, *map(_markdown_cell, line.cells)]
    return [f"*{cell}*" if line.is_reference and cell != "–" else cell for cell in cells]


def _markdown_cell(cell: TextCell) -> str:
    head = f"**{cell.head}**" if cell.is_best else cell.head
    return "<br>".join((f"{head}{cell.tail}", *cell.below))


def latex(tables: Sequence[Table]) -> str:
    """Format each table with ``booktabs``."""
    return "\n".join("\n".join(_latex_table(table)) for table in tables) + "\n"


def _latex_table(table: Table) -> Iterator[str]:
    caption = f"{table.features}: {table.title}. {note([table], 'A bold mean')}"
    yield r"\begin{table}"
    yield rf"\caption{{{_escaped(caption)}}}"
    yield rf"\begin{{tabular}}{{ll{'r' * (len(table.header) - 2)}}}"
    yield r"\toprule"
    yield " & ".join(map(_escaped, table.header)) + r" \\"
    yield r"\midrule"
    for line in table.lines:
        cells = [_escaped(line.name), *map(_latex_cell, line.cells)]
        yield " & ".join(rf"\emph{{{cell}}}" if line.is_reference else cell for cell in cells) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _latex_cell(cell: TextCell) -> str:
    head = rf"\textbf{{{_escaped(cell.head)}}}" if cell.is_best else _escaped(cell.head)
    lines = (head + _escaped(cell.tail), *map(_escaped, cell.below))
    stacked = r" \\ ".join(lines)
    return rf"\shortstack[r]{{{stacked}}}" if cell.below else stacked


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def nullable(value: float) -> float | None:
    """Replace NaN by None, which JSON can represent."""
    return None if math.isnan(value) else value
