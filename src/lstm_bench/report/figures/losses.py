"""Losses of trials on an axis: what a trial is worth, and how far the axis reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from lstm_bench.report.figures.figure import Layout, axis
from lstm_bench.tune.trials import TrialRow

__all__ = ["STATE_MARKS", "loss_axis", "numbers", "value_of"]

STATE_MARKS = {
    "complete": ("@blue", "circle"),
    "pruned": ("@grey", "x"),
    "failed": ("@orange", "diamond"),
    "interrupted": ("@purple", "square"),
    "running": ("@green", "triangle-up"),
}
"""State of a trial -> colour and symbol."""

_FEW = 8
_REACH = 6.0  # an axis ends so many times further above the median than the least lies below it


def value_of(trial: TrialRow) -> float | None:
    """Return a trial's value, or that of its last epoch."""
    if trial.value is not None:
        return trial.value
    return trial.epoch_values[max(trial.epoch_values)] if trial.epoch_values else None


def numbers(values: Iterable[float | None]) -> list[float | None]:
    """Put None in the place of what is not finite."""
    return [None if value is None or not math.isfinite(value) else float(value) for value in values]


def loss_axis(losses: Iterable[float | None]) -> Layout:
    """Show the losses without what diverged: the axis ends above the usual ones."""
    values = np.array([value for value in losses if value is not None and math.isfinite(value)])
    shown = axis("validation loss")
    if len(values) < _FEW:
        return shown
    low, middle = np.quantile(values, [0.0, 0.5])
    reach = middle + _REACH * (middle - low)
    if values.max() <= reach or reach <= low:
        return shown
    return shown | {"range": [float(low - 0.05 * (reach - low)), float(reach)]}
