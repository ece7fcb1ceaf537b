"""LightGBM on the flattened window, with the hyperparameters of Qlib's benchmark.

Qlib's ``examples/benchmarks/LightGBM`` has them for Alpha158 and Alpha360 [1]_. There a sample's features are those of
its own day; here they are those of all days of the window that the LSTM sees.

.. [1] Ke et al. (2017), LightGBM: A Highly Efficient Gradient Boosting Decision Tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lstm_bench.core.errors import ConfigError
from lstm_bench.data.arrays import Floats, Floats32
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.baselines.flat import flat_parts, flat_windows, labelled

if TYPE_CHECKING:
    import lightgbm

__all__ = ["MISSING", "BoostedTrees", "fit_trees", "is_installed", "tree_settings"]

MISSING = "lightgbm is not installed; pip install 'lstm-bench[baselines]'"

_LEARNING_RATES = {"Alpha360": 0.0421}
_LEARNING_RATE = 0.2
"""Of Qlib's Alpha158, and of any other feature set."""


def is_installed() -> bool:
    """Tell whether the package lightgbm is installed."""
    return find_spec("lightgbm") is not None


def tree_settings(feature_set: str) -> dict[str, Any]:
    """Return everything but the seed that determines the trees, as plain JSON data.

    The number of threads is not part of it: histograms by column are added up in the same order by any number.
    """
    return {
        "objective": "mse",
        "learning_rate": _LEARNING_RATES.get(feature_set, _LEARNING_RATE),
        "colsample_bytree": 0.8879,
        "subsample": 0.8789,
        "lambda_l1": 205.6999,
        "lambda_l2": 580.9768,
        "max_depth": 8,
        "num_leaves": 210,
        "num_boost_round": 1000,
        "early_stopping_rounds": 50,
        "deterministic": True,
        "force_col_wise": True,
    }


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Trees up to the round with the least squared error on valid.

    Attributes
    ----------
    rounds : number of trees
    parameters : number of their leaves
    """

    booster: lightgbm.Booster
    rounds: int
    parameters: int

    def scores(self, samples: SampleSet) -> Floats32:
        """Score every sample: ``[S]``, in the samples' order."""
        scores = np.empty(len(samples), dtype=np.float32)
        for part, windows in flat_parts(samples, np.arange(len(samples))):
            scores[part] = self.booster.predict(windows, num_iteration=self.rounds)
        return scores


def fit_trees(
    train: SampleSet,
    valid: SampleSet,
    seed: int,
    settings: Mapping[str, Any],
    weights: Floats | None = None,
    on_round: Callable[[int], None] | None = None,
) -> BoostedTrees:
    """Boost trees on train until the squared error on valid has stopped falling.

    Samples without a label are left out. The flattened windows of a segment are in memory until LightGBM has put them
    into bins of one byte. Raises ConfigError if lightgbm is not installed.

    Parameters
    ----------
    seed : of the columns that each tree may use
    settings : from :func:`tree_settings`
    weights : ``[S]``, of the training samples; None for ones
    on_round : called after each round with the number of rounds so far
    """
    if not is_installed():
        raise ConfigError(f"lightgbm: {MISSING}")
    import lightgbm

    parameters = {key: value for key, value in settings.items() if key not in _OF_TRAINING}
    parameters |= {"seed": seed, "num_threads": torch.get_num_threads(), "verbosity": -1}
    binned = _binned(train, weights, parameters, None)
    judged = _binned(valid, None, parameters, binned)
    callbacks: list[Callable[..., Any]] = [
        lightgbm.early_stopping(settings["early_stopping_rounds"], verbose=False)
    ]
    if on_round is not None:
        callbacks.append(lambda state: on_round(state.iteration + 1))
    booster = lightgbm.train(
        parameters, binned, settings["num_boost_round"], valid_sets=[judged], callbacks=callbacks
    )
    rounds = booster.best_iteration or booster.current_iteration()
    trees = booster.dump_model(num_iteration=rounds)["tree_info"]
    return BoostedTrees(booster, rounds, sum(tree["num_leaves"] for tree in trees))


_OF_TRAINING = ("num_boost_round", "early_stopping_rounds")


def _binned(
    samples: SampleSet,
    weights: Floats | None,
    parameters: Mapping[str, Any],
    reference: lightgbm.Dataset | None,
) -> lightgbm.Dataset:
    """Put the flattened windows of the labelled samples into bins, those of ``reference`` if it is given."""
    import lightgbm

    positions = labelled(samples)
    dataset = lightgbm.Dataset(
        flat_windows(samples, positions),
        label=samples.labels[positions],
        weight=None if weights is None else weights[positions],
        reference=reference,
        params=dict(parameters),
    )
    return dataset.construct()  # which frees the windows
