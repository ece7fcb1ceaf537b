from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.folders import set_bar, shortened

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import load_study, parse_study
from lstm_bench.core.errors import ConfigError, DataError, InputError
from lstm_bench.data import fingerprint
from lstm_bench.data.synthetic import synthesize
from lstm_bench.record.identity import run_id
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.difference import differences
from lstm_bench.tune.repository.store import Store

CONFIGS = ready_folder("configs")
STUDIES = ready_folder("studies")
SPACE: dict[str, Any] = {
    "num_layers": {"int": [1, 3]},
    "dropout": {"float": [0.1, 0.5], "step": 0.1, "when": {"num_layers": [2, 3]}},
    "lr": {"float": [1e-4, 1e-2], "log": True},
}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "cache_path", lambda: folder / "fingerprints.json")
        yield


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=12, days=320, seed=0)
    return out


def define(market: Path, base: str = "lstm_alpha158.yaml", overrides: Any = (), **content: Any) -> Definition:
    config = parse_study({"name": "s", "base": base, "space": SPACE, **content})
    return Definition.of(config, CONFIGS, overrides, provider_uri=str(market))


@pytest.mark.parametrize("name", ["alpha158", "alpha360"])
def test_a_ready_studys_first_trial_is_qlibs_configuration(name: str, market: Path) -> None:
    definition = Definition.of(load_study(STUDIES / f"{name}.yaml"), STUDIES, provider_uri=str(market))
    params, moved = definition.defaults()
    assert not moved
    assert set(params) == set(definition.config.space)
    assert definition.run_config(params).identity() == definition.workflow.identity()
    assert definition.features == name.capitalize()
    assert definition.workflow.lstm_bench.compat == "none"
    kwargs = definition.workflow.task.model.kwargs
    assert (kwargs.hidden_size, kwargs.num_layers, kwargs.lr, kwargs.n_epochs) == (64, 2, 1e-3, 200)


def test_the_demonstrations_first_trial_is_moved_into_its_space(market: Path) -> None:
    definition = Definition.of(load_study(STUDIES / "demo.yaml"), STUDIES, provider_uri=str(market))
    params, moved = definition.defaults()
    assert moved == {"hidden_size": 64, "step_len": 20}
    assert params == {"hidden_size": 32, "num_layers": 2, "dropout": 0.0, "lr": 1e-3, "step_len": 10}


def test_a_default_outside_the_space_moves_to_its_nearest_point(market: Path) -> None:
    params, moved = define(market).defaults()
    assert (params, moved) == ({"num_layers": 2, "dropout": 0.1, "lr": 1e-3}, {"dropout": 0.0})
    space = {**SPACE, "num_layers": {"choices": [1, 3]}, "lr": {"float": [1e-5, 1e-4]}}
    params, moved = define(
        market, space=space | {"dropout": {**SPACE["dropout"], "when": {"num_layers": 3}}}
    ).defaults()
    assert (params, moved) == ({"num_layers": 1, "lr": 1e-4}, {"num_layers": 2, "lr": 1e-3})


def test_a_default_that_nothing_says_is_none(market: Path) -> None:
    space = {"lstm_bench.training.clip_grad_norm": {"float": [1.0, 5.0]}}
    assert define(market, space=space).defaults() == (
        {"lstm_bench.training.clip_grad_norm": 1.0}, {"lstm_bench.training.clip_grad_norm": None}
    )  # fmt: skip


def test_the_workflow_has_what_the_study_says(market: Path) -> None:
    definition = define(
        market, overrides=["task.model.kwargs.early_stop=4"], max_epochs=7, set={"market": "all"},
        fixed={"weight_decay": 1e-4,
               "task.dataset.kwargs.handler.kwargs.infer_processors.1.kwargs.clip_outlier": False},
    )  # fmt: skip
    workflow = definition.workflow
    handler = workflow.task.dataset.kwargs.handler
    assert handler.kwargs.instruments == "all"
    assert handler.infer_processors[1].kwargs.model_dump()["clip_outlier"] is False
    assert (workflow.task.model.kwargs.n_epochs, workflow.task.model.kwargs.early_stop) == (7, 4)
    assert workflow.lstm_bench.training.weight_decay == 1e-4
    assert workflow.qlib_init.provider_uri == str(market)


def test_a_market_that_the_data_lacks_is_refused(market: Path) -> None:
    with pytest.raises(DataError, match="no market 'csi500'; did you mean 'csi300'"):
        define(market, set={"market": "csi500"})


