"""Traces and shapes of figures as plain data, in the form of plotly.js.

Colours are palette names (``@blue``, ``@blue/30`` with an opacity in per cent) or scales (``@sequential``,
``@diverging``). One description therefore serves a light page, a dark page and a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Trace", "Values", "bars", "gaps_filled", "heatmap", "histogram", "horizontal", "line", "lines", "plain", "points",
    "span", "vertical", "with_mean",
]  # fmt: skip

Trace = dict[str, Any]

Values = npt.ArrayLike | Sequence[Any]
"""Values along an axis: numbers, days or names; None if one is missing."""


def plain(values: Values) -> list[Any]:
    """Convert values to a JSON list: days as ``2017-01-03``, non-finite floats as None.

    A float32 becomes the float64 of the same value.
    """
    array = np.asarray(values)
    if array.ndim > 1:
        return [plain(row) for row in array]
    if array.dtype.kind == "M":
        return ["" if np.isnat(day) else str(day) for day in array.astype("datetime64[D]")]
    if array.dtype.kind == "f":
        wide = array.astype(np.float64)
        return [
            value if finite else None for value, finite in zip(wide.tolist(), np.isfinite(wide), strict=True)
        ]
    return list(array.tolist())


def gaps_filled(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    """Undo :func:`plain` for numbers: None becomes NaN."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def histogram(
    values: npt.NDArray[np.floating[Any]], bins: int, within: tuple[float, float] | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], float]:
    """Count values in bins of equal width.

    Returns
    -------
    middles : ``[bins]``
    counts : ``[bins]``
    width : of a bin
    """
    counts, edges = np.histogram(values, bins, within)
    return (edges[:-1] + edges[1:]) / 2, counts, float(edges[1] - edges[0])


def _styled(keys: Sequence[str], style: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Move some options of a trace into its style."""
    return style | {key: more.pop(key) for key in keys if key in more}


def line(name: str, x: Values, y: Values, colour: str, **more: Any) -> Trace:
    """Make a line; ``width``, ``dash`` and ``shape`` style it, other options are plotly's."""
    style = _styled(("width", "dash", "shape"), {"color": colour, "width": 1.8}, more)
    trace = {"type": "scatter", "mode": "lines", "name": name, "x": plain(x), "y": plain(y), "line": style}
    return trace | more


def lines(
    days: Values, table: pd.DataFrame, columns: Mapping[str, tuple[str, str]], **more: Any
) -> list[Trace]:
    """Make a line for each of some columns of a table; ``columns`` maps them to name and colour."""
    return [line(name, days, table[column], colour, **more) for column, (name, colour) in columns.items()]


def with_mean(values: pd.Series[float], days: int, colour: str, **more: Any) -> list[Trace]:
    """Make grey bars of a daily series and a line of its mean over ``days`` days."""
    at, mean = values.index.to_numpy(), values.rolling(days).mean()
    return [bars("day", at, values, "@grey/45"), line(f"{days}-day mean", at, mean, colour, **more)]


def points(name: str, x: Values, y: Values, colour: str, **more: Any) -> Trace:
    """Make markers; ``size`` and ``symbol`` style them, other options are plotly's."""
    style = _styled(("size", "symbol"), {"color": colour, "size": 6}, more)
    trace = {"type": "scatter", "mode": "markers", "name": name, "x": plain(x), "y": plain(y)}
    return trace | {"marker": style} | more


def bars(name: str, x: Values, y: Values, colour: str, **more: Any) -> Trace:
    """Make bars."""
    marker = {"color": colour, "line": {"width": 0}}
    return {"type": "bar", "name": name, "x": plain(x), "y": plain(y), "marker": marker} | more


def heatmap(name: str, x: Values, y: Values, z: Values, scale: str = "@diverging", **more: Any) -> Trace:
    """Make a heat map; a diverging one is centred on 0 unless ``zmid`` or ``zmin`` is given."""
    middle = {"zmid": 0} if scale == "@diverging" and not {"zmid", "zmin"} & set(more) else {}
    trace = {"type": "heatmap", "name": name, "x": plain(x), "y": plain(y), "z": plain(z)}
    return trace | {"colorscale": scale, "xgap": 1, "ygap": 1} | middle | more


def horizontal(y: float, colour: str = "@muted", dash: str = "dash") -> dict[str, Any]:
    """Make a shape: a horizontal line across the figure."""
    style = {"color": colour, "width": 1, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": style}


def vertical(x: Any, colour: str = "@muted", dash: str = "dash") -> dict[str, Any]:
    """Make a shape: a vertical line across the figure."""
    style = {"color": colour, "width": 1, "dash": dash}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": style}


def span(x0: Any, x1: Any, colour: str) -> dict[str, Any]:
    """Make a shape: a shaded span of x behind the traces."""
    area = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": x0, "x1": x1}
    return area | {"fillcolor": colour, "line": {"width": 0}, "layer": "below"}
