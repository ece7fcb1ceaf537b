from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.core.errors import ConfigError

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(CONFIGS.glob("*.yaml"))
ALPHA158 = CONFIGS / "lstm_alpha158.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_resolved_file_loads_to_the_same_configuration(path: Path, tmp_path: Path) -> None:
    config = load_workflow(path, ["task.model.kwargs.seed=3", "lstm_bench.training.clip_grad_value=null"])
    again = tmp_path / "config.yaml"
    again.write_text(dump_yaml(config.to_file()))
    assert load_workflow(again).to_file() == config.to_file()
    assert load_workflow(again).resolved() == config.resolved() == config.resolved().resolved()
    assert load_workflow(again).identity() == config.identity()
    assert config.lstm_bench.training.clip_grad_value is None


def test_an_open_segment_is_the_run_that_names_the_handlers_day(tmp_path: Path) -> None:
    key, end = "task.dataset.kwargs.segments.test", "2020-08-01"
    loaded = load_workflow(ALPHA158)
    opened = load_workflow(ALPHA158, {key: ["2017-01-01", None]})
    assert opened == loaded
    assert opened.identity() == loaded.identity()
    other = load_workflow(ALPHA158, {key: ["2017-01-01", None], "data_handler_config.end_time": "2020-07-01"})
    assert other.to_file()["task"]["dataset"]["kwargs"]["segments"]["test"] == ["2017-01-01", "2020-07-01"]
    assert loaded.to_file()["task"]["dataset"]["kwargs"]["segments"]["test"][1] == end


def test_what_a_file_may_leave_out_or_add_changes_no_run() -> None:
    loaded = load_workflow(ALPHA158)
    loose = load_workflow(
        ALPHA158,
        {
            "task.model.class": "qlib.contrib.model.pytorch_lstm_ts.LSTM",
            "task.model.kwargs.optimizer": "Adam",
            "task.dataset.kwargs.handler.class": "qlib.contrib.data.handler.Alpha158",
            "task.dataset.kwargs.handler.kwargs.filter_pipe": [],
            "task.dataset.kwargs.handler.kwargs.inst_processors": None,
            "task.dataset.kwargs.handler.kwargs.fetch_orig": True,
            "task.dataset.kwargs.segments.insample": ["2008-01-01", None],
            "task.dataset.xxx": 1,
            "task.record.0": "qlib.workflow.record_temp.SignalRecord",
            "qlib_init.flask_port": 9710,
            "qlib_init.xxx": 1,
        },
    )
    assert loose.identity() == loaded.identity()


def test_the_shipped_files_are_qlibs_benchmark() -> None:
    config = load_workflow(ALPHA158)
    kwargs = config.task.model.kwargs
    assert (kwargs.d_feat, kwargs.hidden_size, kwargs.num_layers, kwargs.lr) == (20, 64, 2, 1e-3)
    assert (kwargs.batch_size, kwargs.n_epochs, kwargs.early_stop, config.seed) == (800, 200, 10, 0)
    assert config.task.dataset.step_len == 20
    assert config.lstm_bench.compat == "qlib"
    assert config.portfolio_analysis is not None
    assert config.portfolio_analysis.strategy.kwargs.topk == 50
    assert load_workflow(CONFIGS / "lstm_alpha360.yaml").task.model.kwargs.early_stop == 20


@pytest.mark.parametrize(
    ("overrides", "days"),
    [
        ([], 60),
        (["task.model.kwargs.d_feat=12"], 30),
        (["task.dataset.kwargs.handler.class=Alpha158", "task.model.kwargs.d_feat=158"], 1),
    ],
)
def test_a_step_len_of_the_whole_row_is_no_identity(overrides: list[str], days: int) -> None:
    unset = load_workflow(CONFIGS / "lstm_alpha360.yaml", overrides)
    whole, part = (
        load_workflow(CONFIGS / "lstm_alpha360.yaml", [*overrides, f"task.dataset.kwargs.step_len={given}"])
        for given in (days, days + 1)
    )
    assert unset.step_len == whole.step_len == days
    assert unset.identity() == whole.identity() != part.identity()
    assert "step_len" not in unset.to_file()["task"]["dataset"]["kwargs"]


