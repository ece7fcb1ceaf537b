"""The daily series of a study's trials side by side: means over seeds, on the days that the trials have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.tune.valid_series import ValidSeries

if TYPE_CHECKING:
    from lstm_bench.data.arrays import Bools, Days, Floats

__all__ = ["ValidPanel"]


@dataclass(frozen=True, eq=False)
class ValidPanel:
    """Means over the seeds of N trials.

    Attributes
    ----------
    trials : their numbers
    left_out : numbers of the trials that cannot be compared, since a seed has no IC or no return on most days. The
        scores of such a seed are the same for all stocks: its training collapsed
    returns : ``[N, T]`` of the best fifth, on the days on which all seeds of all N trials have one
    ics : ``[N, U]``, on the days on which all have an IC
    """

    trials: tuple[int, ...]
    left_out: tuple[int, ...]
    returns: Floats
    ics: Floats

    @classmethod
    def of(cls, found: Mapping[int, Mapping[int, ValidSeries]]) -> ValidPanel:
        """Compare trials by their series: number -> seed -> series."""
        if not found:
            return cls((), (), np.empty((0, 0)), np.empty((0, 0)))
        days = np.unique(np.concatenate([one.days for series in found.values() for one in series.values()]))
        returns, ics = _means(found, days, "top_return"), _means(found, days, "ic")
        has_both = np.isfinite(returns) & np.isfinite(ics)
        # days without labels are nobody's fault
        own = _days_of_trials(found, days) & (np.isfinite(returns) | np.isfinite(ics)).any(axis=0)
        usable = 2 * has_both.sum(axis=1) >= own.sum(axis=1)
        numbers = np.array(list(found))
        return cls(
            tuple(numbers[usable].tolist()),
            tuple(numbers[~usable].tolist()),
            _on_common_days(returns[usable]),
            _on_common_days(ics[usable]),
        )


def _means(found: Mapping[int, Mapping[int, ValidSeries]], days: Days, name: str) -> Floats:
    """Return ``[N, D]``: means over seeds, NaN where a seed has no value."""
    means = np.empty((len(found), len(days)))
    for mean, series in zip(means, found.values(), strict=True):
        rows = np.full((len(series), len(days)), np.nan)
        for row, one in zip(rows, series.values(), strict=True):
            row[np.searchsorted(days, one.days)] = getattr(one, name)
        mean[:] = rows.mean(axis=0)
    return means


def _days_of_trials(found: Mapping[int, Mapping[int, ValidSeries]], days: Days) -> Bools:
    """Return ``[N, D]``: whether a day is one of the trial's."""
    return np.array([np.isin(days, next(iter(series.values())).days) for series in found.values()])


def _on_common_days(panel: Floats) -> Floats:
    return panel[:, np.isfinite(panel).all(axis=0)]
