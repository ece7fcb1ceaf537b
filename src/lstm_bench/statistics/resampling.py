"""Confidence of means and differences: bootstrap over seeds and over days, and rank tests.

Each resampling uses its own generator with a fixed seed, so the same values give the same interval.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.estimate import FEWEST, LEVEL, Estimate

__all__ = [
    "block_length",
    "bootstrap_mean",
    "probability_of_improvement",
    "signed_rank_p_value",
    "stationary_bootstrap_mean",
]

RESAMPLES = 10_000

Values = npt.NDArray[np.float64]


def bootstrap_mean(values: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Mean and its percentile bootstrap interval at ``LEVEL``.

    Parameters
    ----------
    values : ``[n]``
        Independent replicates, such as one value per seed, without NaN.
    resamples
        Number of samples of n values, with replacement.
    seed
        Seed of the generator.

    References
    ----------
    B. Efron and R. Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.
    """
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n < FEWEST:
        return Estimate(float(sample.mean()) if n else np.nan, np.nan, np.nan)
    sampled = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    return _percentiles(float(sample.mean()), sample[sampled].mean(axis=1))


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


def probability_of_improvement(
    a: npt.ArrayLike, b: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """P(A > B): the share of all pairs of a seed of A and a seed of B in which A is higher, ties half.

    Parameters
    ----------
    a : ``[n]``
    b : ``[m]``
        One value per seed; they need not be paired. The interval resamples the seeds of either side.

    References
    ----------
    R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville and M. Bellemare (2021), Deep Reinforcement Learning at the
    Edge of the Statistical Precipice, NeurIPS, section 4.3.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    wins = (np.sign(left[:, None] - right[None, :]) + 1) / 2  # [n, m]: 1, 0, or 0.5 for a tie
    if min(wins.shape) < FEWEST:
        return Estimate(float(wins.mean()), np.nan, np.nan)
    generator = np.random.default_rng(seed)
    # how often each seed is sampled, [resamples, n] and [resamples, m]: the mean over pairs is bilinear in the counts
    of_a = generator.multinomial(len(left), np.full(len(left), 1 / len(left)), size=resamples)
    of_b = generator.multinomial(len(right), np.full(len(right), 1 / len(right)), size=resamples)
    shares = ((of_a @ wins) * of_b).sum(axis=1) / wins.size
    return _percentiles(float(wins.mean()), shares)


def block_length(days: int) -> float:
    """Return the mean block for ``days`` days, ``days ** (1/3)``: the rate at which the optimal one grows.

    References
    ----------
    D. Politis and H. White (2004), Automatic block-length selection for the dependent bootstrap, Econometric
    Reviews 23(1).
    """
    return max(1.0, float(np.cbrt(days)))


def stationary_bootstrap_mean(
    series: npt.ArrayLike, block: float | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Mean of a daily series and its interval by the stationary bootstrap, which keeps dependence between days.

    Parameters
    ----------
    series : ``[T]``
        In the order of days, without NaN.
    block
        Mean length of a block in days, at least 1; :func:`block_length` by default. Blocks have geometric lengths,
        start anywhere and wrap around the end.

    References
    ----------
    D. Politis and J. Romano (1994), The stationary bootstrap, Journal of the American Statistical Association 89.
    """
    values = np.asarray(series, dtype=np.float64)
    days = len(values)
    if days < FEWEST:
        return Estimate(float(values.mean()) if days else np.nan, np.nan, np.nan)
    end_block = 1 / (block_length(days) if block is None else block)
    generator = np.random.default_rng(seed)
    at = generator.integers(0, days, size=resamples)
    totals = values[at]
    for _ in range(days - 1):
        starts = generator.integers(0, days, size=resamples)
        at = np.where(generator.random(resamples) < end_block, starts, (at + 1) % days)
        totals += values[at]
    return _percentiles(float(values.mean()), totals / days)


def _percentiles(value: float, resampled: Values) -> Estimate:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))
