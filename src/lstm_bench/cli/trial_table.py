"""Trials as text: a table, remarks, and the outcome of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import typer

from lstm_bench.cli.output import print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.tune.trials import TrialRow

__all__ = [
    "counts",
    "epochs_saved",
    "outcome_object",
    "params_text",
    "print_outcome",
    "print_trials",
    "sparkline",
    "trial_remarks",
]

_BARS = "▁▂▃▄▅▆▇█"


def counts(trials: Sequence[TrialRow]) -> dict[str, int]:
    """Count trials by state."""
    from lstm_bench.tune.trials import State

    found = Counter(trial.state for trial in trials)
    return {state: found[state] for state in get_args(State) if found[state]}


def outcome_object(trials: Sequence[TrialRow], max_epochs: int) -> dict[str, Any]:
    """Return the outcome of a study as plain data."""
    from lstm_bench.tune.trials import best_trial

    best = best_trial(trials)
    saved, _ = epochs_saved(trials, max_epochs)
    return {"states": counts(trials), "epochs_saved": saved, "best": None if best is None else best.to_json()}


def print_outcome(trials: Sequence[TrialRow], max_epochs: int) -> None:
    """Print the outcome of a study: counts of trials, epochs that pruning saved, and the best trial."""
    from lstm_bench.tune.trials import best_trial

    states = ", ".join(f"{count} {state}" for state, count in counts(trials).items())
    typer.echo(f"{counted(len(trials), 'trial')}: {states or 'none yet'}")
    saved, of = epochs_saved(trials, max_epochs)
    if saved:
        typer.echo(f"pruning saved {saved} of {counted(of, 'epoch')}")
    best = best_trial(trials)
    if best is not None:
        value = "" if best.value is None else f", validation loss {best.value:.6f}"
        typer.echo(f"best: trial {best.number}{value}: {params_text(best.params)}")


def epochs_saved(trials: Sequence[TrialRow], max_epochs: int) -> tuple[int, int]:
    """Return the epochs that pruning saved, and the number that all trials would have trained without it.

    A pruned trial saves its epochs short of the mean of complete trials; without a complete trial, of ``max_epochs``.
    """
    complete = [
        len(trial.epoch_values) for trial in trials if trial.state == "complete" and trial.epoch_values
    ]
    usual = round(sum(complete) / len(complete)) if complete else max_epochs
    pruned = [len(trial.epoch_values) for trial in trials if trial.state == "pruned"]
    saved = sum(max(0, usual - epochs) for epochs in pruned)
    return saved, saved + sum(complete) + sum(pruned)


def params_text(params: Mapping[str, Any]) -> str:
    """Return parameters in one line."""
    return ", ".join(f"{key} {_value_text(value)}" for key, value in params.items())


def _value_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_trials(title: str, trials: Sequence[TrialRow], params: Sequence[str]) -> None:
    """Print trials as a table, their parameters last, and remarks below it."""

    def cells(trial: TrialRow) -> list[str]:
        curve = list(trial.epoch_values.values())
        return [
            str(trial.number),
            trial.state,
            "" if trial.value is None else f"{trial.value:.6f}",
            str(len(curve)) if curve else "",
            sparkline(curve),
            trial.slot or "",
            "" if trial.seconds is None else f"{trial.seconds:.1f}",
            *(_value_text(trial.params[key]) if key in trial.params else "" for key in params),
        ]

    headers = ["trial", "state", "valid loss", "epochs", "curve", "slot", "seconds", *params]
    print_table(title, headers, map(cells, trials))
    for trial in trials:
        if remarks := trial_remarks(trial):
            typer.echo(f"trial {trial.number}: {remarks}")


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """Draw values as bars; more than ``width`` values are sampled evenly."""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in values)


def trial_remarks(trial: TrialRow) -> str:
    """Return remarks on a trial: its origin, duplicates, diverged seeds and errors."""
    remarks = []
    if trial.origin == "default":
        remarks.append("Qlib's defaults")
        values = {key: _value_text(trial.params.get(key)) for key in trial.moved}
        if added := [f"{key} {values[key]}" for key, value in trial.moved.items() if value is None]:
            remarks[-1] += f" with {', '.join(added)}"
        shifted = [(key, _value_text(value)) for key, value in trial.moved.items() if value is not None]
        if moved := [f"{key} {value} -> {values[key]}" for key, value in shifted]:
            remarks[-1] += f", moved into the space: {', '.join(moved)}"
    if trial.origin == "enqueued":
        remarks.append("enqueued")
    if trial.duplicate_of is not None:
        remarks.append(f"same as trial {trial.duplicate_of}")
    if trial.diverged_seeds and trial.state != "failed":  # the error names them
        remarks.append(f"diverged: seed {', '.join(map(str, trial.diverged_seeds))}")
    if trial.error is not None:
        remarks.append(trial.error if trial.state == "failed" else f"tried again: {trial.error}")
    return "; ".join(remarks)
