"""Group returns: the mean labels of stocks grouped by score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_bench.core.errors import InputError
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Floats, Reals
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.ranking import best_first
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.daily import label_mean
from lstm_bench.evaluate.signal.metrics import SIGNAL_DAYS_PER_YEAR

__all__ = ["GROUPS", "GroupReturns", "group_returns"]

GROUPS = 5


class GroupReturns(NamedTuple):
    """Returns of groups by score. Qlib cumulates them by summing."""

    # ``[G, T]`` float64: mean label of each group, the highest scores first; NaN on days with fewer scores than
    # groups
    groups: Floats
    spread: Floats  # ``[T]`` float64, first group minus last (Qlib's ``long-short``)
    # ``[T]`` float64: first group minus the mean of all stocks, with or without a score (Qlib's ``long-average``)
    excess: Floats

    def series(self) -> dict[str, Floats]:
        """Return all series by name: ``group_1`` .., ``group_spread``, ``group_excess``."""
        named = {f"group_{i}": returns for i, returns in enumerate(self.groups, start=1)}
        return named | {"group_spread": self.spread, "group_excess": self.excess}

    def summary(self, days_per_year: float = SIGNAL_DAYS_PER_YEAR) -> dict[str, dict[str, float]]:
        """Summarise each series.

        Each has ``mean`` and ``std`` (ddof 1) of a day, ``total_return`` (the sum), ``annualized_return = mean
        * days_per_year`` and ``sharpe = mean / std * sqrt(days_per_year)``, NaN if the returns are constant.
        """
        sections = {}
        for name, returns in self.series().items():
            measured = moments(returns)
            sections[name] = {
                "mean": measured.mean,
                "std": measured.std,
                "total_return": float(np.nansum(returns)) if np.isfinite(measured.mean) else np.nan,
                "annualized_return": measured.mean * days_per_year,
                "sharpe": measured.ratio * days_per_year**0.5,
            }
        return sections


def group_returns(
    score: Reals, label: Reals, rows: Bools | None = None, groups: int = GROUPS
) -> GroupReturns:
    """Average the labels of groups of equal size, like the group returns of Qlib's ``model_performance_graph``.

    ``score``, ``label`` and ``rows`` are as for :func:`lstm_bench.evaluate.signal.metrics.signal_metrics`. Each of
    the ``groups`` has ``scored stocks // groups`` stocks of a day; the remaining lowest scores are in no group. Equal
    scores are ordered by instrument (Qlib does not define their order). Raises InputError if the shapes differ, or
    there are fewer than two groups.
    """
    if groups < 2:
        raise InputError(f"groups: got {groups}, expected 2 or more")
    means, average = _group_means(*aligned(score, label, rows), groups)
    with np.errstate(invalid="ignore", over="ignore"):  # labels can be infinite
        return GroupReturns(means, means[0] - means[-1], means[0] - average)


@kernel()
def _group_means(score: Floats, label: Floats, rows: Bools, groups: int) -> tuple[Floats, Floats]:
    """Mean label of each group, ``[G, T]``, and of all stocks, ``[T]``."""
    T = score.shape[0]
    means, average = np.empty((groups, T)), np.empty(T)
    for t in range(T):
        scored = best_first(np.nonzero(rows[t] & ~np.isnan(score[t]))[0], score[t])
        size = len(scored) // groups
        for i in range(groups):
            means[i, t] = label_mean(label[t], scored[i * size : (i + 1) * size])
        average[t] = label_mean(label[t], np.nonzero(rows[t])[0])
    return means, average
