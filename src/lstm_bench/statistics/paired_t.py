"""Student's t test of paired differences, and what it lets one say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.core.counting import counted
from lstm_bench.statistics.estimate import FEWEST, LEVEL
from lstm_bench.statistics.seed_interval import mean_interval
from lstm_bench.statistics.verdict import Verdict

__all__ = ["more_pairs_to_reject", "paired_p_value", "paired_verdict"]

_MOST = 10_000
"""Pairs up to which :func:`more_pairs_to_reject` looks ahead."""


def paired_p_value(differences: npt.ArrayLike) -> float:
    """Two-sided p-value that the mean of ``[n]`` normal differences is 0; NaN for fewer than three.

    References
    ----------
    Student (1908), The probable error of a mean, Biometrika 6(1).
    """
    x = np.asarray(differences, dtype=np.float64)
    if len(x) < FEWEST:
        return np.nan
    if (x == x[0]).all():
        return float(x[0] == 0)
    std = float(x.std(ddof=1))
    return float(_p_values(np.array([len(x)]), float(x.mean()), std)[0])


def more_pairs_to_reject(differences: npt.ArrayLike, alpha: float) -> int | None:
    """Return how many more pairs give a p-value below ``alpha`` if mean and deviation stay; None if 10,000 do not.

    Parameters
    ----------
    differences : ``[n]``
        Two or more.
    """
    x = np.asarray(differences, dtype=np.float64)
    n = np.arange(max(len(x), FEWEST - 1) + 1, _MOST + 1)
    if (x == x[:1]).all():
        return None
    std = float(x.std(ddof=1))
    rejects = _p_values(n, float(x.mean()), std) < alpha
    return int(n[rejects.argmax()]) - len(x) if rejects.any() else None


def paired_verdict(differences: npt.ArrayLike, p_value: float, margin: float | None) -> Verdict:
    """Decide a comparison of which only the seeds are known, as :func:`~lstm_bench.statistics.verdict.verdict` does.

    Parameters
    ----------
    differences : ``[n]``
        A - B of three or more pairs, of a metric for which higher is better.
    p_value
        That of the differences, corrected for other comparisons.
    margin
        Largest difference that does not matter; None if every one does.
    """
    estimate = mean_interval(differences, 2 * LEVEL - 1)
    if margin is not None and -margin < estimate.low and estimate.high < margin:
        return Verdict("equivalent", f"equivalent within {margin:g}")
    if p_value < 1 - LEVEL:
        return Verdict("A better", "A better") if estimate.value > 0 else Verdict("B better", "B better")
    alone = paired_p_value(differences)
    more = more_pairs_to_reject(differences, (1 - LEVEL) * alone / p_value)
    if more is None:
        return Verdict("undecided", "undecided (more seeds cannot decide it)")
    return Verdict("undecided", f"undecided (needs about {counted(more, 'more seed')})", more)


def _p_values(n: npt.NDArray[np.int64], mean: float, std: float) -> npt.NDArray[np.float64]:
    from scipy.special import stdtr

    return np.asarray(2 * stdtr(n - 1, -abs(mean) / (std / np.sqrt(n))), dtype=np.float64)
