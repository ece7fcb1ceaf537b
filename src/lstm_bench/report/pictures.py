"""Pictures: the figures of a report drawn with matplotlib, for documents and trackers.

A picture shows the traces of the page's figure in the light palette. matplotlib comes with the extra ``pictures``;
plotly's own export (kaleido) would need Chrome on every machine that tracks a run.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_bench.core.atomic import staged_file
from lstm_bench.core.errors import ConfigError
from lstm_bench.report.figures.figure import Figure
from lstm_bench.report.figures.palette import resolve
from lstm_bench.report.figures.traces import gaps_filled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lstm_bench.config.sections.tracking import TrackingConfig
    from lstm_bench.record.record import Record

__all__ = ["draw_pictures", "figure_hook", "pictures", "tracked_pictures"]

_DASHES = {"dash": "--", "dot": ":", "dashdot": "-."}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_RESOLUTION = 150
_STRONG = 0.3  # distance from the middle of a diverging scale (0 to 0.5) from which text is light
_WIDTH = {True: 10.0, False: 6.4}
_SECONDS_A_DAY = 86400


def pictures(record: Record, folder: Path) -> Iterator[tuple[str, Path]]:
    """Draw the main figures of a run's record, as :func:`draw_pictures` does."""
    from lstm_bench.report.pages.run_page import MAIN_FIGURES, run_page

    figures = run_page(record).figures
    yield from draw_pictures((figures[name] for name in MAIN_FIGURES if name in figures), folder)


def figure_hook(config: TrackingConfig) -> str | None:
    """Return ``module:function`` that draws figures for a tracker.

    None if the configuration requests no figures or matplotlib is not installed.
    """
    if not config.figures or find_spec("matplotlib") is None:
        return None
    return f"{__name__}:{tracked_pictures.__name__}"


def tracked_pictures(record: Record) -> Iterator[tuple[str, Path]]:
    """Draw the main figures of a record; a file is deleted when the next one is requested."""
    with tempfile.TemporaryDirectory(prefix="lstm-bench-") as folder:
        yield from pictures(record, Path(folder))


