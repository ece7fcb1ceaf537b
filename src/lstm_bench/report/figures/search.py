"""Figures of a search: how the trials went, what mattered, and whether loss and IC agree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import Figure, Trace, axis, counting, line, points
from lstm_bench.report.figures.losses import STATE_MARKS, loss_axis, numbers, value_of
from lstm_bench.tune.trials import TrialRow

__all__ = ["agreement_figure", "history_figure", "importance_figure", "intermediate_figure"]


def history_figure(trials: Sequence[TrialRow], best: Sequence[float | None]) -> Figure:
    """Draw each trial's value and the best so far.

    Parameters
    ----------
    trials
    best
        The least value of the complete trials up to each one; None before the first.
    """
    traces: list[Trace] = [line("best so far", [trial.number for trial in trials], numbers(best), "@orange")]
    traces[0]["line"]["shape"] = "hv"
    for state, (colour, symbol) in STATE_MARKS.items():
        shown = [trial for trial in trials if trial.state == state and value_of(trial) is not None]
        if shown:
            traces.append(
                points(
                    state,
                    [trial.number for trial in shown],
                    numbers(value_of(trial) for trial in shown),
                    colour,
                    size=8 if state == "complete" else 7,
                    symbol=symbol,
                )
            )
    return Figure(
        "history",
        "Optimisation history",
        "Each point is a trial, the line the best so far: still falling at the end, it says that more trials "
        "may pay.",
        traces,
        {
            "xaxis": counting("trial", len(trials)),
            "yaxis": loss_axis(value_of(trial) for trial in trials),
            "hovermode": "closest",
        },
        note="A trial that did not end stands at the loss of its last epoch; losses far above the others leave the "
        "axis.",
        is_wide=True,
    )


def intermediate_figure(trials: Sequence[TrialRow], best: TrialRow | None) -> Figure:
    """Draw each trial's validation loss by epoch, and where pruning ended it."""
    traces: list[Trace] = []
    for state in ("complete", "pruned", "failed", "interrupted", "running"):
        shown = [trial for trial in trials if trial.state == state and trial.epoch_values and trial != best]
        if shown:
            x, y, number = _joined(shown)
            traces.append(
                line(
                    state,
                    x,
                    y,
                    f"{STATE_MARKS[state][0]}/55",
                    width=1.2,
                    customdata=number,
                    hovertemplate=_HOVER,
                )
            )
    pruned = [trial for trial in trials if trial.state == "pruned" and trial.epoch_values]
    if pruned:
        ends = [max(trial.epoch_values) for trial in pruned]
        values = [trial.epoch_values[end] for trial, end in zip(pruned, ends, strict=True)]
        traces.append(
            points(
                "pruned here",
                ends,
                values,
                "@ink",
                symbol="x",
                size=6,
                customdata=[trial.number for trial in pruned],
                hovertemplate=_HOVER,
            )
        )
    if best is not None:
        epochs = list(best.epoch_values)
        traces.append(
            line(
                f"best, trial {best.number}",
                epochs,
                list(best.epoch_values.values()),
                "@orange",
                width=2.6,
                customdata=[best.number] * len(epochs),
                hovertemplate=_HOVER,
            )
        )
    return Figure(
        "intermediate",
        "Validation loss by epoch",
        "A line per trial, mean of its tuning seeds; crosses are where the pruner ended one: well chosen, "
        "they lie above the lines that "
        "went on.",
        traces,
        {
            "xaxis": counting("epoch, counted from 0", max(len(trial.epoch_values) for trial in trials)),
            "yaxis": loss_axis(value for trial in trials for value in trial.epoch_values.values()),
            "hovermode": "closest",
        },
        note="Losses far above the others leave the axis; a double click shows all.",
        is_wide=True,
        height=360,
    )


_HOVER = "trial %{customdata}, epoch %{x}: %{y:.6f}<extra></extra>"


def _joined(trials: Sequence[TrialRow]) -> tuple[list[int | None], list[float | None], list[int | None]]:
    """Put curves into one trace, with a gap between two."""
    x: list[int | None] = []
    y: list[float | None] = []
    number: list[int | None] = []
    for trial in trials:
        x += [*trial.epoch_values, None]
        y += [*(value if math.isfinite(value) else None for value in trial.epoch_values.values()), None]
        number += [*([trial.number] * len(trial.epoch_values)), None]
    return x, y, number


def importance_figure(importances: Mapping[str, float], n: int) -> Figure:
    """Draw the importance of each parameter, the greatest on top."""
    names = sorted(importances, key=importances.__getitem__)
    return Figure(
        "importances",
        "Parameter importance",
        "Share of what tells good trials from the rest (PED-ANOVA): a parameter near 0 may be fixed without "
        "loss.",
        [
            {
                "type": "bar",
                "orientation": "h",
                "name": "importance",
                "x": [importances[name] for name in names],
                "y": names,
                "marker": {"color": "@blue"},
                "texttemplate": "%{x:.2f}",
                "textposition": "auto",
            }
        ],
        {
            "xaxis": axis("share", tickformat=".0%", rangemode="tozero"),
            "yaxis": axis(type="category"),
            "showlegend": False,
            "hovermode": "closest",
        },
        note=f"From {n} complete trials{'; with so few it is a hint at most' if n < 20 else ''}.",
        height=110 + 34 * len(names),
    )


def agreement_figure(trials: Sequence[TrialRow], name: str, correlation: float) -> Figure:
    """Draw validation loss against an IC on valid.

    Parameters
    ----------
    trials
        Those that have both.
    name
        ``IC`` or ``Rank IC``.
    correlation
        Spearman's, between the two.
    """
    return Figure(
        f"agreement_{name.lower().replace(' ', '_')}",
        f"Validation loss against validation {name}",
        "Each point is a complete trial: falling from left to right, the search by loss also finds the "
        "better signal; a cloud says that "
        "loss is a poor guide here.",
        [
            points(
                "trials",
                [trial.value for trial in trials],
                [trial.valid_ic[name] for trial in trials],
                "@blue" if name == "IC" else "@green",
                size=8,
                customdata=[trial.number for trial in trials],
                hovertemplate="trial %{customdata}<br>loss %{x:.6f}<br>" + name + " %{y:.4f}<extra></extra>",
            )
        ],
        {"xaxis": axis("validation loss"), "yaxis": axis(name), "showlegend": False, "hovermode": "closest"},
        note=f"Rank correlation {correlation:+.2f} over {counted(len(trials), 'trial')}; −1 is full agreement.".replace(
            " -", " −"
        ),
    )
