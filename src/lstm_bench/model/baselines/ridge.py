"""Ridge regression of the label on the flattened window, in closed form.

The fit minimises ``mean(w * (y - a - x·b)²) + penalty * scale * |b|²`` over the labelled samples of train, with weights
``w`` of mean 1 and ``scale`` the mean variance of the columns, so that a penalty means the same for every feature set
[1]_. The eigenvectors of the covariance give the solution of every penalty at once; the one with the best score on
valid is kept.

.. [1] Hoerl, Kennard (1970), Ridge Regression: Biased Estimation for Nonorthogonal Problems.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Floats, Floats32, Ints
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.baselines.flat import flat_parts, labelled, width

__all__ = ["PENALTIES", "Ridge", "fit_ridge"]

PENALTIES = tuple(10.0 ** (exponent / 2) for exponent in range(8, -9, -1))
"""Penalties to choose from, 1e4 to 1e-4 in half decades, in units of the mean variance of a column."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted ridge regression.

    Attributes
    ----------
    center : ``[D]``, mean of each column over the training samples; it takes the place of a missing value
    coefficients : ``[D]``
    intercept : score of a window at the center
    penalty : the chosen one
    valid_score : of the chosen one, greater is better
    """

    center: Floats
    coefficients: Floats
    intercept: float
    penalty: float
    valid_score: float

    @property
    def parameters(self) -> int:
        """Number of fitted parameters."""
        return len(self.coefficients) + 1

    def scores(self, samples: SampleSet) -> Floats32:
        """Score every sample: ``[S]``, in the samples' order."""
        found = _scores(samples, self.center, self.coefficients[:, None], self.intercept)
        return np.ascontiguousarray(found[:, 0])


def fit_ridge(
    train: SampleSet,
    valid: SampleSet,
    criterion: Callable[[Floats32], float],
    weights: Floats | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> Ridge:
    """Fit a ridge regression on train, and choose its penalty on valid.

    Windows are read in parts, and moments are added up in float64. Raises DataError if fewer than two training
    samples have a label, or the columns are constant.

    Parameters
    ----------
    train, valid : learn samples; those of train without a label are left out
    criterion : maps scores ``[S]`` of valid to a figure, greater is better
    weights : ``[S]``, of the training samples; None for ones
    penalties : positive; of equally good ones, the first is taken
    """
    positions = labelled(train)
    if len(positions) < 2:
        raise DataError(
            f"label: got {counted(len(positions), 'sample')} of train with one, expected two or more for ridge"
        )
    labels = train.labels[positions].astype(np.float64)
    relative = np.ones(len(positions)) if weights is None else weights[positions].astype(np.float64)
    relative = relative / relative.sum()
    center = _means(train, positions, relative)
    intercept = float(relative @ labels)
    covariance, joint = _moments(train, positions, relative, center, labels - intercept)
    scale = float(np.trace(covariance)) / len(covariance)
    if not scale > 0:
        raise DataError("features: all columns of the windows are constant on train; ridge cannot learn")
    values, vectors = linalg.eigh(covariance, overwrite_a=True, check_finite=False)
    projected = vectors.T @ joint
    shrunk = projected[:, None] / (np.maximum(values, 0.0)[:, None] + scale * np.asarray(penalties))
    coefficients = vectors @ shrunk
    panel = _scores(valid, center, coefficients, intercept)
    reached = [criterion(np.ascontiguousarray(column)) for column in panel.T]
    best = int(np.argmax(np.nan_to_num(reached, nan=-np.inf)))
    return Ridge(center, coefficients[:, best].copy(), intercept, float(penalties[best]), reached[best])


def _means(samples: SampleSet, positions: Ints, relative: Floats) -> Floats:
    """Return the mean ``[D]`` of each column's finite values; 0 for a column without any."""
    total, known = np.zeros(width(samples)), np.zeros(width(samples))
    for part, windows in flat_parts(samples, positions):
        finite = np.isfinite(windows)
        total += relative[part] @ np.where(finite, windows, 0.0).astype(np.float64)
        known += relative[part] @ finite.astype(np.float64)
    means: Floats = total / np.where(known > 0, known, 1.0)
    return means


def _centered(windows: Floats32, center: Floats) -> Floats:
    """Return windows less the center, 0 for a missing value."""
    centered = windows.astype(np.float64)
    centered -= center
    centered[~np.isfinite(centered)] = 0.0
    return centered


def _moments(
    samples: SampleSet, positions: Ints, relative: Floats, center: Floats, labels: Floats
) -> tuple[Floats, Floats]:
    """Return the covariance of the columns ``[D, D]``, and theirs with the centered labels ``[D]``."""
    D = width(samples)
    covariance, joint = np.zeros((D, D)), np.zeros(D)
    for part, windows in flat_parts(samples, positions):
        centered = _centered(windows, center)
        joint += centered.T @ (relative[part] * labels[part])
        centered *= np.sqrt(relative[part])[:, None]
        covariance += centered.T @ centered
    return covariance, joint


def _scores(samples: SampleSet, center: Floats, coefficients: Floats, intercept: float) -> Floats32:
    """Score every sample with G sets of coefficients ``[D, G]``: ``[S, G]``."""
    scores = np.empty((len(samples), coefficients.shape[1]), dtype=np.float32)
    for part, windows in flat_parts(samples, np.arange(len(samples))):
        scores[part] = _centered(windows, center) @ coefficients + intercept
    return scores
