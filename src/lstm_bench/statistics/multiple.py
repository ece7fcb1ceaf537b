"""Several comparisons at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values of several comparisons.

    The probability that any is wrong is at most that of a single comparison.

    Parameters
    ----------
    p_values
        One per comparison, in any order. NaN is a comparison without a p-value: it stays NaN and does not count.

    Returns
    -------
    Adjusted p-values in the same order: each can be compared with 0.05 as if it were alone.

    References
    ----------
    S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2).
    """
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    ascending = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(ascending), 0, -1)
    adjusted = values.copy()
    adjusted[ascending] = np.minimum(np.maximum.accumulate(values[ascending] * factors), 1.0)
    return tuple(adjusted.tolist())
