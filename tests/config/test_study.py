from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.study import StudyConfig, load_study, parse_study
from lstm_bench.core.errors import ConfigError

SPACE: dict[str, Any] = {
    "hidden_size": {"choices": [32, 64]},
    "num_layers": {"int": [1, 3]},
    "dropout": {"float": [0.0, 0.5], "when": {"num_layers": [2, 3]}},
    "lr": {"float": [1e-4, 1e-2], "log": True},
}


def study(**content: Any) -> StudyConfig:
    return parse_study({"name": "s", "base": "w.yaml", "space": SPACE, **content})


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "base: w.yaml\nseeds: 0-2\ntrial_timeout: 90\ntimeout: 2h\n"
        "set: {qlib_init.region: us, data_handler_config.start_time: 2012-01-01}\n"
        "fixed: {task.model.kwargs.early_stop: 5}\n"
        "space:\n  task.model.kwargs.lr: {float: [1e-4, 1e-2], log: true}\n"
        "  task.model.kwargs.metric: {choices: [loss, ic]}\n"
    )
    config = load_study(path)
    assert (config.name, config.seeds, config.trial_timeout, config.timeout) == (
        "mine",
        (0, 1, 2),
        "90",
        "2h",
    )
    assert config.set == {"qlib_init.region": "us", "data_handler_config.start_time": "2012-01-01"}
    assert (list(config.space), config.fixed) == (["lr", "task.model.kwargs.metric"], {"early_stop": 5})


def test_defaults_are_three_seeds_apart_from_a_benchmarks() -> None:
    config = study()
    assert (config.seeds, config.sampler.name, config.pruner.name) == ((1000, 1001, 1002), "tpe", "median")
    assert (config.trials, config.max_epochs, config.max_retries) == (100, 200, 2)


