"""Figures of a search: losses by trial and by epoch, importances, agreement of loss and IC, and the time line.

optuna.visualization draws similar figures. These show more: trials that are pruned, failed or running, where the
pruner ended a trial, and slots; in the colours of a page's theme, with one trace for all curves of a state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import Figure, axes, axis, counting
from lstm_bench.report.figures.traces import Trace, line, points
from lstm_bench.report.figures.trials import STATE_MARKS, finite, loss_axis, loss_of
from lstm_bench.tune.trials import TrialRow

__all__ = [
    "Work",
    "agreement_figure",
    "history_figure",
    "importance_figure",
    "intermediate_figure",
    "timeline_figure",
]

_HOVER = "trial %{customdata}, epoch %{x}: %{y:.6f}<extra></extra>"
_SLOT_COLOURS = {"complete": "@blue", "pruned": "@grey/70", "failed": "@orange"}


def history_figure(trials: Sequence[TrialRow], best: Sequence[float | None]) -> Figure:
    """Draw each trial's loss and the best so far.

    ``best`` has the least value of the complete trials up to each trial; None before the first.
    """
    traces = [line("best so far", [trial.number for trial in trials], finite(best), "@orange", shape="hv")]
    for state, (colour, symbol) in STATE_MARKS.items():
        shown = [trial for trial in trials if trial.state == state and loss_of(trial) is not None]
        if shown:
            numbers, losses = [trial.number for trial in shown], finite(map(loss_of, shown))
            size = 8 if state == "complete" else 7
            traces.append(points(state, numbers, losses, colour, size=size, symbol=symbol))
    return Figure(
        "history",
        "Optimisation history",
        "Each point is a trial, the line is the best so far. If it still falls at the end, more trials may pay.",
        traces,
        axes(counting("trial", len(trials)), loss_axis(map(loss_of, trials)), hovermode="closest"),
        note="A trial that did not complete is drawn at the loss of its last epoch. Losses far above the others lie "
        "outside the axis.",
        is_wide=True,
    )


def intermediate_figure(trials: Sequence[TrialRow], best: TrialRow | None) -> Figure:
    """Draw each trial's validation loss by epoch, and where pruning ended it."""
    with_epochs = [trial for trial in trials if trial.epoch_values]
    traces: list[Trace] = []
    for state, (colour, _) in STATE_MARKS.items():
        shown = [trial for trial in with_epochs if trial.state == state and trial != best]
        if shown:
            traces.append(_curves(state, shown, f"{colour}/55", 1.2))
    pruned = [trial for trial in with_epochs if trial.state == "pruned"]
    if pruned:
        ends = [max(trial.epoch_values) for trial in pruned]
        values = [trial.epoch_values[end] for trial, end in zip(pruned, ends, strict=True)]
        numbers = [trial.number for trial in pruned]
        traces.append(
            points("pruned here", ends, values, "@ink", symbol="x", customdata=numbers, hovertemplate=_HOVER)
        )
    if best is not None:
        traces.append(_curves(f"best, trial {best.number}", [best], "@orange", 2.6))
    return Figure(
        "intermediate",
        "Validation loss by epoch",
        "Each line is a trial, the mean over its tuning seeds. Crosses mark where the pruner ended a trial: if it "
        "chose well, they lie above the lines that continue.",
        traces,
        axes(
            counting("epoch, counted from 0", max(len(trial.epoch_values) for trial in trials)),
            loss_axis(value for trial in trials for value in trial.epoch_values.values()),
            hovermode="closest",
        ),
        note="Losses far above the others lie outside the axis; a double click shows all.",
        is_wide=True,
        height=360,
    )


def _curves(name: str, trials: Sequence[TrialRow], colour: str, width: float) -> Trace:
    """Draw several trials as one trace, with a gap between two: thousands of traces would be slow."""
    x: list[int | None] = []
    y: list[float | None] = []
    number: list[int | None] = []
    for trial in trials:
        gap = [None] if x else []
        x += [*gap, *trial.epoch_values]
        y += [*gap, *finite(trial.epoch_values.values())]
        number += [*gap, *([trial.number] * len(trial.epoch_values))]
    return line(name, x, y, colour, width=width, customdata=number, hovertemplate=_HOVER)


