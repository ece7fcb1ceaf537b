"""Weights of training samples; they replace the ``Reweighter`` objects of Qlib's models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.harness import TrainingConfig
from lstm_bench.data.arrays import Floats, Floats32
from lstm_bench.dataset.dataset import SampleSet

__all__ = ["sample_weights"]

_LEAST_QUANTILE = 0.01


def sample_weights(
    training: TrainingConfig, samples: SampleSet, volatility: Floats32 | None = None
) -> Floats | None:
    """Weigh samples according to ``lstm_bench.training.reweight``, with a mean of 1 over the samples with a label.

    ``exponential`` halves a sample's weight with every ``reweight_half_life`` trading days between it and the last day
    of the samples. ``volatility`` uses the inverse of the stock's trailing volatility. A volatility below the
    samples' 1% quantile is replaced by that quantile, so that a stock with almost no moves does not outweigh all
    others. A missing one is replaced by the samples' median.

    The ``volatility`` ``[T, N]`` of the dataset's days and instruments is from
    :func:`lstm_bench.dataset.volatility.trailing_volatility`. Returns ``[S]`` float64; None for ``uniform``. Raises
    ValueError if ``volatility`` is needed and not given.
    """
    if training.reweight == "uniform":
        return None
    if training.reweight == "exponential":
        age = samples.days.max() - samples.days
        weights: Floats = np.exp2(-age / training.reweight_half_life)
    elif volatility is None:
        raise ValueError("volatility: reweight 'volatility' needs it")
    else:
        weights = _inverse(volatility[samples.days, samples.instruments].astype(np.float64))
    mean = float(weights[~np.isnan(samples.labels)].mean())
    scaled: npt.NDArray[np.float64] = weights / mean
    return scaled


def _inverse(volatility: Floats) -> Floats:
    """Inverse volatility; all weights are 1 if none is known and above 0."""
    known = volatility[volatility > 0]  # NaN is not above 0
    if not len(known):
        return np.ones_like(volatility)
    least, median = np.quantile(known, [_LEAST_QUANTILE, 0.5])
    weights: Floats = 1 / np.maximum(np.where(np.isnan(volatility), median, volatility), least)
    return weights
