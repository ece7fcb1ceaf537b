"""A figure: traces and layout as plotly.js takes them, in plain lists, with what a reader needs.

Colours are names of the palette (``@blue``, ``@blue/30`` with opacity, the scales ``@sequential`` and ``@diverging``),
so that one description serves a light page, a dark page and a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Figure",
    "Layout",
    "Trace",
    "Values",
    "axis",
    "bars",
    "counting",
    "day_texts",
    "gaps_filled",
    "grid_layout",
    "heatmap",
    "horizontal",
    "line",
    "plain",
    "points",
    "span",
    "vertical",
]

Values = npt.ArrayLike | Sequence[Any]
"""What an axis takes: numbers, days, names, with None for what is missing."""

Trace = dict[str, Any]
Layout = dict[str, Any]

_FEW = 10


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes
    ----------
    name : unique within a page; also the picture's file name
    title
    reading : one line that says how to read it
    traces, layout : as plotly.js takes them
    note : what it leaves out, such as points that were thinned
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
        """Return what plotly.js draws."""
        return {"traces": list(self.traces), "layout": dict(self.layout)}


def plain(values: Values) -> list[Any]:
    """Turn values into a list that JSON has: days as ``2017-01-03``, None for what is not finite.

    float32 values become the float64 that they are exactly.
    """
    array = np.asarray(values)
    if array.ndim > 1:
        return [plain(row) for row in array]
    if array.dtype.kind == "M":
        return ["" if np.isnat(day) else str(day) for day in array.astype("datetime64[D]")]
    if array.dtype.kind == "f":
        wide = array.astype(np.float64)
        return [
            value if known else None for value, known in zip(wide.tolist(), np.isfinite(wide), strict=True)
        ]
    return list(array.tolist())


def day_texts(days: Iterable[Any]) -> list[str]:
    """Write moments as days; an empty text for one that is not there."""
    return ["" if day != day else f"{day:%Y-%m-%d}" for day in days]  # NaT differs from itself


def gaps_filled(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    """Undo :func:`plain` for numbers: None becomes NaN."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def line(name: str, x: Values, y: Values, colour: str, **more: Any) -> Trace:
    """Draw a line; ``width`` and ``dash`` are its own, the rest is plotly's."""
    style = {"color": colour, "width": more.pop("width", 1.8)}
    if "dash" in more:
        style["dash"] = more.pop("dash")
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": plain(x),
        "y": plain(y),
        "line": style,
    } | more


def points(name: str, x: Values, y: Values, colour: str, **more: Any) -> Trace:
    """Draw markers; ``size`` and ``symbol`` are theirs, the rest is plotly's."""
    marker: dict[str, Any] = {"color": colour, "size": more.pop("size", 6)}
    if "symbol" in more:
        marker["symbol"] = more.pop("symbol")
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": plain(x),
        "y": plain(y),
        "marker": marker,
    } | more


def bars(name: str, x: Values, y: Values, colour: str, **more: Any) -> Trace:
    """Draw bars."""
    return {
        "type": "bar",
        "name": name,
        "x": plain(x),
        "y": plain(y),
        "marker": {"color": colour, "line": {"width": 0}},
    } | more


def heatmap(name: str, x: Values, y: Values, z: Values, scale: str = "@diverging", **more: Any) -> Trace:
    """Draw a heat map; a diverging one is centred on 0 unless ``zmid`` says otherwise."""
    middle = {"zmid": 0} if scale == "@diverging" and not {"zmid", "zmin"} & set(more) else {}
    return (
        {
            "type": "heatmap",
            "name": name,
            "x": plain(x),
            "y": plain(y),
            "z": plain(z),
            "colorscale": scale,
            "xgap": 1,
            "ygap": 1,
        }
        | middle
        | more
    )


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """Describe an axis; ``title`` as text."""
    return ({"title": {"text": title}} if title else {}) | more


def counting(title: str, greatest: int) -> dict[str, Any]:
    """Describe an axis of whole numbers up to ``greatest``: no tick lies between two."""
    return axis(title, tickformat="d") | ({"dtick": 1} if greatest <= _FEW else {})


def grid_layout() -> Layout:
    """Lay a heat map of categories out as a table: names on top, the first row above the others."""
    names = axis(type="category", showgrid=False)
    return {
        "xaxis": names | {"side": "top"},
        "yaxis": names | {"autorange": "reversed"},
        "hovermode": "closest",
    }


def horizontal(y: float, colour: str = "@muted", dash: str = "dash") -> dict[str, Any]:
    """Draw a horizontal line across the figure: a shape."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": colour, "width": 1, "dash": dash},
    }


def vertical(x: Any, colour: str = "@muted", dash: str = "dash") -> dict[str, Any]:
    """Draw a vertical line across the figure: a shape."""
    return {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": x,
        "x1": x,
        "line": {"color": colour, "width": 1, "dash": dash},
    }


def span(x0: Any, x1: Any, colour: str) -> dict[str, Any]:
    """Shade a span of x behind the traces: a shape."""
    return {
        "type": "rect",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": x0,
        "x1": x1,
        "fillcolor": colour,
        "line": {"width": 0},
        "layer": "below",
    }
