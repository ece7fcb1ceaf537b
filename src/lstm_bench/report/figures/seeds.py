"""Figures of the leaderboard: each seed's value, mean curves with bands, and win probabilities of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.record.evidence import Daily
from lstm_bench.report.figures.figure import DATES, Figure, axes, axis, grid_layout
from lstm_bench.report.figures.traces import Trace, heatmap, horizontal, line, points
from lstm_bench.report.leaderboard.groups import Group
from lstm_bench.report.leaderboard.published import COLUMNS, IN_PERCENT
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.statistics.estimate import FEWEST

__all__ = ["curve_figures", "seed_figures", "win_figure"]

_COLOURS = ("@blue", "@orange", "@green", "@purple", "@gold", "@grey")
_BAND_ROWS = 3
_JITTER = 0.16
_CURVES = (
    ("ic", "Cumulative IC", "running sum of the daily IC", ""),
    ("excess", "Cumulative excess return with cost", "sum of daily excess returns", ".0%"),
)


def _colour(position: int) -> str:
    return _COLOURS[position % len(_COLOURS)]


def seed_figures(group: Group, prefix: str) -> Iterator[Figure]:
    """Draw every seed of every row of a table, one figure per column of the leaderboard.

    Below the rows are the references that have seeds. The figures' names begin with ``prefix``.
    """
    rows, published = group.rows, [one for one in group.references if one.seeds]
    labels = [*(one.name for one in published), *(row.name for row in rows[::-1])]
    low = -len(published)
    for metric, column in COLUMNS.items():
        best, traces = group.standing.best[metric], list[Trace]()
        for position, row in enumerate(rows):
            is_best = not best or row.name in best
            traces += _row_traces(row, metric, len(rows) - 1 - position, _colour(position), is_best=is_best)
        traces += [
            points(
                one.name,
                [one.cells[metric][0]],
                [low + k],
                "@muted",
                symbol="x-thin-open",
                size=9,
                hovertemplate=f"%{{x}}<extra>{one.name}, {one.remark}</extra>",
            )
            for k, one in enumerate(published)
        ]
        yield Figure(
            f"{prefix}_{_slug(column)}",
            column,
            _reading(metric, has_best=bool(best)),
            traces,
            axes(
                axis(form=".1%" if metric in IN_PERCENT else "", zeroline=False),
                axis(
                    tickvals=list(range(low, len(rows))),
                    ticktext=labels,
                    range=[low - 0.5, len(rows) - 0.5],
                    zeroline=False,
                    showgrid=False,
                ),
                showlegend=False,
                hovermode="closest",
            ),
            height=90 + 46 * len(labels),
        )


def _reading(metric: str, *, has_best: bool) -> str:
    over = "other days and other seeds" if metric in MEASURES else "other seeds"
    text = f"Small points are seeds. The diamond is their mean, with its 95 % interval over {over}"
    text += ", if there are three seeds or more. Further right is better."
    return f"{text} A filled diamond cannot be told from the best." if has_best else text


def _row_traces(row: Row, metric: str, at: int, colour: str, *, is_best: bool) -> Iterator[Trace]:
    values = row.values(metric)
    if not values:
        return
    # seeds lie a little apart, in their order, so that equal values do not hide each other
    spread = np.linspace(_JITTER, -_JITTER, len(values)) if len(values) > 1 else np.zeros(1)
    yield points(
        f"{row.name}, seeds",
        list(values.values()),
        at + spread,
        f"{colour}/55",
        customdata=list(values),
        hovertemplate="seed %{customdata}: %{x}<extra>" + row.name + "</extra>",
    )
    cell = row.cell(metric)
    error = {}
    if cell.interval.is_decided:
        above, below = cell.interval.high - cell.mean, cell.mean - cell.interval.low
        error["error_x"] = {"type": "data", "symmetric": False, "array": [above], "arrayminus": [below]}
        error["error_x"] |= {"thickness": 2, "width": 5, "color": colour}
    yield points(
        f"{row.name}, mean",
        [cell.mean],
        [at],
        colour,
        symbol="diamond" if is_best else "diamond-open",
        size=10,
        hovertemplate="mean %{x}<extra>" + row.name + "</extra>",
        **error,
    )


def curve_figures(rows: Sequence[Row], prefix: str) -> Iterator[Figure]:
    """Draw each row's cumulative IC and excess return with cost, as the mean over its seeds.

    The figures' names begin with ``prefix``.
    """
    has_bands = len(rows) <= _BAND_ROWS
    reading = "The line is the mean over a row's seeds." + (
        " If there are three seeds or more, the band reaches from the least seed to the greatest: its width is "
        "luck of the seed."
        if has_bands
        else ""
    )
    for name, title, what, form in _CURVES:
        traces: list[Trace] = []
        for position, row in enumerate(rows):
            series = [row.daily[result.seed] for result in row.complete]
            traces += _curve_traces(row.name, series, name, _colour(position), has_bands=has_bands)
        if traces:
            layout = axes(DATES, axis(what, form), shapes=[horizontal(0.0)])
            yield Figure(f"{prefix}_curve_{name}", title, reading, traces, layout, height=340)


def _curve_traces(
    row: str, series: Sequence[Daily], name: str, colour: str, *, has_bands: bool
) -> Iterator[Trace]:
    if not series:
        return
    days, cumulated = _cumulated(series, name)
    if not len(days) or np.isnan(cumulated).all():
        return
    if has_bands and len(series) >= FEWEST:
        edge = {"width": 0, "showlegend": False, "hoverinfo": "skip", "legendgroup": row}
        area = {"fill": "tonexty", "fillcolor": f"{colour}/14"}
        yield line("least", days, np.nanmin(cumulated, axis=0), colour, **edge)
        yield line("greatest", days, np.nanmax(cumulated, axis=0), colour, **area, **edge)
    yield line(row, days, np.nanmean(cumulated, axis=0), colour, width=2.2, legendgroup=row)


def _cumulated(
    series: Sequence[Daily], name: str
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float64]]:
    """Cumulate, ``[seeds, T]``, over the days of any of the series; a day without a value adds 0."""
    days = np.unique(np.concatenate([one.days for one in series]))
    sums = np.zeros((len(series), len(days)))
    for position, one in enumerate(series):
        values = one.series
        daily = values["ic"] if name == "ic" else values["return"] - values["bench"] - values["cost"]
        if np.isnan(daily).all():
            sums[position] = np.nan
            continue
        sums[position, np.searchsorted(days, one.days)] = np.nan_to_num(daily)
    return days, sums.cumsum(axis=1)


def win_figure(names: Sequence[str], wins: npt.NDArray[np.float64], metric: str, prefix: str) -> Figure:
    """Draw the probability that a seed of one row beats a seed of another, by a column of the leaderboard.

    ``wins`` is P(row > column), ``[n, n]``; NaN if the rows cannot be compared. The figure's name begins with
    ``prefix``.
    """
    cells = heatmap(
        "P(row > column)",
        names,
        names,
        wins,
        zmid=0.5,
        zmin=0.0,
        zmax=1.0,
        texttemplate="%{z:.2f}",
        showscale=False,
        hovertemplate="P(%{y} > %{x}) = %{z:.3f}<extra></extra>",
    )
    return Figure(
        f"{prefix}_{_slug(metric)}",
        f"Wins by {metric}",
        "Each cell is the probability that a seed of the row on the left beats a seed of the row above; 0.5 is "
        "a tie.",
        [cells],
        grid_layout(),
        height=130 + 44 * len(names),
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
