"""Figures of score groups: the returns of the groups, and their stability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import DATES, Figure, axes, axis
from lstm_bench.report.figures.signal import WINDOW
from lstm_bench.report.figures.traces import bars, horizontal, line, lines

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["group_figures", "stability_figures"]

_COLOURS = ("@blue", "@green", "@gold", "@orange", "@purple")


def group_figures(ic: pd.DataFrame) -> Iterator[Figure]:
    """Draw the groups' returns and the spread between the best and the worst group.

    ``ic`` is the record's table, with ``group_1`` (the highest scores) and so on, ``group_spread`` and
    ``group_excess``.
    """
    names = sorted(name for name in ic.columns if name.removeprefix("group_").isdecimal())
    numbers = [name.removeprefix("group_") for name in names]
    yield _summed(
        ic,
        {f"group_{k}": (f"group {k}", _COLOURS[at % len(_COLOURS)]) for at, k in enumerate(numbers)},
        "groups",
        "Groups by score, cumulative",
        f"Each day's stocks in {counted(len(names), 'group')} by score, with the mean return of each group "
        "summed. A good signal fans the groups out in order, group 1 (the highest scores) on top.",
        is_wide=True,
    )
    yield Figure(
        "group_means",
        "Mean return of a group",
        "Mean daily return per group. If it falls steadily from left to right, the whole order carries "
        "information, not only its ends.",
        [bars("mean of a day", numbers, ic[names].mean(), "@blue")],
        axes(
            axis("group, 1 the highest scores", type="category"),
            axis("mean of a day", ".3%"),
            showlegend=False,
        ),
    )
    shown = {
        "group_spread": ("best minus worst group", "@blue"),
        "group_excess": ("best group minus all", "@orange"),
        "long_short": ("Qlib's long-short", "@green"),
    }
    yield _summed(
        ic,
        {name: entry for name, entry in shown.items() if name in ic.columns},
        "long_short",
        "Long-short, cumulative",
        "Returns of the best and worst scores without cost, summed. The gap between best minus worst and best "
        "minus all is what the short side adds; Qlib's long-short is half a spread.",
    )


def _summed(
    ic: pd.DataFrame,
    columns: dict[str, tuple[str, str]],
    name: str,
    title: str,
    reading: str,
    *,
    is_wide: bool = False,
) -> Figure:
    days = ic.index.to_numpy()
    traces = []
    for column, (label, colour) in columns.items():
        dash = {"dash": "dot"} if column == "long_short" else {}
        traces.append(line(label, days, ic[column].fillna(0.0).cumsum(), colour, **dash))
    layout = axes(DATES, axis("summed return", ".0%"), shapes=[horizontal(0.0)])
    return Figure(name, title, reading, traces, layout, is_wide=is_wide)


def stability_figures(ic: pd.DataFrame) -> Iterator[Figure]:
    """Draw how similar each day's scores are to those of the day before, and how much of a group is new.

    ``ic`` is the record's table, with ``autocorrelation``, ``rank_autocorrelation``, ``turnover_top`` and
    ``turnover_bottom``.
    """
    for name, title, reading, what, form, columns in (
        (
            "autocorrelation",
            "Autocorrelation of the scores",
            f"Correlation of a day's scores with those of the day before, mean of {WINDOW} days. Near 1 the "
            "order hardly changes and is cheap to trade.",
            "correlation",
            ".2f",
            {"autocorrelation": ("scores", "@blue"), "rank_autocorrelation": ("ranks", "@green")},
        ),
        (
            "group_turnover",
            "Turnover of the best and the worst group",
            f"Share of a group that was not in it the day before, mean of {WINDOW} days. High turnover costs "
            "the signal's return.",
            "share that is new",
            ".0%",
            {"turnover_top": ("best group", "@blue"), "turnover_bottom": ("worst group", "@orange")},
        ),
    ):
        traces = lines(ic.index.to_numpy(), ic[list(columns)].rolling(WINDOW).mean(), columns)
        yield Figure(name, title, reading, traces, axes(DATES, axis(what, form)))
