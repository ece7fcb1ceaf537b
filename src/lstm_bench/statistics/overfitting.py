"""The probability of backtest overfitting: how often the best trial of one half of the days is poor on the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCKS", "Overfitting", "overfitting_probability"]

BLOCKS = 16
"""Blocks of days; 8 of them are chosen in 12,870 ways."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overfitting:
    """A probability of backtest overfitting.

    Attributes
    ----------
    probability
    logits : ``[C]`` float64, one per choice of half of the blocks; below 0 if the best trial on the chosen half is
        below the median of the trials on the other half
    days : number of days, a multiple of the number of blocks
    """

    probability: float
    logits: Values
    days: int


def overfitting_probability(
    series: npt.ArrayLike, *, blocks: int = BLOCKS, ratio: bool = True
) -> Overfitting | None:
    r"""Return the probability of backtest overfitting by combinatorially symmetric cross-validation.

    The days are cut into blocks of equal length; the first days are left out if their number is no multiple. For each
    choice of half of the blocks, the trial that performs best on them is ranked among the trials on the other half.
    With its relative rank :math:`\omega = r / (N + 1)`, the logit is :math:`\ln(\omega / (1 - \omega))`. The
    probability is the share of logits below 0; logits of 0, the median trial, count half.

    Parameters
    ----------
    series : ``[N, T]``
        Daily series of the trials on the same days, without NaN.
    blocks
        Even.
    ratio
        Whether performance is the mean divided by the standard deviation (Sharpe ratio); otherwise the mean.

    Returns
    -------
    Overfitting or None
        None if there are fewer than two trials, or fewer than two days in a block.

    Notes
    -----
    Without skill the probability is 0.5 on average over studies; a single study may differ from it a lot, because its
    12,870 choices share the same days.

    References
    ----------
    D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu (2017), The probability of backtest overfitting,
    Journal of Computational Finance 20(4).
    """
    values = np.asarray(series, dtype=np.float64)
    N, T = values.shape
    size = T // blocks
    if N < 2 or size < 2:
        return None
    cut = values[:, T - size * blocks :].reshape(N, blocks, size)
    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(chosen), blocks), dtype=np.float64)
    inside[np.arange(len(chosen))[:, None], chosen] = 1.0
    best = _performance(cut, inside, ratio).argmax(axis=1)
    outside = _performance(cut, 1 - inside, ratio)
    of_best = outside[np.arange(len(chosen)), best][:, None]
    rank = (outside < of_best).sum(axis=1) + ((outside == of_best).sum(axis=1) + 1) / 2  # ties share a rank
    logits = np.log(rank / (N + 1 - rank))
    probability = float((logits < 0).mean() + (logits == 0).mean() / 2)
    return Overfitting(probability, logits, size * blocks)


def _performance(cut: Values, inside: Values, ratio: bool) -> Values:
    """Return ``[C, N]``: the performance of trials ``[N, S, days]`` on the blocks of each choice ``[C, S]``."""
    n = inside[0].sum() * cut.shape[2]
    mean: Values = inside @ cut.sum(axis=2).T / n
    if not ratio:
        return mean
    # about the trial's own mean, so that little is lost to rounding
    center = cut.mean(axis=(1, 2))
    moved = cut - center[:, None, None]
    first, second = inside @ moved.sum(axis=2).T / n, inside @ (moved**2).sum(axis=2).T / n
    variance = np.maximum(second - first**2, 0.0) * n / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, mean / np.sqrt(variance), 0.0)
