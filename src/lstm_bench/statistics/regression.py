"""Regression to the mean: what is left of the best trial's advantage when its configuration is trained again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Regression", "regression_to_retrained"]


@dataclass(frozen=True)
class Regression:
    """The advantage of the best trial, and what is left of it when its configuration is trained again.

    Attributes
    ----------
    best : its validation loss, which chose it
    average : mean validation loss of the complete trials
    retrained : mean validation loss of its configuration over other seeds
    seeds : number of these seeds
    """

    best: float
    average: float
    retrained: float
    seeds: int

    @property
    def remaining(self) -> float:
        """Share of the advantage over the average trial that remains; NaN if the best one had none."""
        claimed = self.average - self.best
        return (self.average - self.retrained) / claimed if claimed > 0 else math.nan


def regression_to_retrained(
    best: float, trials: npt.ArrayLike, retrained: npt.ArrayLike
) -> Regression | None:
    """Compare the best trial's validation loss with that of its configuration, trained again with other seeds.

    The least of many noisy losses is too low by what chance contributed to it; losses of new seeds are not.

    Parameters
    ----------
    best
        Its validation loss.
    trials : ``[M]``
        Validation losses of the complete trials.
    retrained : ``[K]``
        Validation losses of the configuration over K other seeds.

    Returns
    -------
    Regression or None
        None without trials or seeds.
    """
    losses, again = np.asarray(trials, dtype=np.float64), np.asarray(retrained, dtype=np.float64)
    if len(losses) == 0 or len(again) == 0:
        return None
    return Regression(best, float(losses.mean()), float(again.mean()), len(again))