def test_a_step_len_that_processors_decide_is_left_open() -> None:
    keep = {"class": "FilterCol", "kwargs": {"fields_group": "feature", "col_list": ["CLOSE0"]}}
    config = load_workflow(
        CONFIGS / "lstm_alpha360.yaml",
        [("data_handler_config.infer_processors", [keep]), "task.model.kwargs.d_feat=1"],
    )
    assert config.step_len is None
    assert load_workflow(ALPHA158).step_len == 20


def test_what_does_not_decide_a_number_is_no_identity() -> None:
    config = load_workflow(ALPHA158)
    for override in ("qlib_init.provider_uri=/elsewhere", "task.model.kwargs.GPU=3", "task.model.kwargs.n_jobs=1",
                     "task.model.kwargs.seed=4", "experiment_name=other", "qlib_init.kernels=1",
                     "task.model.kwargs.metric=''", "lstm_bench.training.clip_grad_norm=null",
                     "task.record.2.kwargs.N=5", "task.record.2.kwargs.skip_existing=true",
                     "task.record.2.kwargs.risk_analysis_freq=1day",
                     "task.record.2.kwargs.indicator_analysis_method=mean",
                     "data_handler_config.drop_raw=true",
                     "portfolio.backtest.exchange_kwargs.trade_unit=100",
                     "portfolio.backtest.exchange_kwargs.deal_price=[$close, $close]",
                     "portfolio.backtest.exchange_kwargs.freq=1day",
                     "portfolio.strategy.module_path=qlib.contrib.strategy.signal_strategy",
                     "portfolio.strategy.kwargs.signal=[<MODEL>, <DATASET>]",
                     "task.record.1.kwargs.ann_scaler=250",
                     "data_handler_config.infer_processors.1.kwargs.fit_start_time=2011-01-01",
                     "data_handler_config.learn_processors=[DropnaLabel, "
                     "{class: CSRankNorm, kwargs: {fields_group: label}}]"):  # fmt: skip
        assert load_workflow(ALPHA158, [override]).identity() == config.identity(), override


def test_dropout_is_no_identity_of_one_layer() -> None:
    one = load_workflow(ALPHA158, ["task.model.kwargs.num_layers=1"])
    same = load_workflow(ALPHA158, ["task.model.kwargs.num_layers=1", "task.model.kwargs.dropout=0.5"])
    assert one.identity() == same.identity()
    assert load_workflow(ALPHA158, ["task.model.kwargs.dropout=0.5"]).identity() != one.identity()


@pytest.mark.parametrize(
    ("setting", "choice"),
    [
        ("huber_delta=0.5", "loss=huber"),
        ("rank_temperature=0.5", "loss=rank"),
        ("lr_min_factor=0.5", "schedule=cosine"),
        ("lr_min_factor=0.5", "schedule=plateau"),
        ("lr_step_epochs=3", "schedule=step"),
        ("lr_decay=0.2", "schedule=step"),
        ("lr_decay=0.2", "schedule=plateau"),
        ("lr_patience=2", "schedule=plateau"),
        ("reweight_half_life=20", "reweight=exponential"),
        ("reweight_window=9", "reweight=volatility"),
    ],
)
def test_a_setting_counts_beside_its_choice_alone(setting: str, choice: str) -> None:
    def identity(*own: str) -> dict[str, Any]:
        overrides = [f"lstm_bench.training.{one}" for one in own]
        return load_workflow(ALPHA158, ["lstm_bench.compat=none", *overrides]).identity()

    assert identity(setting) == identity()
    assert identity(choice, setting) != identity(choice) != identity()


