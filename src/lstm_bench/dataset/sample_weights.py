"""Weights of training samples, in place of the Reweighter objects that Qlib's models take."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.harness import TrainingConfig
from lstm_bench.dataset.dataset import SampleSet

__all__ = ["sample_weights"]

_LEAST_QUANTILE = 0.01

Floats = npt.NDArray[np.float64]


def sample_weights(
    training: TrainingConfig, samples: SampleSet, volatility: npt.NDArray[np.float32] | None = None
) -> Floats | None:
    """Weigh samples as ``lstm_bench.training.reweight`` says, with a mean of 1 over those that have a label.

    ``exponential`` halves a sample's weight with every ``reweight_half_life`` trading days that lie between it and
    the last day of the samples. ``volatility`` takes the inverse of its stock's trailing volatility: at least the
    samples' percentile 1, so that a stock that hardly moved does not outweigh all others, and their median where it
    is not known.

    Parameters
    ----------
    training
    samples
        Of train, S of them.
    volatility : ``[T, N]``
        Of the dataset's days and instruments, from :func:`lstm_bench.dataset.volatility.trailing_volatility`;
        only ``volatility`` needs it.

    Returns
    -------
    ``[S]`` float64
        None for ``uniform``.

    Raises
    ------
    ValueError
        Where ``volatility`` is needed and not given.
    """
    if training.reweight == "uniform":
        return None
    if training.reweight == "exponential":
        weights = _decayed(samples, training.reweight_half_life)
    elif volatility is None:
        raise ValueError("volatility: reweight 'volatility' needs it")
    else:
        weights = _inverse(volatility[samples.days, samples.instruments].astype(np.float64))
    mean = float(weights[~np.isnan(samples.labels)].mean())
    return weights / mean


def _decayed(samples: SampleSet, half_life: float) -> Floats:
    age = samples.days.max() - samples.days
    weights: Floats = np.exp2(-age / half_life)
    return weights


def _inverse(volatility: Floats) -> Floats:
    """Invert what is known and above 0; where nothing is, all weigh the same."""
    known = volatility[volatility > 0]  # NaN is not
    if not len(known):
        return np.ones_like(volatility)
    least, median = np.quantile(known, [_LEAST_QUANTILE, 0.5])
    weights: Floats = 1 / np.maximum(np.where(np.isnan(volatility), median, volatility), least)
    return weights
