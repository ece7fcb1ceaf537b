"""Statistics of the order of seeds: how often A beats B, and Wilcoxon's test of pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.estimate import FEWEST

__all__ = ["probability_of_improvement", "signed_rank_p_value"]


def probability_of_improvement(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """P(A > B): the share of all pairs of a seed of A and a seed of B in which A is higher, ties half.

    It describes the seeds at hand. It has no interval: with few seeds none that we know covers, and
    :func:`~lstm_bench.statistics.nested.nested_difference` says how sure a difference is.

    Parameters
    ----------
    a : ``[n]``
    b : ``[m]``
        One value or more per side, one per seed; they need not be paired.

    References
    ----------
    R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville and M. Bellemare (2021), Deep Reinforcement Learning at the
    Edge of the Statistical Precipice, NeurIPS, section 4.3.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return float(((np.sign(left[:, None] - right[None, :]) + 1) / 2).mean())


def signed_rank_p_value(differences: npt.ArrayLike) -> float:
    """Two-sided p-value of the Wilcoxon signed-rank test that paired differences are symmetric around 0.

    Parameters
    ----------
    differences : ``[n]``
        Zeros are dropped, as in Wilcoxon's paper; if all are 0, the p-value is 1. It is NaN for fewer than three
        differences.

    References
    ----------
    F. Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6).
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < FEWEST:
        return np.nan
    values = values[values != 0]
    if len(values) == 0:
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(values).pvalue)