def test_a_file_that_leaves_defaults_out_is_the_same_run() -> None:
    content = load_workflow(ALPHA158, ["task.dataset.kwargs.step_len=30"]).to_file()
    portfolio = content["task"]["record"][2]["kwargs"]["config"]
    short = copy.deepcopy(content)
    del short["task"]["dataset"]["kwargs"]["step_len"]
    del short["task"]["record"][:2]
    kwargs = short["task"]["dataset"]["kwargs"]["handler"]["kwargs"]
    del kwargs["infer_processors"][1]["kwargs"]["fit_start_time"]
    exchange = short["task"]["record"][0]["kwargs"]["config"]["backtest"]["exchange_kwargs"]
    for key in ("trade_unit", "limit_threshold", "deal_price"):
        assert key in portfolio["backtest"]["exchange_kwargs"]
        del exchange[key]
    assert RunConfig.model_validate(short).identity() == RunConfig.model_validate(content).identity()


@pytest.mark.parametrize(
    ("handler", "price"), [("Alpha158", "$close"), ("Alpha158vwap", "$vwap"), ("Alpha360vwap", "$vwap")]
)
def test_a_resolved_file_says_what_was_left_open(handler: str, price: str) -> None:
    content = load_workflow(ALPHA158, {"task.dataset.kwargs.handler.class": handler}).to_file()
    del content["task"]["dataset"]["kwargs"]["step_len"]
    for key in ("label", "learn_processors"):
        del content["task"]["dataset"]["kwargs"]["handler"]["kwargs"][key]
    content["task"]["model"]["kwargs"].pop("seed")
    content["qlib_init"]["region"] = "tw"
    del content["task"]["record"][2]["kwargs"]["config"]["backtest"]["exchange_kwargs"]
    resolved = RunConfig.model_validate(content).to_file()
    dataset = resolved["task"]["dataset"]["kwargs"]
    kwargs = dataset["handler"]["kwargs"]
    assert dataset["step_len"] == 30
    assert kwargs["label"] == [[f"Ref({price}, -2)/Ref({price}, -1) - 1"], ["LABEL0"]]
    assert [entry["class"] for entry in kwargs["learn_processors"]] == ["DropnaLabel", "CSZScoreNorm"]
    assert kwargs["infer_processors"][1]["kwargs"]["fit_start_time"] == "2008-01-01"
    exchange = resolved["task"]["record"][2]["kwargs"]["config"]["backtest"]["exchange_kwargs"]
    assert (exchange["trade_unit"], exchange["limit_threshold"], exchange["deal_price"]) == (
        1000,
        0.1,
        "close",
    )
    assert resolved["task"]["model"]["kwargs"]["seed"] == 0


def test_a_resolved_file_has_no_argument_that_qrun_lacks() -> None:
    record = load_workflow(ALPHA158).to_file()["task"]["record"]
    assert record[0]["kwargs"] == {"model": "<MODEL>", "dataset": "<DATASET>"}
    assert set(record[2]["kwargs"]) == {
        "config", "risk_analysis_freq", "indicator_analysis_freq", "skip_existing"
    }  # fmt: skip


def test_a_seed_is_put_in() -> None:
    config = load_workflow(ALPHA158)
    assert config.with_seed(7).seed == 7
    assert config.with_seed(7).identity() == config.identity()
    assert config.seed == 0
    with pytest.raises(ConfigError, match=r"task\.model\.kwargs\.seed: got -1"):
        config.with_seed(-1)


def test_the_demonstration_is_its_base_with_a_few_changes() -> None:
    changes = ["task.model.kwargs.n_epochs=8", "task.model.kwargs.early_stop=3", "lstm_bench.compat=none",
               "portfolio.strategy.kwargs.topk=10", "portfolio.strategy.kwargs.n_drop=2"]  # fmt: skip
    demo = load_workflow(CONFIGS / "demo.yaml")
    assert demo.identity() == load_workflow(ALPHA158, changes).identity()
    fewer = load_workflow(CONFIGS / "demo.yaml", ["portfolio.strategy.kwargs.topk=9"]).portfolio_analysis
    assert fewer is not None
    assert fewer.strategy.kwargs.topk == 9