def test_the_data_is_found_from_other_folders(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.parent)
    assert define(Path(market.name)).workflow.qlib_init.provider_uri == str(market)


def test_parameters_go_over_the_workflow(market: Path) -> None:
    definition = define(market)
    config = definition.run_config({"num_layers": 3, "dropout": 0.1 + 0.2, "lr": 2e-3})
    kwargs = config.task.model.kwargs
    assert (kwargs.num_layers, kwargs.dropout, kwargs.lr, kwargs.hidden_size) == (3, 0.3, 2e-3, 64)
    assert definition.run_config({"num_layers": 1}).task.model.kwargs.dropout == 0.0
    assert config.seed == definition.workflow.seed
    assert definition.workflow.task.model.kwargs.num_layers == 2


def test_the_seed_of_a_grid_is_the_trials(market: Path) -> None:
    definition = define(market, space={"seed": {"int": [3, 5]}}, sampler={"name": "grid"})
    assert definition.run_config({"seed": 4}).seed == 4
    assert definition.seeds({"seed": 4}) == (4,)
    assert define(market).seeds({"lr": 1e-3}) == (1000, 1001, 1002)


def test_a_whole_row_is_the_same_run_however_it_is_said(market: Path) -> None:
    space = {"step_len": {"choices": [30, 60]}}
    definition = define(market, "lstm_alpha360.yaml", space=space)
    ids = {step: run_id(definition.run_config({"step_len": step}), "data") for step in (30, 60)}
    assert ids[60] == run_id(definition.workflow, "data") != ids[30]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lrr": 1}, "parameter lrr: the space has none; did you mean 'lr'"),
        ({"lr": -1.0}, r"parameter lr: task\.model\.kwargs\.lr: got -1\.0, expected a number greater than 0"),
        ({"lr": 1e-3, "num_layers": "x"}, "parameter num_layers: "),
    ],
)
def test_a_parameter_that_cannot_be_is_named(params: dict[str, Any], message: str, market: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        define(market).run_config(params)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"base": "none.yaml"}, r"base: study 's' names 'none\.yaml'; there is no file .*/configs/none\.yaml"),
        ({"features": "alpha360"}, r"features: got 'alpha360', but those of lstm_alpha158\.yaml are Alpha158"),
        ({"space": {"task.model.kwargs.layers": {"int": [1, 2]}}}, "parameter task.model.kwargs.layers: .*unknown key"),
        ({"space": {"task.modle.kwargs.lr": {"int": [1, 2]}}}, "no 'modle' there; did you mean 'model'"),
        ({"space": {"task.model.kwargs.lr.x": {"int": [1, 2]}}}, "'x' lies below a plain value"),
        ({"space": {"lr.x": {"int": [1, 2]}}}, "a workflow file has no 'lr' there"),
        ({"space": {"hiden_size": {"int": [1, 2]}}},
         "parameter hiden_size: unknown key 'hiden_size'; did you mean 'hidden_size'"),
        ({"fixed": {"weight_deca": 1}}, "fixed weight_deca: unknown key 'weight_deca'; did you mean 'weight_decay'"),
        ({"space": {"dropout": {"float": [0.0, 1.0]}}}, "parameter dropout: .*dropout: got 1.0, .* less than 1"),
        ({"space": {"task.model.kwargs.metric": {"choices": ["loss", "mse"]}}}, "metric: got 'mse'"),
        ({"space": {"task.dataset.kwargs.handler.kwargs.infer_processors.2.kwargs.fields_group":
          {"choices": ["feature", "label"]}}}, "it changes Fillna, which acts on labels"),
        ({"fixed": {"hidden_size": 0}}, "fixed hidden_size: .*got 0"),
        ({"fixed": {"task.dataset.kwargs.handler.kwargs.infer_processors.9": 1}}, "'9' is no position in a list of 3"),
        ({"set": {"task.model.kwargs.hiden": 1}}, "unknown key 'hiden'"),
        (
            {"space": {"task.model.kwargs.xyz": {"int": [1, 2]}}},
            "parameter task.model.kwargs.xyz: unknown key 'xyz'; choices: .*hidden_size",
        ),
        ({"space": {"lr": {"float": [1e-4, 1.0], "step": 1e-4}, "batch_size": {"int": [1, 1000]}},
          "sampler": {"name": "grid"}}, "the grid has 10,000,000 points, expected at most 100,000"),
    ],
)  # fmt: skip
def test_a_study_that_does_not_fit_is_refused(content: dict[str, Any], message: str, market: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        define(market, **content)


def test_a_study_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="provider_uri"):
        define(tmp_path / "none")


