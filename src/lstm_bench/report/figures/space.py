"""Figures of a search space: the positions of the good trials."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_bench.config.sections.parameter import Parameter
from lstm_bench.report.figures.figure import Axis, Figure, axes, axis
from lstm_bench.report.figures.traces import Trace, line, plain, points
from lstm_bench.report.figures.trials import STATE_MARKS, complete_trials, finite, loss_axis, loss_of
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
    """Draw the loss against each parameter."""
    pruned = [trial for trial in trials if trial.state == "pruned" and loss_of(trial) is not None]
    by_state = {"pruned": pruned, "complete": complete_trials(trials)}
    losses = loss_axis(map(loss_of, trials))
    for key, parameter in space.items():
        traces = [
            _slice(state, key, parameter, having)
            for state, shown in by_state.items()
            if (having := [trial for trial in shown if key in trial.params])
        ]
        if traces:
            yield Figure(
                f"slice_{key}",
                f"Slice: {key}",
                "Each point is a trial; later trials have a stronger colour. A valley shows the best values of the "
                "parameter, a shapeless cloud that it matters little.",
                traces,
                axes(_parameter_axis(key, parameter), losses, hovermode="closest"),
                height=270,
            )


def _slice(state: str, key: str, parameter: Parameter, trials: Sequence[TrialRow]) -> Trace:
    colour, symbol = STATE_MARKS[state]
    numbers = [trial.number for trial in trials]
    trace = points(
        state,
        [_place(parameter, trial.params[key]) for trial in trials],
        finite(map(loss_of, trials)),
        colour,
        size=7,
        symbol=symbol,
        customdata=numbers,
        hovertemplate=f"trial %{{customdata}}<br>{key} %{{x}}<br>%{{y:.6f}}<extra></extra>",
    )
    if state == "complete":  # later trials stand out more, to show the sampler's path
        scale = {"color": numbers, "colorscale": "@sequential", "showscale": False}
        trace["marker"] |= scale | {"line": {"width": 0.6, "color": "@blue"}}
    return trace


def parallel_figure(trials: Sequence[TrialRow], space: Space) -> Figure | None:
    """Draw each complete trial as a line through its parameters and its loss; None for fewer than two trials."""
    done = sorted(complete_trials(trials), key=lambda trial: (trial.value, trial.number))
    keys = [key for key in space if any(key in trial.params for trial in done)]
    if len(done) < 2 or not keys:
        return None
    scales = {key: _scale(space[key]) for key in keys}
    low, high = (float(trial.value or 0.0) for trial in (done[0], done[-1]))
    marks = [mark for position, key in enumerate(keys) for mark in _marks(position, scales[key][1])]
    marks += _marks(len(keys), [(0.0, f"{low:.5f}"), (1.0, f"{high:.5f}")])
    return Figure(
        "parallel",
        "Parallel coordinates",
        "A line per complete trial, through its parameters to its loss. Better trials are drawn over worse ones. Where "
        "blue lines run together, the search has settled.",
        list(_bundles(done, {key: place for key, (place, _) in scales.items()}))[::-1],
        axes(
            axis(
                tickvals=list(range(len(keys) + 1)),
                ticktext=[*keys, "loss"],
                range=[-0.3, len(keys) + 0.75],
                side="top",
                showgrid=True,
                zeroline=False,
            ),
            axis(showticklabels=False, showgrid=False, zeroline=False, range=[-0.08, 1.08]),
            annotations=marks,
            legend={"traceorder": "reversed", "y": -0.04, "yanchor": "top"},
            hovermode="closest",
        ),
        is_wide=True,
        height=380,
    )


def _bundles(done: Sequence[TrialRow], places: Mapping[str, Callable[[Any], float]]) -> Iterator[Trace]:
    """Draw trials, the best first, as a trace per band of quality, with a gap between two trials."""
    low, high = (float(trial.value or 0.0) for trial in (done[0], done[-1]))
    begin = 0
    for share, name, colour in _BANDS:
        end = math.ceil(share * len(done))
        x: list[float | None] = []
        y: list[float | None] = []
        number: list[int | None] = []
        for trial in done[begin:end]:
            loss = (float(trial.value or 0.0) - low) / (high - low) if high > low else 0.5
            at = [place(trial.params[key]) if key in trial.params else None for key, place in places.items()]
            x += [*range(len(places) + 1), None]
            y += [*at, loss, None]
            number += [*([trial.number] * (len(places) + 1)), None]
        if x:
            hover = {"customdata": number, "hovertemplate": "trial %{customdata}<extra></extra>"}
            yield line(name, x, y, colour, width=2.2 if begin == 0 else 1.1, **hover)
        begin = end


def contour_figures(
    trials: Sequence[TrialRow], space: Space, importances: Mapping[str, float]
) -> Iterator[Figure]:
    """Draw the loss over each pair of the most important parameters."""
    done = complete_trials(trials)
    if len(done) < _CONTOUR_TRIALS:
        return
    ranked = sorted(importances, key=importances.__getitem__, reverse=True)[:_CONTOUR_PARAMETERS]
    for a, b in itertools.combinations(ranked, 2):
        both = [trial for trial in done if a in trial.params and b in trial.params]
        x, y = ([_place(space[key], trial.params[key]) for trial in both] for key in (a, b))
        surface = _surface(both, x, y, _ordered(space[a], x), _ordered(space[b], y))
        if surface is None:
            continue
        cloud = points(
            "trials",
            x,
            y,
            "@orange",
            customdata=[[trial.number, trial.value] for trial in both],
            hovertemplate="trial %{customdata[0]}: %{customdata[1]:.6f}<extra></extra>",
        )
        yield Figure(
            f"contour_{a}_{b}",
            f"Loss over {a} and {b}",
            "Points are complete trials. The shades between them are interpolated: the nearer to the background, the "
            "better. Trust them only near points.",
            [surface, cloud],
            axes(
                *(_parameter_axis(key, space[key]) for key in (a, b)), showlegend=False, hovermode="closest"
            ),
            height=340,
        )


def _surface(
    trials: Sequence[TrialRow], x: Sequence[Any], y: Sequence[Any], columns: list[Any], rows: list[Any]
) -> Trace | None:
    """Lay the least loss of each place out as a contour; None if a parameter has only one value."""
    if len(columns) < 2 or len(rows) < 2:
        return None
    grid = np.full((len(rows), len(columns)), np.nan)
    for trial, column, row in zip(trials, x, y, strict=True):
        at = rows.index(row), columns.index(column)
        grid[at] = np.fmin(grid[at], float(trial.value or 0.0))
    return {
        "type": "contour",
        "name": "loss",
        "x": columns,
        "y": rows,
        "z": plain(grid),
        "connectgaps": True,
        "colorscale": "@sequential",
        "line": {"width": 0.4},
        "hoverinfo": "skip",
        "colorbar": {"thickness": 10, "tickformat": ".4f"},
    }


def _place(parameter: Parameter, value: Any) -> Any:
    """Where a value lies on its axis: choices are categories."""
    return value if parameter.choices is None else str(value)


def _ordered(parameter: Parameter, values: Sequence[Any]) -> list[Any]:
    if parameter.choices is None:
        return sorted(set(values))
    return [str(choice) for choice in parameter.choices if str(choice) in set(values)]


def _parameter_axis(key: str, parameter: Parameter) -> Axis:
    """Describe an axis that shows all values of a parameter, tried or not."""
    if parameter.choices is not None:
        names = [str(one) for one in parameter.choices]
        order: dict[str, Any] = {"type": "category", "categoryorder": "array", "categoryarray": names}
        return axis(key, **order, range=[-0.5, len(names) - 0.5])
    low, high = (float(end) for end in parameter.span)
    if parameter.log:
        low, high = math.log10(low), math.log10(high)
    margin = 0.04 * (high - low) or 0.5
    shown = axis(key, range=[low - margin, high + margin], zeroline=False)
    if parameter.log:
        return shown | {"type": "log", "dtick": "D2", "exponentformat": "e"}
    whole = parameter.int_range is not None and high - low <= _FEW_STEPS
    return shown | ({"dtick": 1, "tickformat": "d"} if whole else {})


def _scale(parameter: Parameter) -> tuple[Callable[[Any], float], list[tuple[float, str]]]:
    """Return a map of values onto 0 to 1, and the labels of its axis."""
    if parameter.choices is not None:
        choices = list(parameter.choices)
        last = max(len(choices) - 1, 1)
        labels = [(k / last, str(one)) for k, one in enumerate(choices)]
        return lambda value: choices.index(value) / last, labels
    low, high = (float(end) for end in parameter.span)
    if high <= low:
        return lambda _: 0.5, [(0.5, f"{low:g}")]
    ends = [(0.0, f"{low:g}"), (1.0, f"{high:g}")]
    if parameter.log:
        return lambda value: math.log(value / low) / math.log(high / low), ends
    return lambda value: (value - low) / (high - low), ends


def _marks(position: int, texts: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    style = {"showarrow": False, "xanchor": "left", "xshift": 4, "font": {"size": 10, "color": "@muted"}}
    return [{"x": position, "y": y, "text": text} | style for y, text in texts]
