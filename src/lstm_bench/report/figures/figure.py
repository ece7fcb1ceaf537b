"""Figures as plain data, in the form of plotly.js: traces, a layout with its axes, and the words a reader needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lstm_bench.report.figures.traces import Trace

__all__ = ["DATES", "Axis", "Figure", "Layout", "axes", "axis", "counting", "day_texts", "grid_layout"]

Layout = dict[str, Any]
Axis = dict[str, Any]

DATES: Axis = {"type": "date"}

_FEW = 10


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes
    ----------
    name : unique within a page; also the file name of the picture
    reading : one sentence on how to read it
    traces, layout : as plotly.js takes them
    note : what it leaves out, such as thinned points
    is_wide : whether it takes the whole width of a page
    height : in pixels
    """

    name: str
    title: str
    reading: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    is_wide: bool = False
    height: int = 320

    kind = "figure"

    def to_json(self) -> dict[str, Any]:
        """Return the traces and the layout for plotly.js."""
        return {"traces": list(self.traces), "layout": dict(self.layout)}


def day_texts(days: Iterable[Any]) -> list[str]:
    """Format timestamps as days; NaT becomes an empty text."""
    return ["" if day != day else f"{day:%Y-%m-%d}" for day in days]  # NaT differs from itself


def axis(title: str = "", form: str = "", **more: Any) -> Axis:
    """Describe an axis by its title and the d3 format of its ticks; other options are plotly's."""
    named = {"title": {"text": title}} if title else {}
    return named | ({"tickformat": form} if form else {}) | more


def axes(x: str | Axis, y: str | Axis, **more: Any) -> Layout:
    """Lay a figure out by its axes, each a title or a description; other options are plotly's."""
    along, up = (axis(one) if isinstance(one, str) else one for one in (x, y))
    return {"xaxis": along, "yaxis": up, **more}


def counting(title: str, greatest: int) -> Axis:
    """Describe an axis of whole numbers up to ``greatest``, with ticks at whole numbers only."""
    return axis(title, "d") | ({"dtick": 1} if greatest <= _FEW else {})


def grid_layout() -> Layout:
    """Lay a heat map of categories out as a table: column names and the first row on top."""
    names = axis(type="category", showgrid=False)
    return axes(names | {"side": "top"}, names | {"autorange": "reversed"}, hovermode="closest")