@pytest.fixture(scope="module")
def definition(market: Path) -> Definition:
    return define(market)


@given(
    lr=st.tuples(st.floats(1e-6, 1e-3), st.floats(1e-3, 1.0)),
    sizes=st.lists(st.integers(1, 512), min_size=1, unique=True),
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=1, unique=True), trials=st.integers(1, 1000),
)  # fmt: skip
def test_json_says_the_same(
    lr: tuple[float, float], sizes: list[int], seeds: list[int], trials: int, definition: Definition
) -> None:
    space = {**SPACE, "lr": {"float": lr, "log": True}, "hidden_size": {"choices": sizes}}
    config = parse_study({"name": "s", "base": "b", "space": space, "seeds": seeds, "trials": trials})
    given_ = Definition(config, definition.workflow, "data")
    again = Definition.from_json(json.loads(json.dumps(given_.to_json())))
    assert again == given_
    assert differences(again, given_) == []
    assert again.to_json() == given_.to_json()


def test_json_needs_no_file(market: Path) -> None:
    definition = define(market, base="demo.yaml", set={"data_handler_config.start_time": "2012-01-01"})
    assert Definition.from_json(json.loads(json.dumps(definition.to_json()))) == definition
    with pytest.raises(ConfigError, match=r"definition\.workflow: missing"):
        Definition.from_json({"config": {}, "data_fingerprint": ""})


def test_a_budget_is_no_difference(market: Path) -> None:
    definition = define(market)
    more = definition.with_budget({"trials": 7, "max_epochs": 9, "timeout": "2h"})
    assert (more.config.trials, more.config.timeout) == (7, "2h")
    assert more.workflow.task.model.kwargs.n_epochs == 9
    assert differences(definition, more) == []
    assert definition.with_budget({}) is definition
    with pytest.raises(ConfigError, match="budget: got 'trails'; did you mean 'trials'"):
        definition.with_budget({"trails": 7})
    with pytest.raises(ConfigError, match="trials: got 0"):
        definition.with_budget({"trials": 0})


def test_training_options_can_be_searched(market: Path) -> None:
    space = {
        "schedule": {"choices": ["constant", "cosine", "step", "plateau", "one_cycle"]},
        "warmup_epochs": {"int": [0, 3]},
        "lr_min_factor": {"float": [0.0, 0.1], "when": {"schedule": ["cosine", "plateau"]}},
        "lr_step_epochs": {"int": [5, 20], "when": {"schedule": "step"}},
        "lr_decay": {"float": [0.1, 0.9], "when": {"schedule": ["step", "plateau"]}},
        "lr_patience": {"int": [1, 5], "when": {"schedule": "plateau"}},
        "reweight": {"choices": ["uniform", "exponential", "volatility"]},
        "reweight_half_life": {"float": [20.0, 500.0], "log": True, "when": {"reweight": "exponential"}},
        "reweight_window": {"choices": [10, 20, 60], "when": {"reweight": "volatility"}},
    }
    definition = define(market, space=space, fixed={"lstm_bench.training.loss": "huber"})
    assert definition.defaults() == ({"schedule": "constant", "warmup_epochs": 0, "reweight": "uniform"}, {})
    params: dict[str, Any] = {
        "schedule": "plateau",
        "lr_patience": 3,
        "reweight": "volatility",
        "reweight_window": 60,
    }
    training = definition.run_config(params).lstm_bench.training
    assert (training.loss, training.schedule, training.lr_patience) == ("huber", "plateau", 3)
    assert (training.reweight, training.reweight_window) == ("volatility", 60)
    with pytest.raises(ConfigError, match=r"parameter warmup_epochs: .*got 9, expected fewer than"):
        define(market, space={"warmup_epochs": {"int": [0, 9]}}, max_epochs=9)


def test_a_schedule_that_spans_all_epochs_is_not_stretched(market: Path) -> None:
    for own in ({"space": {"schedule": {"choices": ["constant", "cosine"]}}},
                {"fixed": {"schedule": "one_cycle"}}):  # fmt: skip
        definition = define(market, **own)
        assert definition.with_budget({"trials": 7}).config.trials == 7
        with pytest.raises(
            ConfigError, match=r"budget\.max_epochs: schedule (cosine|one_cycle) spans all epochs"
        ):
            definition.with_budget({"max_epochs": 300})
    definition = define(market, space={"warmup_epochs": {"int": [0, 9]}}, fixed={"schedule": "step"})
    assert definition.with_budget({"max_epochs": 300}).config.max_epochs == 300
    with pytest.raises(ConfigError, match=r"parameter warmup_epochs: .*got 9, expected fewer than"):
        definition.with_budget({"max_epochs": 9})