@pytest.mark.parametrize(
    "override",
    ["task.model.kwargs.lr=0.01", "lstm_bench.training.clip_grad_value=null",
     "portfolio.backtest.exchange_kwargs.trade_unit=null",
     "lstm_bench.compat=none", "task.dataset.kwargs.step_len=21", "market=csi500",
     "portfolio.strategy.kwargs.topk=51", "qlib_init.region=us", "handler.label=['$close']",
     "task.dataset.kwargs.segments.test.1=2020-07-01", "lstm_bench.training.loss=huber",
     "lstm_bench.training.schedule=cosine", "lstm_bench.training.warmup_epochs=2",
     "lstm_bench.training.reweight=exponential"],
)  # fmt: skip
def test_what_decides_a_number_is_identity(override: str) -> None:
    override = override.replace("handler.", "data_handler_config.")
    assert load_workflow(ALPHA158, [override]).identity() != load_workflow(ALPHA158).identity()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "task.model.kwargs.hiden_size=3",
            "task.model.kwargs: unknown key 'hiden_size'; did you mean 'hidden_size'",
        ),
        ("task.model.kwargs.hidden_size=big", "task.model.kwargs.hidden_size: got 'big'"),
        ("task.model.kwargs.dropout=1", "dropout: got 1, expected a number of at least 0 and less than 1"),
        ("task.model.class=GRU", "task.model.class: got 'GRU', expected 'LSTM'"),
        ("task.model.module_path=os", "task.model.module_path: got 'os'"),
        ("task.record.0.class=MultiSegRecord", "MultiSegRecord', which is not supported here: qrun cannot"),
        ("task.dataset.class=DatasetH", "takes 'TSDatasetH'"),
        ("lstm_bench.compat=exact", "lstm_bench.compat: got 'exact', expected 'qlib' or 'none'"),
        ("lstm_bench.compt=none", "did you mean 'compat'"),
        (
            "lstm_bench.training.loss=rank",
            "loss: got 'rank', which needs batches of whole days, and compat: qlib",
        ),
        ("lstm_bench.training.loss=mae", "loss: got 'mae', expected 'mse', 'huber', 'ic' or 'rank'"),
        ("lstm_bench.training.huber_delta=0", "huber_delta: got 0, expected a number greater than 0"),
        (
            "lstm_bench.training.lr_decay=1",
            "lr_decay: got 1, expected a number greater than 0 and less than 1",
        ),
        (
            "lstm_bench.training.warmup_epochs=200",
            "warmup_epochs: got 200, expected fewer than task.model.kwargs.n_epochs",
        ),
        ("lstm_bench.training.reweight_window=1", "reweight_window: got 1"),
        (
            "portfolio.backtest.exchange_kwargs.volume_threshold=1",
            "volume_threshold: got 1 (a number), expected [current, expression]",
        ),
        ("qlib_init={region: mars}", "qlib_init.region: got 'mars'"),
        ("portfolio.backtest.end_time=2016-01-01", "start_time 2017-01-01 is after end_time 2016-01-01"),
        ("portfolio.backtest.end_time=soon", "got 'soon', expected a day"),
        (
            "task.record.0={class: SigAnaRecord, kwargs: {ana_long_short: true}}",
            "SigAnaRecord occurs 2 times with different settings, expected once",
        ),
        ("experiment=x", "no top-level key 'experiment'; did you mean 'experiment_name'? choices: "),
        ("n_epochs=1", "no top-level key 'n_epochs'; did you mean 'task.model.kwargs.n_epochs'? choices: "),
        ("hiden_size=1", "did you mean 'task.model.kwargs.hidden_size'? choices: "),
        ("kwargs.step_len=1", "did you mean 'task.dataset.kwargs.step_len'? choices: "),
        ("limit_threshold=1", "did you mean 'portfolio.backtest.exchange_kwargs.limit_threshold'?"),
    ],
)
def test_mistakes_are_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_workflow(ALPHA158, [override])
    assert message in str(error.value)


