"""Figures of groups: what the stocks of each fifth of the scores returned, and how long a score keeps its order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import Figure, axis, bars, horizontal, line
from lstm_bench.report.figures.signal import WINDOW

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["group_figures", "stability_figures"]

_COLOURS = ("@blue", "@green", "@gold", "@orange", "@purple")


def group_figures(ic: pd.DataFrame) -> Iterator[Figure]:
    """Draw the groups' cumulative returns, and the spread between the best and the worst.

    Parameters
    ----------
    ic
        A record's table with ``group_1`` (the highest scores) and so on, ``group_spread`` and ``group_excess``.
    """
    names = sorted(name for name in ic.columns if name.removeprefix("group_").isdecimal())
    days = ic.index.to_numpy()
    yield Figure(
        "groups",
        "Groups by score, cumulative",
        f"The day's stocks in {counted(len(names), 'group')} by score, each group's mean return summed: a good signal "
        "fans them out in order, "
        "group 1 (the highest scores) on top.",
        [
            line(
                f"group {name.removeprefix('group_')}",
                days,
                ic[name].fillna(0.0).cumsum(),
                _COLOURS[k % len(_COLOURS)],
            )
            for k, name in enumerate(names)
        ],
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("summed return", tickformat=".0%"),
            "shapes": [horizontal(0.0)],
        },
        is_wide=True,
    )
    yield Figure(
        "group_means",
        "Mean return of a group",
        "A day's mean return per group: steps that fall from left to right say that the whole order carries "
        "information, not "
        "only its ends.",
        [bars("mean of a day", [name.removeprefix("group_") for name in names], ic[names].mean(), "@blue")],
        {
            "xaxis": axis("group, 1 the highest scores", type="category"),
            "yaxis": axis("mean of a day", tickformat=".3%"),
            "showlegend": False,
        },
    )
    yield _long_short(ic)


def _long_short(ic: pd.DataFrame) -> Figure:
    days = ic.index.to_numpy()
    traces = [
        line("best less worst group", days, ic["group_spread"].fillna(0.0).cumsum(), "@blue"),
        line("best group less all", days, ic["group_excess"].fillna(0.0).cumsum(), "@orange"),
    ]
    if "long_short" in ic.columns:
        traces.append(
            line("Qlib's long-short", days, ic["long_short"].fillna(0.0).cumsum(), "@green", dash="dot")
        )
    return Figure(
        "long_short",
        "Long-short, cumulative",
        "What the scores' ends earned without cost, summed: the gap between the lines is what the short side "
        "adds.",
        traces,
        {
            "xaxis": axis(type="date"),
            "yaxis": axis("summed return", tickformat=".0%"),
            "shapes": [horizontal(0.0)],
        },
    )


def stability_figures(ic: pd.DataFrame) -> Iterator[Figure]:
    """Draw how much of a day's order is left the day after, and how much of the best group is new.

    Parameters
    ----------
    ic
        A record's table with ``autocorrelation``, ``rank_autocorrelation``, ``turnover_top`` and ``turnover_bottom``.
    """
    yield _moving(
        ic,
        {"autocorrelation": ("scores", "@blue"), "rank_autocorrelation": ("ranks", "@green")},
        "autocorrelation",
        "Autocorrelation of the scores",
        f"Correlation of a day's scores with those of the day before, mean of {WINDOW} days: near 1 the "
        "order barely moves, and "
        "trading it is cheap.",
        "correlation",
        ".2f",
    )
    yield _moving(
        ic,
        {"turnover_top": ("best group", "@blue"), "turnover_bottom": ("worst group", "@orange")},
        "group_turnover",
        "Turnover of the best and the worst group",
        f"Share of a group that was not in it the day before, mean of {WINDOW} days: high turnover eats a "
        "signal's return in costs.",
        "share that is new",
        ".0%",
    )


def _moving(
    ic: pd.DataFrame,
    columns: dict[str, tuple[str, str]],
    name: str,
    title: str,
    reading: str,
    what: str,
    form: str,
) -> Figure:
    days = ic.index.to_numpy()
    return Figure(
        name,
        title,
        reading,
        [
            line(label, days, ic[column].rolling(WINDOW, min_periods=WINDOW).mean(), colour)
            for column, (label, colour) in columns.items()
        ],
        {"xaxis": axis(type="date"), "yaxis": axis(what, tickformat=form)},
    )