def test_differences_are_shown(market: Path) -> None:
    space = {**SPACE, "lr": {"float": [1e-3, 1e-2], "log": True}, "hidden_size": {"choices": [1, 2]}}
    other = define(
        market, space=space, seeds=2, pruner={"name": "halving"}, set={"lstm_bench.compat": "none"},
        fixed={"early_stop": 3}, enqueue=[{"lr": 2e-3}],
    )  # fmt: skip
    other = Definition(other.config, other.workflow, "other")
    here = define(market)
    assert differences(here, other) == [
        "space.lr.float: [0.0001, 0.01] -> [0.001, 0.01]",
        "enqueue: [] -> nothing",
        "seeds: [1000, 1001, 1002] -> [0, 1]",
        "pruner.name: median -> halving",
        "workflow.model.early_stop: 10 -> 3",
        "workflow.lstm_bench.compat: qlib -> none",
        f"data: {here.data_fingerprint} -> other",
        "space.hidden_size.choices: nothing -> [1, 2]",
        "space.hidden_size.log: nothing -> False",
        "space.hidden_size.when: nothing -> {}",
        "enqueue.0.lr: nothing -> 0.002",
    ]


def test_where_the_data_lies_and_how_a_file_says_it_is_no_difference(market: Path, tmp_path: Path) -> None:
    here = define(market)
    moved = define(market, overrides={"qlib_init.provider_uri": str(tmp_path), "task.model.kwargs.GPU": 3})
    assert differences(here, moved) == []
    assert differences(here, define(market, fixed={"step_len": 20}, features="alpha158")) == []
    single = define(market, overrides=["task.model.kwargs.num_layers=1"])
    dropped = define(market, overrides=["task.model.kwargs.num_layers=1", "task.model.kwargs.dropout=0.3"])
    assert differences(single, dropped) == ["workflow.model.dropout: 0.0 -> 0.3"]


def test_days_that_are_added_are_no_difference(market: Path, tmp_path: Path) -> None:
    days = (market / "calendars" / "day.txt").read_text().split()
    short = shortened(market, tmp_path / "short", 310)
    base = define_on(short, days)
    later = define_on(market, days)
    assert base.data_fingerprint != later.data_fingerprint
    assert differences(base, later) == []
    data = base.data(str(market))
    assert (data.name, data.folder) == (base.data_fingerprint, later.data_fingerprint)
    assert [str(day) for day in data.provider.calendar] == days[:310]
    copy = shutil.copytree(market, tmp_path / "copy")
    set_bar(copy, "SH000300", "close", 295, 1.0)
    with pytest.raises(
        InputError, match=r"study 's' was made for other data than .* has: the bars of SH000300 changed"
    ):
        base.data(str(copy))
    assert differences(base, define_on(copy, days))[0].startswith("data: ")


def test_a_study_of_an_earlier_version_learns_its_stamp_from_the_folder_as_it_was(
    market: Path, tmp_path: Path
) -> None:
    days = (market / "calendars" / "day.txt").read_text().split()
    short = shortened(market, tmp_path / "short", 310)
    store = Store(str(tmp_path / "store.journal"))
    store.create(replace(define_on(short, days), stamp=None))
    with pytest.raises(InputError, match=r"an earlier version made the study.*: tune or bench it once"):
        store.data("s", str(market))
    store.set_budget("s", {"trials": 7})
    store.data("s")
    assert store.definition("s") == define_on(short, days).with_budget({"trials": 7})
    assert len(store.data("s", str(market)).provider.calendar) == 310


def define_on(market: Path, days: list[str]) -> Definition:
    """Define a study whose segments the market holds."""
    return define(
        market,
        overrides=[
            f"data_handler_config.start_time={days[0]}", "data_handler_config.end_time=2035-01-01",
            f"data_handler_config.fit_start_time={days[0]}", f"data_handler_config.fit_end_time={days[199]}",
            f"task.dataset.kwargs.segments={{train: [{days[0]}, {days[199]}], valid: [{days[200]}, {days[249]}], "
            f"test: [{days[250]}, {days[299]}]}}",
            f"portfolio.backtest.start_time={days[250]}", f"portfolio.backtest.end_time={days[299]}",
        ],
    )  # fmt: skip