@pytest.mark.parametrize("name", ["alpha158", "alpha360", "demo"])
def test_json_says_the_same(name: str) -> None:
    config = load_study(Path(__file__).parents[2] / "studies" / f"{name}.yaml")
    content = json.loads(json.dumps(config.model_dump(mode="json", by_alias=True)))
    assert parse_study(content) == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"space": {}}, "space: "),
        ({"name": "../x"}, "name: got '../x'; expected letters, digits and . _ - only"),
        ({"bse": "x"}, "unknown key 'bse'; did you mean 'base'"),
        ({"features": "alpha159"}, "features: got 'alpha159', expected 'alpha158', 'alpha360' or null"),
        ({"seeds": "3-1"}, "seeds: got '3-1'; the range 3-1 ends before it begins"),
        ({"timeout": "soon"}, "timeout: got 'soon'"),
        ({"trials": 0}, "trials: got 0"),
        ({"sampler": {"name": "bayes"}}, "sampler.name: got 'bayes', expected 'tpe', 'gp'"),
        ({"set": {"a.b": {1, 2}}}, "expected plain data"),
        ({"set": {"task.model.kwargs.n_epochs": 3}},
         "set.task.model.kwargs.n_epochs: cannot be set here: use max_epochs"),
        ({"space": {"lstm_bench.training.loss": {"choices": ["mse", "ic"]}}},
         "space.lstm_bench.training.loss: cannot be set here: validation losses of different kinds"),
        ({"space": {"lstm_bench.horizon": {"int": [1, 5]}}}, "space.lstm_bench.horizon: .* different labels"),
        ({"space": {"task.dataset.kwargs.handler.kwargs.end_time": {"choices": ["2015-12-31"]}}}, "removes days"),
        ({"space": {"lstm_bench.label": {"choices": ["A", "B"]}}}, "space.lstm_bench.label: .* different labels"),
        ({"space": {"lstm_bench.embargo": {"int": [0, 5]}}}, "space.lstm_bench.embargo: .* excludes days of valid"),
        ({"space": {"lstm_bench.features": {"choices": ["a.yaml"]}}}, "bring its own label"),
        ({"space": {"task.dataset.kwargs.handler.kwargs.data_loader.kwargs.config.label": {"choices": ["a"]}}},
         "different labels"),
        ({"fixed": {"lstm_bench.label": "A"}}, "fixed.lstm_bench.label: cannot be set here: .*; use set"),
        ({"fixed": {"lstm_bench.features": "a.yaml"}}, "; use set"),
        ({"fixed": {"seed": 3}}, "fixed.seed: cannot be set here: use seeds"),
        ({"fixed": {"lr": 0.1}}, "both space and fixed have lr"),
        ({"fixed": {"task.model.kwargs": {}}}, "use max_epochs"),
        ({"space": {"lr": SPACE["lr"], "task.model.kwargs.lr": SPACE["lr"]}}, "a short name and its dotted key"),
        ({"space": {"task.model.kwargs.n_epochs": {"int": [1, 2]}}}, "use max_epochs"),
        ({"space": {"qlib_init.region": {"choices": ["us"]}}}, "space.qlib_init.region: cannot be set here"),
        ({"space": {"task.record.2.kwargs.config.strategy.kwargs.topk": {"int": [1, 2]}}}, "by their validation loss"),
        ({"space": {"task.dataset.kwargs.segments.valid.0": {"choices": ["2015-01-01"]}}}, "different days"),
        ({"space": {"seed": {"int": [0, 3]}}}, "selects for luck"),
        ({"space": {"lr": {"float": [2, 1]}}}, r"space.lr.float: got \[2.0, 1.0\]"),
        ({"space": {**SPACE, "dropout": {"float": [0, 0.5], "when": {"layers": [2]}}}},
         "space.dropout.when: got 'layers'; did you mean 'num_layers'"),
        ({"space": {**SPACE, "dropout": {"float": [0, 0.5], "when": {"num_layers": [2, 4]}}}},
         r"space.dropout.when.num_layers: got 4, which is not a value of num_layers: 1 \.\. 3"),
        ({"space": {"lr": {"int": [1, 2], "when": {"dropout": 1}}, "dropout": {"int": [1, 2], "when": {"lr": 1}}}},
         "depend on each other: lr, dropout"),
        ({"enqueue": [{"layers": 3}]}, "enqueue.0.layers: no parameter of the space; did you mean 'num_layers'"),
        ({"enqueue": [{"lr": 0.1}]}, r"enqueue.0.lr: got 0.1, expected one of 0.0001 .. 0.01 \(log\)"),
        ({"enqueue": [{"num_layers": 1, "dropout": 0.1}]}, "only if num_layers is one of 2, 3"),
        ({"enqueue": [{"dropout": 0.1}]}, "only if num_layers is one of 2, 3"),
        ({"sampler": {"name": "grid"}}, "infinite over dropout, lr; give a step or choices"),
        ({"sampler": {"name": "cmaes"}, "space": {"lr": SPACE["lr"]}}, "the space has lr"),
        ({"pruner": {"name": "wilcoxon"}}, "over 3 seeds gives no less than 0.125.* take 4 seeds or more"),
        ({"pruner": {"name": "none", "patience": 3}}, "patience: it delays another pruner"),
        ({"pruner": {"name": "hyperband", "min_epochs": 5}, "max_epochs": 4}, "min_epochs: got 5, of 4 max_epochs"),
        ({"pruner": {"percentile": 101}}, "percentile: got 101"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(**content)


def test_a_grid_may_go_through_seeds() -> None:
    config = study(space={"seed": {"int": [0, 19]}}, sampler={"name": "grid"})
    assert config.space["seed"].n_values == 20


def test_wilcoxon_takes_enough_seeds_or_a_greater_threshold() -> None:
    assert study(pruner={"name": "wilcoxon"}, seeds=4).pruner.name == "wilcoxon"
    assert study(pruner={"name": "wilcoxon", "p_threshold": 0.13}).pruner.p_threshold == 0.13
    with pytest.raises(ConfigError, match="over 1 seed gives"):
        study(space={"seed": {"int": [0, 19]}}, sampler={"name": "grid"}, pruner={"name": "wilcoxon"})


def test_what_is_perhaps_not_meant_is_noted() -> None:
    assert study().notes() == ()
    assert study(sampler={"name": "gp"}).notes() == (
        "sampler gp draws dropout at random: it knows no conditions",
    )
    (note,) = study(sampler={"name": "cmaes"}).notes()
    assert note.startswith("sampler cmaes draws hidden_size, dropout at random")
    (note,) = study(max_epochs=3).notes()
    assert note == "pruner.warmup_epochs is 3, of 3 max_epochs: no trial is pruned"
    assert study(max_epochs=3, pruner={"name": "halving"}).notes() == ()
