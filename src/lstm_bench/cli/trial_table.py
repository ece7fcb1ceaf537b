"""How trials are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.tune.trials import TrialRow

__all__ = [
    "counts",
    "counts_line",
    "epochs_saved",
    "params_text",
    "sparkline",
    "trial_cells",
    "trial_headers",
    "trial_line",
    "trial_remarks",
]

"""States of trials that count towards a total."""

_BARS = "▁▂▃▄▅▆▇█"


def counts(trials: Sequence[TrialRow]) -> dict[str, int]:
    """Count trials by state, in the states' order."""
    from lstm_bench.tune.trials import State

    found = Counter(trial.state for trial in trials)
    return {state: found[state] for state in get_args(State) if found[state]}


def counts_line(trials: Sequence[TrialRow]) -> str:
    """Say how many trials are in which state."""
    found = ", ".join(f"{count} {state}" for state, count in counts(trials).items())
    return f"{counted(len(trials), 'trial')}: {found or 'none yet'}"


def epochs_saved(trials: Sequence[TrialRow], max_epochs: int) -> tuple[int, int]:
    """Epochs that pruned trials did not train, against those that complete trials took on average; and of how many.

    Without a complete trial ``max_epochs`` counts.
    """
    complete = [
        len(trial.epoch_values) for trial in trials if trial.state == "complete" and trial.epoch_values
    ]
    usual = round(sum(complete) / len(complete)) if complete else max_epochs
    pruned = [len(trial.epoch_values) for trial in trials if trial.state == "pruned"]
    saved = sum(max(0, usual - epochs) for epochs in pruned)
    return saved, saved + sum(complete) + sum(pruned)


def params_text(params: Mapping[str, Any]) -> str:
    """Write parameters in a line."""
    return ", ".join(f"{key} {_value_text(value)}" for key, value in params.items())


def _value_text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def trial_line(trial: TrialRow) -> str:
    """Write a trial in a line."""
    value = "" if trial.value is None else f", validation loss {trial.value:.6f}"
    return f"trial {trial.number}{value}: {params_text(trial.params)}"


def trial_headers(params: Sequence[str]) -> list[str]:
    """Name the columns of :func:`trial_cells`."""
    return ["trial", "state", "valid loss", "epochs", "curve", "slot", "seconds", *params]


def trial_cells(trial: TrialRow, params: Sequence[str]) -> list[str]:
    """Write a trial as a table's row, its parameters last."""
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


def sparkline(values: Sequence[float], width: int = 16) -> str:
    """Draw values as bars, the least at the bottom; of many, evenly chosen ones."""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    if not values:
        return ""
    low, high = min(values), max(values)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in values)


def trial_remarks(trial: TrialRow) -> str:
    """Say what is special about a trial; empty where nothing is."""
    remarks = []
    if trial.origin == "default":
        remarks.append("Qlib's defaults")
        given = {key: _value_text(trial.params.get(key)) for key in trial.moved}
        if added := [f"{key} {given[key]}" for key, value in trial.moved.items() if value is None]:
            remarks[-1] += f" with {', '.join(added)}"
        shifted = [(key, _value_text(value)) for key, value in trial.moved.items() if value is not None]
        if moved := [f"{key} {value} -> {given[key]}" for key, value in shifted]:
            remarks[-1] += f", moved into the space: {', '.join(moved)}"
    if trial.origin == "enqueued":
        remarks.append("enqueued")
    if trial.duplicate_of is not None:
        remarks.append(f"same as trial {trial.duplicate_of}")
    if trial.diverged_seeds and trial.state != "failed":  # whose error says it
        remarks.append(f"diverged: seed {', '.join(map(str, trial.diverged_seeds))}")
    if trial.error is not None:
        remarks.append(trial.error if trial.state == "failed" else f"tried again: {trial.error}")
    return "; ".join(remarks)
