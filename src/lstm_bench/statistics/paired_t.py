"""Student's t test of paired differences, and what it lets one say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.estimate import FEWEST, LEVEL
from lstm_bench.statistics.verdict import Verdict, better_by, equivalent_within, needs

__all__ = ["equivalence_p_value", "more_pairs_to_reject", "paired_p_value", "paired_verdict"]

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


def equivalence_p_value(differences: npt.ArrayLike, margin: float) -> float:
    """p-value of the mean of ``[n]`` normal differences being outside ±``margin``; NaN for fewer than three.

    It is that of :meth:`~lstm_bench.statistics.nested.Nested.equivalence_p_value`.
    """
    x = np.asarray(differences, dtype=np.float64)
    n = len(x)
    if n < FEWEST:
        return np.nan
    inside = margin - abs(float(x.mean()))
    if (x == x[0]).all():
        return float(inside <= 0)
    return float(_one_sided(np.array([n]), inside, float(x.std(ddof=1)))[0])


def paired_verdict(
    differences: npt.ArrayLike, *, margin: float | None, p_value: float, equivalence_p_value: float
) -> Verdict:
    """Decide a comparison of which only the seeds are known, as :func:`~lstm_bench.statistics.verdict.verdict` does.

    Parameters
    ----------
    differences : ``[n]``
        A - B of three or more pairs, of a metric for which higher is better.
    margin
        Largest difference that does not matter; None if every one does.
    p_value, equivalence_p_value
        Those of the differences, corrected for other comparisons; the latter is not used without a margin.
    """
    if margin is not None and equivalence_p_value < 1 - LEVEL:
        return equivalent_within(margin)
    if p_value < 1 - LEVEL:
        return better_by(float(np.asarray(differences, dtype=np.float64).mean()))
    alone = paired_p_value(differences)
    more = more_pairs_to_reject(differences, (1 - LEVEL) * alone / p_value)
    if more is None:
        return Verdict("undecided", "undecided (more seeds cannot decide it)")
    return Verdict("undecided", f"undecided ({needs(more, 'more seed')})", more)


def _p_values(n: npt.NDArray[np.int64], mean: float, std: float) -> npt.NDArray[np.float64]:
    return 2 * _one_sided(n, abs(mean), std)


def _one_sided(n: npt.NDArray[np.int64], mean: float, std: float) -> npt.NDArray[np.float64]:
    """p-values of a true mean of 0 or less."""
    from scipy.special import stdtr

    return np.asarray(stdtr(n - 1, -mean / (std / np.sqrt(n))), dtype=np.float64)