def draw_pictures(figures: Iterable[Figure], folder: Path) -> Iterator[tuple[str, Path]]:
    """Draw figures as ``<name>.png`` and yield the name and path of each; each file is complete or absent.

    The folder is created if it does not exist.

    Raises
    ------
    ConfigError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.figure
    except ImportError as error:
        raise ConfigError(
            "--png: matplotlib draws pictures and is not installed; pip install 'lstm-bench[pictures]'"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        size = _WIDTH[figure.is_wide], figure.height / 100 + 0.6
        canvas = matplotlib.figure.Figure(figsize=size, layout="constrained", facecolor=_colour("@card"))
        _draw(figure, canvas.add_subplot())
        path = folder / f"{figure.name}.png"
        with staged_file(path) as staged:
            # without date and software version, so that the same record yields the same bytes
            canvas.savefig(staged, format="png", dpi=_RESOLUTION, metadata={"Software": None})
        yield figure.name, path


def _draw(figure: Figure, axes: Axes) -> None:
    has_legend = figure.layout.get("showlegend", True) and len(figure.traces) > 1
    title: dict[str, Any] = {"loc": "left", "fontsize": 11, "fontweight": "bold", "color": _colour("@ink")}
    axes.set_title(figure.title, pad=24 if has_legend else 8, **title)
    axes.set_facecolor(_colour("@card"))
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(colors=_colour("@muted"), labelsize=8.5, length=0)
    axes.grid(visible=True, color=_colour("@rule"), linewidth=0.7)
    axes.set_axisbelow(True)
    shown = [trace for trace in figure.traces if trace.get("visible") != "legendonly"]
    grouped = [trace for trace in shown if trace["type"] == "bar"]
    below: Any = None
    for trace in shown:
        if trace["type"] == "heatmap":
            _heatmap(trace, axes)
        elif trace["type"] == "bar":
            _bars(trace, axes, grouped.index(trace), len(grouped))
        else:
            _scatter(trace, axes, below)
        below = trace
    for shape in figure.layout.get("shapes", ()):
        _shape(shape, axes)
    for which in ("xaxis", "yaxis"):
        _axis(figure.layout.get(which, {}), which[0], axes)
    if has_legend and axes.get_legend_handles_labels()[0]:
        corner = (-0.02, 1.0)
        legend = axes.legend(loc="lower left", bbox_to_anchor=corner, fontsize=8, frameon=False, ncols=5)
        for text in legend.get_texts():
            text.set_color(_colour("@ink"))


def _scatter(trace: Mapping[str, Any], axes: Axes, below: Mapping[str, Any] | None) -> None:
    x, y = _places(trace["x"]), gaps_filled(trace["y"])
    name = trace["name"] if trace.get("showlegend", True) else None
    mode = trace["mode"]
    if "fill" in trace:
        base = gaps_filled(below["y"]) if trace["fill"] == "tonexty" and below is not None else 0.0
        colour, opacity = resolve(trace["fillcolor"])
        axes.fill_between(x, base, y, color=colour, alpha=opacity, linewidth=0)
    if "lines" in mode:
        colour, opacity = resolve(trace["line"]["color"])
        width = trace["line"]["width"]
        if width or "fill" in trace:  # a band has no edge, but an entry in the legend
            dash = _DASHES.get(trace["line"].get("dash", ""), "-")
            alpha = opacity if width else 0.4
            axes.plot(x, y, dash, label=name, color=colour, alpha=alpha, linewidth=width or 0.5)
    if "error_y" in trace:
        error = trace["error_y"]
        ends = [gaps_filled(error["arrayminus"]), gaps_filled(error["array"])]
        colour, opacity = resolve(error["color"])
        style = {"ecolor": colour, "elinewidth": error["thickness"], "capsize": error["width"] / 2}
        axes.errorbar(x, y, ends, fmt="none", alpha=opacity, **style)
    if "markers" in mode:
        colour, opacity = resolve(trace["marker"].get("color") or trace["line"]["color"])
        hollow = str(trace["marker"].get("symbol", "")).endswith("open")
        axes.scatter(
            x,
            y,
            s=trace["marker"]["size"] ** 2 * 0.6,
            zorder=3,
            alpha=opacity,
            linewidths=1.2 if hollow else 0,
            facecolors="none" if hollow else colour,
            edgecolors=colour,
            label=None if "lines" in mode else name,
        )


def _bars(trace: Mapping[str, Any], axes: Axes, position: int, count: int) -> None:
    colour, opacity = resolve(trace["marker"]["color"])
    style: dict[str, Any] = {"color": colour, "alpha": opacity, "label": trace["name"]}
    if trace.get("orientation") == "h":
        _horizontal_bars(trace, axes, style | {"height": 0.7})
        return
    x, y = _places(trace["x"]), gaps_filled(trace["y"])
    if isinstance(x[0], str):
        axes.bar(x, y, **style)
        return
    is_dates = isinstance(x[0], datetime)
    at = np.array([day.timestamp() / _SECONDS_A_DAY for day in x]) if is_dates else np.asarray(x, np.float64)
    width = (float(np.diff(at).min()) if len(at) > 1 else 1.0) * 0.9 / count
    axes.bar(at + (position - (count - 1) / 2) * width, y, width=width, **style)
    if is_dates:
        axes.xaxis_date()


def _horizontal_bars(trace: Mapping[str, Any], axes: Axes, style: dict[str, Any]) -> None:
    """Draw horizontal bars; those of a time line start at a date and have a length in milliseconds."""
    length = gaps_filled(trace["x"])
    if "base" not in trace:
        axes.barh(trace["y"], length, **style)
        return
    begins = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in trace["base"]]
    left = [begin.timestamp() / _SECONDS_A_DAY for begin in begins]
    axes.barh(trace["y"], length / (1000 * _SECONDS_A_DAY), left=left, edgecolor=_colour("@card"), **style)
    axes.xaxis_date()


def _heatmap(trace: Mapping[str, Any], axes: Axes) -> None:
    from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm

    z = np.array([gaps_filled(row) for row in trace["z"]])
    norm = None
    colours = ["#e8f1f7", _colour("@blue"), _colour("@ink")]
    if trace["colorscale"] == "@diverging":
        colours = [_colour(name) for name in ("@orange", "@card", "@blue")]
        reach = float(np.nanmax(np.abs(z))) or 1.0
        norm = TwoSlopeNorm(trace.get("zmid", 0), -reach, reach)
    scale = LinearSegmentedColormap.from_list(trace["colorscale"].removeprefix("@"), colours)
    categories = isinstance(trace["x"][0], str)
    x, y = (list(range(len(trace[key]))) if categories else trace[key] for key in ("x", "y"))
    axes.pcolormesh(x, y, z, cmap=scale, norm=norm, shading="nearest")
    axes.grid(visible=False)
    if not categories:
        return
    axes.set_xticks(x, trace["x"])
    axes.set_yticks(y, trace["y"])
    axes.xaxis.tick_top()
    axes.invert_yaxis()
    form = re.search(r"%\{z:([^}]*)\}", trace.get("texttemplate", ""))
    if form is None:
        return
    style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5}
    for row, column in np.argwhere(np.isfinite(z)):
        value = z[row, column]
        is_dark = norm is not None and abs(norm(value) - 0.5) > _STRONG
        axes.text(column, row, format(value, form[1]), color=_colour("@card" if is_dark else "@ink"), **style)


def _shape(shape: Mapping[str, Any], axes: Axes) -> None:
    if shape["type"] == "rect":
        colour, opacity = resolve(shape["fillcolor"])
        x0, x1 = _places([shape["x0"], shape["x1"]])
        axes.axvspan(x0, x1, color=colour, alpha=opacity, linewidth=0, zorder=0)
        return
    dash = _DASHES.get(shape["line"]["dash"], "-")
    style: dict[str, Any] = {"color": _colour(shape["line"]["color"]), "linestyle": dash}
    style |= {"linewidth": 0.9, "zorder": 1.5}
    if shape.get("xref") == "paper":
        axes.axhline(shape["y0"], **style)
    else:
        axes.axvline(_places([shape["x0"]])[0], **style)


def _axis(layout: Mapping[str, Any], which: str, axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.label.set(color=_colour("@muted"), fontsize=9)
    axis.set_label_text(layout.get("title", {}).get("text", ""))
    if layout.get("type") == "log":
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    if form := re.fullmatch(r"\.(\d)%", layout.get("tickformat", "")):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=int(form[1])))
        axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))  # 2.5 % would round to another tick
    if "range" in layout:
        (axes.set_xlim if which == "x" else axes.set_ylim)(*layout["range"])


def _places(x: Iterable[Any]) -> list[Any]:
    """Convert days of the JSON into datetimes, and the line breaks of names."""
    values = [value.replace("<br>", "\n") if isinstance(value, str) else value for value in x]
    if values and isinstance(values[0], str) and _DAY.fullmatch(values[0]):
        return [datetime.fromisoformat(day) for day in values]
    return values


def _colour(name: str) -> str:
    return resolve(name)[0]
