"""The time line of a search: which slot trained which trial, when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lstm_bench.report.figures.figure import Figure, Trace, axis

__all__ = ["Work", "timeline_figure"]

_COLOURS = {"complete": "@blue", "pruned": "@grey/70", "failed": "@orange"}


@dataclass(frozen=True)
class Work:
    """One trial on one slot.

    Attributes
    ----------
    trial, state, slot
    end : when its result was told
    seconds : of training, before that
    """

    trial: int
    state: str
    slot: str
    end: datetime
    seconds: float


def timeline_figure(works: Sequence[Work], missing: int) -> Figure:
    """Draw a bar per trial.

    Parameters
    ----------
    works
    missing
        Trials without a time of training, such as those that are interrupted, or that have another's result.
    """
    traces: list[Trace] = []
    slots = sorted({work.slot for work in works})
    for state, colour in _COLOURS.items():
        shown = [work for work in works if work.state == state]
        if shown:
            begun = [work.end - timedelta(seconds=work.seconds) for work in shown]
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": state,
                    "y": [work.slot for work in shown],
                    "base": [when.isoformat(sep=" ", timespec="milliseconds") for when in begun],
                    "x": [work.seconds * 1000 for work in shown],  # plotly counts a date axis in milliseconds
                    "customdata": [[work.trial, work.seconds] for work in shown],
                    "hovertemplate": "trial %{customdata[0]}: %{customdata[1]:.1f} s<extra>%{y}</extra>",
                    "marker": {"color": colour, "line": {"width": 1, "color": "@card"}},
                }
            )
    return Figure(
        "timeline",
        "Time line",
        "A bar per trial on the slot that trained it: gaps are slots that stood idle.",
        traces,
        {
            "xaxis": axis(type="date"),
            "yaxis": axis(type="category", categoryorder="array", categoryarray=slots[::-1]),
            "barmode": "overlay",
            "hovermode": "closest",
        },
        note=f"{missing} without a time of training are not drawn." if missing else "",
        is_wide=True,
        height=130 + 34 * len(slots),
    )