def importance_figure(importances: Mapping[str, float], n: int) -> Figure:
    """Draw the importance of each parameter, from ``n`` complete trials, the greatest on top."""
    names = sorted(importances, key=importances.__getitem__)
    shares = [importances[name] for name in names]
    bar = {"type": "bar", "orientation": "h", "name": "importance", "x": shares, "y": names}
    style = {"marker": {"color": "@blue"}, "texttemplate": "%{x:.2f}", "textposition": "auto"}
    return Figure(
        "importances",
        "Parameter importance",
        "Share of what distinguishes good trials from the others (PED-ANOVA). A parameter near 0 can be fixed at "
        "no cost.",
        [bar | style],
        axes(
            axis("share", ".0%", rangemode="tozero"),
            axis(type="category"),
            showlegend=False,
            hovermode="closest",
        ),
        note=f"From {n} complete trials{'; with so few it is only a hint' if n < 20 else ''}.",
        height=110 + 34 * len(names),
    )


def agreement_figure(trials: Sequence[TrialRow], name: str, correlation: float) -> Figure:
    """Draw validation loss against ``IC`` or ``Rank IC`` on valid, of trials that have both.

    ``correlation`` is Spearman's, between the two.
    """
    cloud = points(
        "trials",
        [trial.value for trial in trials],
        [trial.valid_ic[name] for trial in trials],
        "@blue" if name == "IC" else "@green",
        size=8,
        customdata=[trial.number for trial in trials],
        hovertemplate="trial %{customdata}<br>loss %{x:.6f}<br>" + name + " %{y:.4f}<extra></extra>",
    )
    strength = f"{correlation:+.2f}".replace("-", "−")
    return Figure(
        f"agreement_{name.lower().replace(' ', '_')}",
        f"Validation loss against validation {name}",
        "Each point is a complete trial. If they fall from left to right, the search by loss also finds the better "
        "signal; in a shapeless cloud the loss is a poor guide.",
        [cloud],
        axes("validation loss", name, showlegend=False, hovermode="closest"),
        note=f"Rank correlation {strength} over {counted(len(trials), 'trial')}; −1 is full agreement.",
    )


@dataclass(frozen=True)
class Work:
    """One trial on one slot: ``seconds`` of training, before its result was stored at ``end``."""

    trial: int
    state: str
    slot: str
    end: datetime
    seconds: float


def timeline_figure(works: Sequence[Work], missing: int) -> Figure:
    """Draw a bar per trial on its slot.

    ``missing`` is the number of trials without a training time, such as interrupted ones or those that reuse another's
    result.
    """
    traces: list[Trace] = []
    slots = sorted({work.slot for work in works})
    for state, colour in _SLOT_COLOURS.items():
        shown = [work for work in works if work.state == state]
        if shown:
            begins = [work.end - timedelta(seconds=work.seconds) for work in shown]
            traces.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": state,
                    "y": [work.slot for work in shown],
                    "base": [begin.isoformat(sep=" ", timespec="milliseconds") for begin in begins],
                    "x": [work.seconds * 1000 for work in shown],  # plotly counts a date axis in milliseconds
                    "customdata": [[work.trial, work.seconds] for work in shown],
                    "hovertemplate": "trial %{customdata[0]}: %{customdata[1]:.1f} s<extra>%{y}</extra>",
                    "marker": {"color": colour, "line": {"width": 1, "color": "@card"}},
                }
            )
    return Figure(
        "timeline",
        "Time line",
        "A bar per trial on the slot that trained it. Gaps are idle slots.",
        traces,
        axes(
            axis(type="date"),
            axis(type="category", categoryorder="array", categoryarray=slots[::-1]),
            barmode="overlay",
            hovermode="closest",
        ),
        note=f"{missing} without a training time are not drawn." if missing else "",
        is_wide=True,
        height=130 + 34 * len(slots),
    )
