"""Learning-rate schedules: the factor of a member's learning rate at each step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.harness import ScheduleName

__all__ = ["CONSTANT", "Schedule", "ScheduleSpec"]

_RISE = 0.3  # of one_cycle's steps; this and the next two are torch's defaults
_CYCLE_START, _CYCLE_END = 1 / 25, 1 / 25e4
_IMPROVEMENT = 1e-4  # relative decrease that counts as a lower loss; torch's default

Factors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScheduleSpec:
    """A schedule and its settings.

    Attributes
    ----------
    name
        ``cosine`` (Loshchilov and Hutter 2017, without restarts) falls with each step until the last epoch's end,
        ``one_cycle`` (Smith and Topin 2019) rises and falls with each step; ``step`` decays every ``step_epochs``,
        ``plateau`` once the validation loss has not fallen for longer than ``patience`` epochs.
    warmup_epochs : epochs in which the rate rises linearly, step by step; the schedule begins after them
    min_factor : smallest factor of ``cosine`` and ``plateau``
    """

    name: ScheduleName = "constant"
    warmup_epochs: int = 0
    min_factor: float = 0.0
    step_epochs: int = 10
    decay: float = 0.5
    patience: int = 5


CONSTANT = ScheduleSpec()
"""Qlib's learning rate."""


class Schedule:
    """One member's schedule, over ``n_epochs`` (training may stop earlier) of so many steps."""

    def __init__(self, spec: ScheduleSpec, n_epochs: int, steps: int) -> None:
        self._spec = spec
        self._n_epochs = n_epochs
        self._steps = steps
        self._decays = 0
        self._lowest = math.inf
        self._waited = 0

    def factors(self, epoch: int) -> Factors:
        """Return the factors ``[steps]`` of an epoch, counted from 0."""
        done = epoch * self._steps + np.arange(self._steps, dtype=np.float64)
        warmup = self._spec.warmup_epochs * self._steps
        if self._spec.name == "one_cycle":
            steps = self._n_epochs * self._steps
            return _one_cycle(done, warmup or _RISE * self._n_epochs * self._steps, steps)
        if epoch < self._spec.warmup_epochs:
            return (done + 1) / warmup
        return self._after_warmup(epoch - self._spec.warmup_epochs, done - warmup)

    def note(self, epoch: int, valid_loss: float) -> None:
        """Record an epoch's validation loss; those of the warm-up are ignored."""
        if self._spec.name != "plateau" or epoch < self._spec.warmup_epochs:
            return
        if valid_loss < self._lowest * (1 - _IMPROVEMENT):
            self._lowest, self._waited = valid_loss, 0
            return
        self._waited += 1
        if self._waited > self._spec.patience:
            self._decays, self._waited = self._decays + 1, 0

    def _after_warmup(self, epoch: int, done: Factors) -> Factors:
        spec = self._spec
        if spec.name == "cosine":
            falling = (self._n_epochs - spec.warmup_epochs) * self._steps
            return spec.min_factor + (1 - spec.min_factor) * (1 + np.cos(np.pi * done / falling)) / 2
        factor = 1.0
        if spec.name == "step":
            factor = spec.decay ** (epoch // spec.step_epochs)
        elif spec.name == "plateau":
            factor = max(spec.decay**self._decays, spec.min_factor)
        return np.full(self._steps, factor)


def _one_cycle(done: Factors, rise: float, steps: int) -> Factors:
    """Rise from 1/25 to 1 in ``rise`` steps, then fall to almost 0, along cosines."""
    peak, last = max(rise - 1, 0.0), max(steps - 1, 1)
    rising = _along_cosine(_CYCLE_START, 1.0, done / peak if peak else np.ones_like(done))
    falling = _along_cosine(1.0, _CYCLE_END, (done - peak) / max(last - peak, 1.0))
    return np.where(done <= peak, rising, falling)


def _along_cosine(start: float, end: float, part: Factors) -> Factors:
    return end + (start - end) * (1 + np.cos(np.pi * part)) / 2
