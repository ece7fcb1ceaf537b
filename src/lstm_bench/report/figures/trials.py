"""Shared by the figures of a search: a trial's loss, its colour and symbol, and the axis of losses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from lstm_bench.report.figures.figure import Axis, axis
from lstm_bench.tune.trials import TrialRow

__all__ = ["STATE_MARKS", "complete_trials", "finite", "loss_axis", "loss_of"]

STATE_MARKS = {
    "complete": ("@blue", "circle"),
    "pruned": ("@grey", "x"),
    "failed": ("@orange", "diamond"),
    "interrupted": ("@purple", "square"),
    "running": ("@green", "triangle-up"),
}
"""State of a trial -> colour and symbol."""

_FEW = 8
_REACH = 6.0  # the axis ends this many times further above the median than the least loss lies below it


def loss_of(trial: TrialRow) -> float | None:
    """Return a trial's value, or the loss of its last epoch; None if it has neither."""
    if trial.value is not None:
        return trial.value
    return trial.epoch_values[max(trial.epoch_values)] if trial.epoch_values else None


def complete_trials(trials: Sequence[TrialRow]) -> list[TrialRow]:
    """Return the complete trials. Each has a value."""
    return [trial for trial in trials if trial.state == "complete" and trial.value is not None]


def finite(values: Iterable[float | None]) -> list[float | None]:
    """Replace non-finite floats by None."""
    return [None if value is None or not math.isfinite(value) else float(value) for value in values]


def loss_axis(losses: Iterable[float | None]) -> Axis:
    """Describe an axis that ends above the usual losses, so that a diverged trial does not flatten them."""
    values = np.array([value for value in losses if value is not None and math.isfinite(value)])
    shown = axis("validation loss")
    if len(values) < _FEW:
        return shown
    low, middle = np.quantile(values, [0.0, 0.5])
    reach = middle + _REACH * (middle - low)
    if values.max() <= reach or reach <= low:
        return shown
    return shown | {"range": [float(low - 0.05 * (reach - low)), float(reach)]}