def test_unquoted_codes_are_named_where_they_are_written(tmp_path: Path) -> None:
    text = ALPHA158.read_text().replace("&market csi300", "&market [SH600000, 600004, ON, TRUE]")
    path = tmp_path / "w.yaml"
    path.write_text(text)
    line = 1 + text[: text.index("&market [")].count("\n")
    where = "task.dataset.kwargs.handler.kwargs.instruments"
    with pytest.raises(ConfigError) as error:
        load_workflow(path)
    assert str(error.value).splitlines() == [
        f"{where}.1: got 600004 (a number), expected a code in quotes (w.yaml, line {line})",
        f"{where}.3: got true, expected a code in quotes (w.yaml, line {line})",
    ]
    with pytest.raises(
        ConfigError, match=rf"{where}: got 3 \(a number\), expected a market name in quotes, a list of codes"
    ):
        load_workflow(ALPHA158, ["market=3"])


def test_nothing_named_in_a_file_is_imported(tmp_path: Path) -> None:
    trap = tmp_path / "trap.py"
    trap.write_text("raise SystemExit('imported')\n")
    with pytest.raises(ConfigError, match="module_path"):
        load_workflow(ALPHA158, ["task.model.module_path=trap", f"market={tmp_path}"])


def test_older_files_are_read(tmp_path: Path) -> None:
    content: dict[str, Any] = load_workflow(ALPHA158).to_file()
    portfolio = content["task"]["record"][2]["kwargs"]["config"]
    portfolio["strategy"]["kwargs"] = {"model": "<MODEL>", "dataset": "<DATASET>", "topk": 50, "n_drop": 5}
    del portfolio["backtest"]["exchange_kwargs"]
    config = RunConfig.model_validate(content)
    assert config.portfolio_analysis is not None
    assert config.portfolio_analysis.backtest.exchange_kwargs.open_cost == 0.0015


def test_one_record_may_stand_alone_and_portfolio_may_be_absent() -> None:
    content = load_workflow(ALPHA158).to_file()
    content["task"]["record"] = content["task"]["record"][0]
    config = RunConfig.model_validate(content)
    assert config.portfolio_analysis is None
    assert config.signal_analysis.ann_scaler == 252


def test_a_mapping_of_folders_gives_the_daily_one() -> None:
    config = load_workflow(ALPHA158, ["qlib_init.provider_uri={day: /daily, 1min: /minutely}"])
    assert config.qlib_init.provider_uri == "/daily"
    with pytest.raises(ConfigError, match="expected the key 'day'"):
        load_workflow(ALPHA158, ["qlib_init.provider_uri={1min: /minutely}"])


def test_weights_are_for_models_that_take_them() -> None:
    path, weights = CONFIGS / "lstm_alpha360.yaml", "lstm_bench.training.reweight=exponential"
    with pytest.raises(
        ConfigError, match="reweight: got 'exponential', but Qlib's pytorch_lstm takes no weights"
    ):
        load_workflow(path, [weights])
    assert (
        load_workflow(path, [weights, "lstm_bench.compat=none"]).lstm_bench.training.reweight == "exponential"
    )
    assert load_workflow(ALPHA158, [weights]).lstm_bench.training.reweight == "exponential"


def test_a_resolved_run_takes_no_unresolved_section() -> None:
    config = load_workflow(CONFIGS / "lstm_alpha158.yaml")
    run = config.resolved()
    with pytest.raises(TypeError, match=r"cannot be updated by \['task'\]"):
        run.model_copy(update={"task": config.task})
    elsewhere = run.model_copy(update={"qlib_init": run.qlib_init.model_copy(update={"provider_uri": "x"})})
    assert elsewhere.identity() == run.identity()
    assert run.with_seed(3).seed == 3
    with pytest.raises(TypeError, match="is made by"):
        type(run).model_validate(run.to_file())
