"""Precision: how many of a day's best stocks rose, and how many of its worst fell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_bench.core.kernel import kernel
from lstm_bench.evaluate.ranking import best_first
from lstm_bench.evaluate.signal.aligned import aligned
from lstm_bench.evaluate.signal.daily import label_mean
from lstm_bench.evaluate.signal.metrics import QUANTILE

__all__ = ["Precision", "precision"]


class Precision(NamedTuple):
    """Precision of each day, ``[T]`` float64 each; NaN where none of the stocks has a label, or a fifth is none.

    Attributes
    ----------
    long : share of the best fifth whose label is above 0
    short : share of the worst fifth whose label is below 0
    long_excess, short_excess : the same against the mean label of the day, which no rising market flatters
    """

    long: npt.NDArray[np.float64]
    short: npt.NDArray[np.float64]
    long_excess: npt.NDArray[np.float64]
    short_excess: npt.NDArray[np.float64]


def precision(
    score: npt.NDArray[np.floating],
    label: npt.NDArray[np.floating],
    rows: npt.NDArray[np.bool_] | None = None,
) -> Precision:
    """Count the labels that went the way of the scores.

    As Qlib's ``calc_long_short_prec``, with ``is_alpha`` for the excess: a fifth is ``int(0.2 * rows of the day)``,
    rows without a score come last from either end, equal scores are taken by instrument, and stocks without a label
    do not count.

    Parameters
    ----------
    score, label, rows : ``[T, N]``
        As for :func:`lstm_bench.evaluate.signal.metrics.signal_metrics`.

    Raises
    ------
    InputError
        Where the shapes differ.
    """
    return Precision(*_precision(*aligned(score, label, rows)))


@kernel()
def _precision(
    score: npt.NDArray[np.float64], label: npt.NDArray[np.float64], rows: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Long, short, and both in excess of the day's mean: ``[4, T]``."""
    T = score.shape[0]
    shares = np.empty((4, T))
    for t in range(T):
        there = np.nonzero(rows[t])[0]
        fifth = int(len(there) * QUANTILE)
        best = best_first(there, score[t])[:fifth]
        worst = best_first(there, -score[t])[:fifth]
        for i, middle in enumerate((0.0, label_mean(label[t], there))):
            shares[2 * i, t] = _share_above(label[t], best, middle)
            shares[2 * i + 1, t] = _share_above(-label[t], worst, -middle)
    return shares


@kernel()
def _share_above(label: npt.NDArray[np.float64], at: npt.NDArray[np.int64], bound: float) -> float:
    """Share of the known ``label[at]`` that is above a bound; NaN where none is known."""
    above, n = 0, 0
    for j in at:
        if not np.isnan(label[j]):
            above += label[j] > bound
            n += 1
    return above / n if n > 0 else np.nan
