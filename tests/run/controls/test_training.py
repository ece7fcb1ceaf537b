"""Controls that train pass on a right pipeline, and fail on one that leaks or cannot learn."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable

import numpy as np
import pytest
import torch

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import RunError
from lstm_bench.data.arrays import Floats32
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.dataset.planted import oracle_feature, with_planted
from lstm_bench.model.trainer import train_pack
from lstm_bench.run.controls.training import ShortTraining, oracle_control, permuted_control
from lstm_bench.run.preparation import Prepared, prepare

Configure = Callable[..., RunConfig]
NONE = "lstm_bench.compat=none"


def training(config: RunConfig, prepared: Prepared | None = None, epochs: int = 2) -> ShortTraining:
    resolved = config.resolved()
    prepared = prepared or prepare(resolved, Provider(resolved.qlib_init.provider_uri))
    return ShortTraining(resolved, prepared, torch.device("cpu"), epochs, lambda _: None)


def planted(short: ShortTraining, feature: Floats32) -> tuple[SampleSet, SampleSet, SampleSet]:
    prepared = short.prepared
    train, valid, test = (
        with_planted(one, feature) for one in (prepared.train, prepared.valid, prepared.test)
    )
    return train, valid, test


def test_permuted_labels_teach_nothing(configure: Configure) -> None:
    control = permuted_control(training(configure(NONE)), [3, 4, 5, 6])
    assert control.passed, control.found
    assert control.title == "Permuted labels, 4 seeds"
    low, mean, high = (control.figures[name] for name in ("low", "IC", "high"))
    assert low is not None
    assert mean is not None
    assert high is not None
    assert low < 0 < high
    assert low < mean < high


def test_too_few_days_of_test_judge_nothing(configure: Configure) -> None:
    class Short(ShortTraining):
        def daily_ic(self, *arguments: object) -> np.ndarray:
            return np.random.default_rng(int(str(arguments[-1]))).normal(0.0, 0.1, 40)

    plain = training(configure(NONE))
    short = Short(plain.config, plain.prepared, plain.device, plain.epochs, plain.stage)
    control = permuted_control(short, [3, 4, 5])
    assert not control.passed
    assert control.found.endswith("no interval: it needs 3 seeds and 60 days of test")


def test_a_pipeline_that_knows_the_label_fails_with_permuted_labels(configure: Configure) -> None:
    class Leaking(ShortTraining):
        def daily_ic(self, *arguments: object) -> np.ndarray:
            return np.random.default_rng(int(str(arguments[-1]))).normal(0.2, 0.1, 200)

    plain = training(configure(NONE))
    leaking = Leaking(plain.config, plain.prepared, plain.device, plain.epochs, plain.stage)
    control = permuted_control(leaking, [3, 4, 5])
    assert not control.passed
    assert control.found.startswith("IC +0.2")


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
def test_an_oracle_is_found(configure: Configure, features: str) -> None:
    overrides = ["task.model.kwargs.lr=0.01", "task.model.kwargs.n_epochs=4", NONE]
    control = oracle_control(training(configure(*overrides, features=features), epochs=4), 0)
    assert control.passed, control.found
    assert control.figures["feature"] == pytest.approx(0.5, abs=0.06)


def test_a_model_that_cannot_learn_fails_with_an_oracle(configure: Configure) -> None:
    control = oracle_control(training(configure("task.model.kwargs.lr=1e-9", NONE), epochs=1), 0)
    assert not control.passed, control.found


def test_epochs_are_limited_by_both(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watched(*arguments: object, **keywords: object) -> object:
        asked.append(keywords["n_epochs"])
        return train_pack(*arguments, **keywords)  # type: ignore[arg-type]

    # the package's function run hides the room of that name from a dotted text
    monkeypatch.setattr(importlib.import_module(ShortTraining.__module__), "train_pack", watched)
    prepared = training(configure(NONE)).prepared
    for epochs in (1, 9):
        short = training(configure(NONE), prepared, epochs)
        short.daily_ic(prepared.train, prepared.valid, prepared.test, 0)
    assert asked == [1, 2]  # the configuration has two


def test_a_diverged_training_is_an_error(configure: Configure) -> None:
    short = training(configure(NONE))
    feature = np.full_like(oracle_feature(short.prepared.dataset, 0.5), np.nan)
    train, valid, test = planted(short, feature)
    with pytest.raises(RunError, match="seed 7: training diverged"):
        short.daily_ic(train, valid, test, 7)


def test_windows_with_another_feature_are_trained(configure: Configure) -> None:
    short = training(configure(NONE), epochs=1)
    feature = oracle_feature(short.prepared.dataset, 0.5)
    train, valid, test = planted(short, feature)
    ic = short.daily_ic(train, valid, test, 0)
    assert len(ic) == len(np.unique(short.prepared.test.days))
    again = dataclasses.replace(short).daily_ic(train, valid, test, 0)
    np.testing.assert_array_equal(ic, again)
