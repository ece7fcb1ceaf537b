"""Figures of a search space: where in it the good trials lie."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_bench.config.sections.parameter import Parameter
from lstm_bench.report.figures.figure import Figure, Layout, Trace, axis, line, points
from lstm_bench.report.figures.losses import STATE_MARKS, loss_axis, numbers, value_of
from lstm_bench.tune.trials import TrialRow

__all__ = ["contour_figures", "parallel_figure", "slice_figures"]

Space = Mapping[str, Parameter]

_BANDS = (
    (0.1, "best tenth", "@blue"),
    (0.25, "to the best quarter", "@green"),
    (0.5, "to the better half", "@gold"),
    (1.0, "worse half", "@grey/60"),
)
_CONTOUR_TRIALS = 10
_CONTOUR_PARAMETERS = 3
_FEW_STEPS = 8


def slice_figures(trials: Sequence[TrialRow], space: Space) -> Iterator[Figure]:
    """Draw the value against each parameter."""
    done = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    pruned = [trial for trial in trials if trial.state == "pruned" and value_of(trial) is not None]
    losses = loss_axis(value_of(trial) for trial in trials)
    for key, parameter in space.items():
        traces = []
        for state, shown in (("pruned", pruned), ("complete", done)):
            have = [trial for trial in shown if key in trial.params]
            if not have:
                continue
            trace = points(
                state,
                [_place(parameter, trial.params[key]) for trial in have],
                numbers(value_of(trial) for trial in have),
                STATE_MARKS[state][0],
                size=7,
                symbol=STATE_MARKS[state][1],
                customdata=[trial.number for trial in have],
                hovertemplate=f"trial %{{customdata}}<br>{key} %{{x}}<br>%{{y:.6f}}<extra></extra>",
            )
            if state == "complete":  # later trials are darker: where the sampler went
                trace["marker"] |= {
                    "color": [trial.number for trial in have],
                    "colorscale": "@sequential",
                    "showscale": False,
                    "line": {"width": 0.6, "color": "@blue"},
                }
            traces.append(trace)
        if traces:
            yield Figure(
                f"slice_{key}",
                f"Slice: {key}",
                "Each point is a trial, later ones stronger in colour: a valley is where the parameter wants "
                "to be, a cloud that it matters little.",
                traces,
                {"xaxis": _parameter_axis(key, parameter), "yaxis": losses, "hovermode": "closest"},
                height=270,
            )


def parallel_figure(trials: Sequence[TrialRow], space: Space) -> Figure | None:
    """Draw every complete trial as a line through its parameters and its value; None without two of them."""
    done = sorted(
        (trial for trial in trials if trial.state == "complete" and trial.value is not None),
        key=lambda trial: (trial.value, trial.number),
    )
    keys = [key for key in space if any(key in trial.params for trial in done)]
    if len(done) < 2 or not keys:
        return None
    low, high = (float(one.value or 0.0) for one in (done[0], done[-1]))
    scales = {key: _scale(space[key]) for key in keys}
    traces: list[Trace] = []
    begin = 0
    for share, name, colour in _BANDS:
        end = math.ceil(share * len(done))
        x: list[float | None] = []
        y: list[float | None] = []
        number: list[int | None] = []
        for trial in done[begin:end]:
            at = [scales[key][0](trial.params[key]) if key in trial.params else None for key in keys]
            x += [*range(len(keys) + 1), None]
            y += [*at, (float(trial.value or 0.0) - low) / (high - low) if high > low else 0.5, None]
            number += [*([trial.number] * (len(keys) + 1)), None]
        if x:
            traces.append(
                line(
                    name,
                    x,
                    y,
                    colour,
                    width=2.2 if begin == 0 else 1.1,
                    customdata=number,
                    hovertemplate="trial %{customdata}<extra></extra>",
                )
            )
        begin = end
    marks = [mark for position, key in enumerate(keys) for mark in _marks(position, scales[key][1])]
    marks += _marks(len(keys), [(0.0, f"{low:.5f}"), (1.0, f"{high:.5f}")])
    return Figure(
        "parallel",
        "Parallel coordinates",
        "A line per complete trial, from parameter to parameter to its loss, the best on top of the others: "
        "where blue lines run "
        "together, the search has settled.",
        traces[::-1],
        {
            "xaxis": axis(
                tickvals=list(range(len(keys) + 1)),
                ticktext=[*keys, "loss"],
                range=[-0.3, len(keys) + 0.75],
                side="top",
                showgrid=True,
                zeroline=False,
            ),
            "yaxis": axis(showticklabels=False, showgrid=False, zeroline=False, range=[-0.08, 1.08]),
            "annotations": marks,
            "legend": {"traceorder": "reversed", "y": -0.04, "yanchor": "top"},
            "hovermode": "closest",
        },
        is_wide=True,
        height=380,
    )


def contour_figures(
    trials: Sequence[TrialRow], space: Space, importances: Mapping[str, float]
) -> Iterator[Figure]:
    """Draw the loss over each pair of the most important parameters."""
    done = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    if len(done) < _CONTOUR_TRIALS:
        return
    ranked = sorted(importances, key=importances.__getitem__, reverse=True)[:_CONTOUR_PARAMETERS]
    for a, b in itertools.combinations(ranked, 2):
        both = [trial for trial in done if a in trial.params and b in trial.params]
        x, y = ([_place(space[key], trial.params[key]) for trial in both] for key in (a, b))
        columns, rows = _ordered(space[a], x), _ordered(space[b], y)
        if len(columns) < 2 or len(rows) < 2:
            continue
        grid = np.full((len(rows), len(columns)), np.nan)
        for trial, column, row in zip(both, x, y, strict=True):
            at = rows.index(row), columns.index(column)
            grid[at] = np.fmin(grid[at], float(trial.value or 0.0))
        yield Figure(
            f"contour_{a}_{b}",
            f"Loss over {a} and {b}",
            "Points are complete trials, shades what lies between them by interpolation (the fainter the "
            "better): trust it where points "
            "are.",
            [
                {
                    "type": "contour",
                    "name": "loss",
                    "x": columns,
                    "y": rows,
                    "z": [[None if math.isnan(v) else v for v in line_] for line_ in grid.tolist()],
                    "connectgaps": True,
                    "colorscale": "@sequential",
                    "line": {"width": 0.4},
                    "hoverinfo": "skip",
                    "colorbar": {"thickness": 10, "tickformat": ".4f"},
                },
                points(
                    "trials",
                    x,
                    y,
                    "@orange",
                    size=6,
                    customdata=[[trial.number, trial.value] for trial in both],
                    hovertemplate="trial %{customdata[0]}: %{customdata[1]:.6f}<extra></extra>",
                ),
            ],
            {
                "xaxis": _parameter_axis(a, space[a]),
                "yaxis": _parameter_axis(b, space[b]),
                "showlegend": False,
                "hovermode": "closest",
            },
            height=340,
        )


def _place(parameter: Parameter, value: Any) -> Any:
    """Where a value stands on its axis: choices are categories."""
    return value if parameter.choices is None else str(value)


def _ordered(parameter: Parameter, values: Sequence[Any]) -> list[Any]:
    if parameter.choices is None:
        return sorted(set(values))
    return [str(choice) for choice in parameter.choices if str(choice) in set(values)]


def _parameter_axis(key: str, parameter: Parameter) -> Layout:
    """Show all that a parameter can be, tried or not."""
    if parameter.choices is not None:
        names = [str(one) for one in parameter.choices]
        return axis(
            key, type="category", categoryorder="array", categoryarray=names, range=[-0.5, len(names) - 0.5]
        )
    low, high = (float(end) for end in parameter.span)
    if parameter.log:
        low, high = math.log10(low), math.log10(high)
    margin = 0.04 * (high - low) or 0.5
    shown = axis(key, range=[low - margin, high + margin], zeroline=False)
    if parameter.log:
        return shown | {"type": "log", "dtick": "D2", "exponentformat": "e"}
    whole = parameter.int_range is not None and high - low <= _FEW_STEPS
    return shown | ({"dtick": 1, "tickformat": "d"} if whole else {})


def _scale(parameter: Parameter) -> tuple[Any, list[tuple[float, str]]]:
    """Return where a value stands between 0 and 1, and what to write at the axis."""
    if parameter.choices is not None:
        choices = list(parameter.choices)
        last = max(len(choices) - 1, 1)
        return lambda value: choices.index(value) / last, [
            (k / last, str(one)) for k, one in enumerate(choices)
        ]
    low, high = (float(end) for end in parameter.span)
    if high <= low:
        return lambda _: 0.5, [(0.5, f"{low:g}")]
    if parameter.log:
        span = math.log(high / low)
        return lambda value: math.log(value / low) / span, [(0.0, f"{low:g}"), (1.0, f"{high:g}")]
    return lambda value: (value - low) / (high - low), [(0.0, f"{low:g}"), (1.0, f"{high:g}")]


def _marks(position: int, texts: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    return [
        {
            "x": position,
            "y": y,
            "text": text,
            "showarrow": False,
            "xanchor": "left",
            "xshift": 4,
            "font": {"size": 10, "color": "@muted"},
        }
        for y, text in texts
    ]
