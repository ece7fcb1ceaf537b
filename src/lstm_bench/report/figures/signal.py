"""Figures of the signal: how well scores ordered each day's stocks."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import DATES, Figure, axes, axis
from lstm_bench.report.figures.months import months_figure
from lstm_bench.report.figures.traces import (
    bars,
    histogram,
    horizontal,
    line,
    lines,
    points,
    vertical,
    with_mean,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WINDOW", "decay_figure", "ic_figures"]

WINDOW = 20
"""Days of a moving average: a month of trading."""

_SERIES = {"ic": ("IC", "@blue"), "rank_ic": ("Rank IC", "@green")}


def ic_figures(ic: pd.DataFrame) -> Iterator[Figure]:
    """Draw IC and Rank IC over time, by month, cumulated and as a distribution, from the record's table ``ic``."""
    for column in _SERIES:
        yield _series(ic[column], column)
    days = ic.index.to_numpy()
    yield Figure(
        "ic_cumulative",
        "Cumulative IC",
        "Running sum of the daily IC. A straight climb is a steady signal; in a flat stretch the signal did "
        "not work.",
        lines(days, ic[list(_SERIES)].fillna(0.0).cumsum(), _SERIES),
        axes(DATES, "running sum"),
        is_wide=True,
        height=280,
    )
    for column, (name, _) in _SERIES.items():
        yield months_figure(
            f"{column}_months",
            f"{name} by month",
            "Mean over the days of a month. In blue months the scores ordered stocks correctly, in orange "
            "months the wrong way round.",
            ic[column],
            "mean",
            series=name,
            form=".3f",
            hover=".4f",
        )
    yield _distribution(ic["ic"])
    yield _quantiles(ic["ic"])


def _series(values: pd.Series[float], column: str) -> Figure:
    name, colour = _SERIES[column]
    mean = float(values.mean())
    return Figure(
        f"{column}_series",
        f"{name} by day",
        f"Grey bars are days, the line is the mean of {WINDOW} days, the dashed line the mean of all days "
        f"({mean:.4f}). A line that sinks to 0 is a signal that fades.",
        with_mean(values, WINDOW, colour, width=2),
        axes(DATES, name, shapes=[horizontal(mean, colour)], bargap=0),
        is_wide=True,
        height=280,
    )


def _distribution(ic: pd.Series[float]) -> Figure:
    known = ic.dropna().to_numpy()
    middle, counts, width = histogram(known, 40)
    mean, std = float(known.mean()), float(known.std(ddof=1))
    normal = NormalDist(mean, std) if std > 0 else None
    expected = np.array([normal.pdf(x) if normal else np.nan for x in middle]) * width * len(known)
    return Figure(
        "ic_distribution",
        "Distribution of the daily IC",
        "Number of days by IC. The mean (dashed) is small compared with the spread; ICIR is the ratio of the two.",
        [bars("days", middle, counts, "@blue/60"), line("normal", middle, expected, "@orange")],
        axes("IC", "days", bargap=0.04, shapes=[vertical(mean), vertical(0.0, "@muted", "dot")]),
        note=f"{counted(len(known), 'day')}, {float((known > 0).mean()):.1%} of them above 0.",
    )


def _quantiles(ic: pd.Series[float]) -> Figure:
    """Q-Q against the normal distribution, at the plotting positions ``(k - 0.5) / n``."""
    values = np.sort(ic.dropna().to_numpy())
    standard = NormalDist()
    at = np.array([standard.inv_cdf((k + 0.5) / len(values)) for k in range(len(values))])
    mean, std = float(values.mean()), float(values.std(ddof=1))
    ends = at[[0, -1]]
    return Figure(
        "ic_qq",
        "Daily IC against a normal distribution",
        "Points on the line are normal. Ends that bend away from it are days far better or worse than a "
        "normal distribution has.",
        [points("days", at, values, "@blue/60", size=4), line("normal", ends, mean + std * ends, "@orange")],
        axes("quantile of the standard normal", "IC", hovermode="closest"),
    )


def decay_figure(decay: pd.DataFrame) -> Figure:
    """Draw how IC falls as the label lies further ahead, from the record's table ``ic_decay``."""
    lag = decay["lag"] if "lag" in decay.columns else decay.index
    return Figure(
        "ic_decay",
        "IC decay",
        "IC between a day's scores and the label that many days later. The slower it falls, the longer a "
        "position is worth holding.",
        [bars(name, lag, decay[column], colour) for column, (name, colour) in _SERIES.items()],
        axes(axis("days later", "d"), "mean", barmode="group"),
        is_wide=True,
        height=280,
    )
