"""LightGBM gets the windows, the labels and Qlib's hyperparameters, and is deterministic."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from lstm_bench.core.errors import ConfigError
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.baselines import gradient_boosting
from lstm_bench.model.baselines.flat import flat_windows
from lstm_bench.model.baselines.gradient_boosting import fit_trees, is_installed, tree_settings

MakeSamples = Callable[..., SampleSet]

needs_lightgbm = pytest.mark.skipif(not is_installed(), reason="the extra baselines is not installed")


def segments(make_samples: MakeSamples) -> tuple[SampleSet, SampleSet]:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(6000, 3, 4))
    labels = np.sign(windows[:, 0, 1]) * windows[:, 2, 3] + rng.normal(size=6000)
    labels[::11] = np.nan
    return make_samples(windows[:4500], labels[:4500]), make_samples(windows[4500:], labels[4500:], "valid")


SMALL = {**tree_settings("Alpha158"), "lambda_l1": 0.0, "lambda_l2": 1.0, "num_boost_round": 60}


def test_the_hyperparameters_are_qlibs() -> None:
    assert tree_settings("Alpha158")["learning_rate"] == 0.2
    assert tree_settings("Alpha360")["learning_rate"] == 0.0421
    shared = {"colsample_bytree": 0.8879, "subsample": 0.8789, "lambda_l1": 205.6999, "lambda_l2": 580.9768,
              "max_depth": 8, "num_leaves": 210, "num_boost_round": 1000, "early_stopping_rounds": 50}  # fmt: skip
    for features in ("Alpha158", "Alpha360"):
        assert shared.items() <= tree_settings(features).items()


@needs_lightgbm
def test_it_is_what_the_package_gives_on_the_labelled_rows(make_samples: MakeSamples) -> None:
    lightgbm = importlib.import_module("lightgbm")
    train, valid = segments(make_samples)
    weights = np.random.default_rng(1).uniform(0.5, 1.5, len(train))
    rounds: list[int] = []
    found = fit_trees(train, valid, 3, SMALL, weights, rounds.append)
    rows, labels, relative = {}, {}, {}
    for samples, weight in ((train, weights), (valid, None)):
        known = np.flatnonzero(~np.isnan(samples.labels))
        rows[samples.segment] = flat_windows(samples, known)
        labels[samples.segment] = samples.labels[known]
        relative[samples.segment] = None if weight is None else weight[known]
    plain = lightgbm.train(
        {"objective": "regression", "learning_rate": 0.2, "feature_fraction": 0.8879, "bagging_fraction": 0.8789,
         "lambda_l1": 0.0, "lambda_l2": 1.0, "max_depth": 8, "num_leaves": 210, "seed": 3, "num_threads": 1,
         "deterministic": True, "force_col_wise": True, "verbosity": -1},
        sets := lightgbm.Dataset(rows["train"], labels["train"], weight=relative["train"]),
        60,
        valid_sets=[lightgbm.Dataset(rows["valid"], labels["valid"], reference=sets)],
        callbacks=[lightgbm.early_stopping(50, verbose=False)],
    )  # fmt: skip
    scores = found.scores(valid)
    assert rounds == list(range(1, len(rounds) + 1))
    assert 1 <= found.rounds <= len(rounds)
    assert np.corrcoef(scores[~np.isnan(valid.labels)], labels["valid"])[0, 1] > 0.2
    assert found.parameters > found.rounds
    if plain is not None:
        np.testing.assert_allclose(
            scores, plain.predict(flat_windows(valid, np.arange(len(valid)))), rtol=1e-6
        )


@needs_lightgbm
def test_the_seed_decides_and_the_threads_do_not(make_samples: MakeSamples) -> None:
    train, valid = segments(make_samples)

    def scores(seed: int) -> Any:
        return fit_trees(train, valid, seed, SMALL).scores(valid)

    alone = scores(1)
    assert (alone != scores(2)).any()
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        np.testing.assert_array_equal(alone, scores(1))
    finally:
        torch.set_num_threads(before)


def test_without_the_package_the_extra_is_named(
    make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradient_boosting, "is_installed", lambda: False)
    with pytest.raises(ConfigError, match=r"pip install 'lstm-bench\[baselines\]'"):
        fit_trees(*segments(make_samples), 0, SMALL)
