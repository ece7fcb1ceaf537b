"""Figures of the leaderboard: what each seed gave, how sure the means are, and which row wins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lstm_bench.record.evidence import Daily
from lstm_bench.report.figures.figure import (
    Figure,
    Trace,
    axis,
    grid_layout,
    heatmap,
    horizontal,
    line,
    points,
)
from lstm_bench.report.leaderboard.published import COLUMNS, PublishedRow
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.report.leaderboard.statistics import FEWEST

__all__ = ["curve_figures", "seed_figures", "win_figure"]

_COLOURS = ("blue", "orange", "green", "purple", "gold", "grey")
_PERCENT = {name for name in COLUMNS if name.endswith(("annualized_return", "max_drawdown"))}
_BAND_ROWS = 3
_JITTER = 0.16


def seed_figures(rows: Sequence[Row], published: Sequence[PublishedRow], prefix: str) -> Iterator[Figure]:
    """Draw every seed of every row, a figure per column of the leaderboard.

    Parameters
    ----------
    rows
        Of one table, in its order.
    published
        Qlib's rows of the same feature set.
    prefix
        What the figures' names begin with.
    """
    names = [row.name for row in rows]
    for metric, column in COLUMNS.items():
        traces: list[Trace] = []
        for position, row in enumerate(rows):
            at = len(rows) - 1 - position
            traces += _row_traces(row, metric, at, f"@{_COLOURS[position % len(_COLOURS)]}")
        for one in published:
            mean, _ = one.cells[metric]
            traces.append(
                points(
                    "published by Qlib, other data",
                    [mean],
                    [-1],
                    "@muted",
                    symbol="diamond-open",
                    size=9,
                    hovertemplate="%{x}<extra>published by Qlib</extra>",
                )
            )
        labels = [*(["Qlib's README"] if published else []), *names[::-1]]
        low = -1 if published else 0
        yield Figure(
            f"{prefix}_{_slug(column)}",
            column,
            "Small points are seeds, the diamond their mean, with its 95 % bootstrap interval where there are "
            "three seeds or more; further right is better.",
            traces,
            {
                "xaxis": axis(tickformat=".1%" if metric in _PERCENT else "", zeroline=False),
                "yaxis": axis(
                    tickvals=list(range(low, len(rows))),
                    ticktext=labels,
                    range=[low - 0.5, len(rows) - 0.5],
                    zeroline=False,
                    showgrid=False,
                ),
                "showlegend": False,
                "hovermode": "closest",
            },
            height=90 + 46 * len(labels),
        )


def _row_traces(row: Row, metric: str, at: int, colour: str) -> Iterator[Trace]:
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
        size=6,
        customdata=list(values),
        hovertemplate="seed %{customdata}: %{x}<extra>" + row.name + "</extra>",
    )
    cell = row.cell(metric)
    interval = cell.interval
    error = {}
    if interval.is_decided:
        error["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": [interval.high - cell.mean],
            "arrayminus": [cell.mean - interval.low],
            "thickness": 2,
            "width": 5,
            "color": colour,
        }
    yield points(
        f"{row.name}, mean",
        [cell.mean],
        [at],
        colour,
        symbol="diamond",
        size=10,
        hovertemplate="mean %{x}<extra>" + row.name + "</extra>",
        **error,
    )


def curve_figures(
    rows: Sequence[Row], daily: Mapping[tuple[str, str, int], Daily], prefix: str
) -> Iterator[Figure]:
    """Draw the rows' cumulative IC and excess return with cost, means over their seeds.

    Parameters
    ----------
    rows
    daily
        (study, row, seed) -> series.
    prefix
        What the figures' names begin with.
    """
    banded = len(rows) <= _BAND_ROWS
    for name, title, what, form in (
        ("ic", "Cumulative IC", "running sum of the daily IC", ""),
        ("excess", "Cumulative excess return with cost", "sum of daily excess returns", ".0%"),
    ):
        traces: list[Trace] = []
        for position, row in enumerate(rows):
            series = [daily[row.study, row.label, result.seed] for result in row.complete]
            if not series:
                continue
            days, cumulated = _cumulated(series, name)
            if not len(days) or np.isnan(cumulated).all():
                continue
            colour = f"@{_COLOURS[position % len(_COLOURS)]}"
            if banded and len(series) >= FEWEST:
                traces += [
                    line(
                        "least",
                        days,
                        np.nanmin(cumulated, axis=0),
                        colour,
                        width=0,
                        showlegend=False,
                        hoverinfo="skip",
                        legendgroup=row.name,
                    ),
                    line(
                        "greatest",
                        days,
                        np.nanmax(cumulated, axis=0),
                        colour,
                        width=0,
                        fill="tonexty",
                        fillcolor=f"{colour}/14",
                        showlegend=False,
                        hoverinfo="skip",
                        legendgroup=row.name,
                    ),
                ]
            traces.append(
                line(row.name, days, np.nanmean(cumulated, axis=0), colour, width=2.2, legendgroup=row.name)
            )
        if traces:
            yield Figure(
                f"{prefix}_curve_{name}",
                title,
                "The line is the mean over a row's seeds"
                + (
                    ", the band from the least seed to the greatest, where there are three or more: what the "
                    "band spans is luck of the seed."
                    if banded
                    else "."
                ),
                traces,
                {
                    "xaxis": axis(type="date"),
                    "yaxis": axis(what, tickformat=form),
                    "shapes": [horizontal(0.0)],
                },
                height=340,
            )


def _cumulated(
    series: Sequence[Daily], name: str
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float64]]:
    """Sum up, ``[seeds, T]``, on the days that any of them has; a day without a value adds nothing."""
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
    """Draw the probability that a seed of one row beats a seed of another.

    Parameters
    ----------
    names
        Of the rows.
    wins : ``[n, n]``
        P(row > column); NaN where they cannot be compared.
    metric
        A column of the leaderboard.
    prefix
        What the figure's name begins with.
    """
    return Figure(
        f"{prefix}_{_slug(metric)}",
        f"Wins by {metric}",
        "Each cell is the chance that a seed of the row on the left beats a seed of the row above; 0.5 is a "
        "tie.",
        [
            heatmap(
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
        ],
        grid_layout(),
        height=130 + 44 * len(names),
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
