"""Pages: sections of figures and tables, rendered into one HTML file that loads nothing else.

Styles, scripts and plotly.js (from the Python package) are inline.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from lstm_bench.core.errors import InputError
from lstm_bench.core.version import __version__
from lstm_bench.report.figures.figure import Figure
from lstm_bench.report.figures.palette import PALETTE

__all__ = [
    "Cell",
    "Listing",
    "Note",
    "Page",
    "PageTable",
    "Part",
    "Section",
    "Tile",
    "cell",
    "item_table",
    "pair_table",
    "percent",
    "render",
]

Item = TypeVar("Item")

_NONE = "–"
_LONG = 40
"""A table with more lines has its own scroll bar."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text : as shown
    value : with all digits, for sorting; None for a text
    tone : tint from -1 (bad) over 0 to 1 (good); None for no tint
    href : target of a link
    detail : more lines in small type
    is_text : whether it is prose, which wraps
    """

    text: str
    value: float | None = None
    tone: float | None = None
    href: str | None = None
    detail: str = ""
    is_text: bool = False

    @property
    def tint(self) -> str:
        """The tint as CSS."""
        if self.tone is None or math.isnan(self.tone):
            return ""
        colour = "blue" if self.tone > 0 else "orange"
        return (
            f"background: color-mix(in srgb, var(--{colour}) {min(abs(self.tone), 1) * 45:.0f}%, transparent)"
        )


def cell(value: float | None, form: str = ".4f", **more: Any) -> Cell:
    """Format a number with a typographic minus sign; None and non-finite floats become a dash."""
    if value is None or not math.isfinite(value):
        return Cell(_NONE)
    return Cell(format(value, form).replace("-", "−"), float(value), **more)


def percent(value: float | None, digits: int = 2, **more: Any) -> Cell:
    """Format a fraction as per cent."""
    return cell(value, f".{digits}%", **more)


@dataclass(frozen=True)
class PageTable:
    """A table.

    Attributes
    ----------
    name : unique within the page
    reading : one sentence on how to read it
    is_sortable : whether a click on a header sorts it
    is_wide : whether it takes the whole width
    """

    name: str
    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[Cell]]
    reading: str = ""
    is_sortable: bool = False
    is_wide: bool = True

    kind = "table"

    @property
    def is_long(self) -> bool:
        """Whether it has its own scroll bar."""
        return len(self.lines) > _LONG

    def is_words(self, column: int) -> bool:
        """Whether a column holds no number, so that it is aligned left."""
        return all(line[column].value is None for line in self.lines) and any(
            line[column].text != _NONE for line in self.lines
        )


def item_table(
    name: str,
    title: str,
    columns: Mapping[str, Callable[[Item], Cell]],
    items: Iterable[Item],
    reading: str = "",
    **options: bool,
) -> PageTable:
    """Make a table with a line per item; each column is a header and a function that returns an item's cell."""
    lines = [[make(item) for make in columns.values()] for item in items]
    return PageTable(name, title, list(columns), lines, reading, **options)


def pair_table(
    name: str,
    title: str,
    pairs: Iterable[tuple[str, Cell]],
    reading: str = "",
    *,
    header: Sequence[str] = ("", ""),
    is_sortable: bool = False,
) -> PageTable:
    """Make a narrow table of names, and beside each its cell."""
    lines = [[Cell(key), value] for key, value in pairs]
    return PageTable(name, title, header, lines, reading, is_sortable=is_sortable, is_wide=False)


@dataclass(frozen=True)
class Note:
    """A paragraph; an absence states what the section lacks and why."""

    text: str
    is_absence: bool = False

    kind = "note"


@dataclass(frozen=True)
class Listing:
    """A text that unfolds, such as a configuration."""

    title: str
    text: str
    is_open: bool = False

    kind = "listing"


Part = Figure | PageTable | Note | Listing
"""A part of a section; ``kind`` names its template."""


@dataclass(frozen=True)
class Section:
    """A section of a page."""

    name: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Tile:
    """A headline figure, with a note on its convention."""

    label: str
    cell: Cell
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes
    ----------
    facts : (name, text) pairs under the title
    tiles : headline figures
    flags : warnings on top, such as synthetic data
    """

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    flags: Sequence[str] = field(default_factory=tuple)

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """All figures by name."""
        return {
            part.name: part for section in self.sections for part in section.parts if isinstance(part, Figure)
        }


def render(page: Page) -> str:
    """Render a page as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lstm_bench.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = _coded
    environment.filters["breakable"] = _breakable
    return environment.get_template("page.html").render(
        page=page,
        palette=PALETTE,
        version=__version__,
        plotly=_plotly_js() if page.figures else "",
        figures=_script_json({name: figure.to_json() for name, figure in page.figures.items()}),
    )


def _coded(text: str) -> str:
    """Escape a text and set backquoted parts as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _breakable(text: str) -> str:
    """Escape a text and allow line breaks within names, after ``/``, ``,`` and ``_``."""
    from markupsafe import Markup, escape

    escaped = str(escape(text))
    return Markup(re.sub(r"(?<=\w)([/,_])(?=\w)", r"\1<wbr>", escaped))


def _plotly_js() -> str:
    """Read plotly.js from the Python package without importing it, which takes a second."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise InputError("plotly: the package is not installed; pages need its plotly.js")
    return Path(spec.origin).with_name("package_data").joinpath("plotly.min.js").read_text(encoding="utf-8")


def _script_json(content: Any) -> str:
    """Write JSON for a script element, so that no text in it can end the element."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")
