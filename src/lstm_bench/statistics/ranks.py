"""How often a seed of A beats a seed of B."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["probability_of_improvement"]


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
