from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import ConfigError, DataError, DeviceError, InputError, RunError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.evaluate.headlines import OF_PORTFOLIO, OF_SIGNAL
from lstm_bench.evaluate.returns.performance import performance
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.trainer import Fit, train_pack
from lstm_bench.record.evaluated import metrics_digest
from lstm_bench.record.ledger import ledger_path, read_ledger
from lstm_bench.record.record import Record
from lstm_bench.run import computation, evaluation
from lstm_bench.run.evaluation import evaluate_scores
from lstm_bench.run.runner import execute, execute_pack, preview
from lstm_bench.tracking.progress import Progress

Configure = Callable[..., RunConfig]

FILES = {
    "config.yaml", "metrics.json", "epochs.parquet", "pred.parquet", "label.parquet", "ic.parquet",
    "ic_decay.parquet", "ic_periods.parquet", "analysis.json", "model.safetensors", "statistics.json",
    "provenance.json",
}  # fmt: skip
PORTFOLIO_FILES = {"report.parquet", "positions.parquet", "holdings.parquet", "drawdowns.parquet"}


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
@pytest.mark.parametrize("compat", ["qlib", "none"])
def test_a_run_leaves_a_whole_record(
    configure: Configure, tmp_path: Path, features: str, compat: str
) -> None:
    config = configure(f"lstm_bench.compat={compat}", features=features)
    record, computed = execute(config, tmp_path / "experiment")
    assert computed
    assert {path.name for path in record.path.iterdir()} == FILES | PORTFOLIO_FILES
    assert record.path.parent == tmp_path / "experiment"

    pred, label = (pd.read_parquet(record.path / f"{name}.parquet") for name in ("pred", "label"))
    assert pred.index.names == ["datetime", "instrument"]
    assert (list(pred), list(label)) == (["score"], ["LABEL0"])
    assert pred.index.equals(label.index)
    assert pred.index.is_monotonic_increasing
    assert pred["score"].notna().all()

    joined = pred.join(label).dropna()
    daily = joined.groupby("datetime")[["score", "LABEL0"]].apply(
        lambda day: day["score"].corr(day["LABEL0"])
    )
    metrics = record.metrics()
    assert metrics["IC"] == pytest.approx(daily.mean(), abs=1e-6)
    assert metrics["ICIR"] == pytest.approx(daily.mean() / daily.std(), abs=1e-5)
    ic = pd.read_parquet(record.path / "ic.parquet")
    np.testing.assert_allclose(ic["ic"].dropna(), daily, atol=1e-6)

    report = pd.read_parquet(record.path / "report.parquet")
    excess = (report["return"] - report["bench"] - report["cost"]).mean() * 238
    assert metrics["1day.excess_return_with_cost.annualized_return"] == pytest.approx(excess)
    held = pd.read_parquet(record.path / "positions.parquet")
    assert held.groupby("datetime").size().median() == 5  # one that cannot be sold stays longer
    value = (held["amount"] * held["price"]).groupby("datetime").sum()
    np.testing.assert_allclose(value, report["value"].loc[value.index], rtol=1e-9)

    provenance = record.provenance()
    assert provenance["seed"] == 0
    assert provenance["device"]["name"] == "cpu"
    assert provenance["training"]["epochs"] == len(pd.read_parquet(record.path / "epochs.parquet")) == 2
    assert set(provenance["seconds"]) == {"fingerprint", "dataset", "train", "predict", "evaluate"}
    assert provenance["pack"] == {
        "width": 1, "seeds": [0], "train_seconds": provenance["seconds"]["train"]
    }  # fmt: skip
    days = Provider(config.qlib_init.provider_uri).calendar
    assert provenance["calendar"] == [str(days[0]), str(days[-1])]


def test_the_analysis_follows_from_the_tables(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure(), tmp_path)
    analysis, metrics = record.analysis(), record.metrics()
    daily = record.table("ic")
    for name in ("long_precision", "rank_autocorrelation", "turnover_top"):
        assert analysis["signal"][name] == pytest.approx(daily[name].mean())
    assert analysis["signal"]["ic_hit_rate"] == (daily["ic"].dropna() > 0).mean()
    assert analysis["groups"]["group_spread"]["total_return"] == pytest.approx(daily["group_spread"].sum())
    for headline, name in OF_SIGNAL.items():
        assert metrics[headline] == analysis["signal"][name]

    decay = record.table("ic_decay")
    assert decay["lag"].tolist() == list(range(21))
    assert decay["rank_ic"][0] == pytest.approx(metrics["Rank IC"])
    labelled = int(daily["ic"].notna().sum())
    assert decay["days"].tolist() == list(range(labelled, labelled - 21, -1))
    periods = record.table("ic_periods")
    months = periods[periods["span"] == "month"]
    by_hand = daily["ic"].resample("MS").mean()
    np.testing.assert_allclose(months.set_index("period")["ic"], by_hand)

    report = record.table("report")
    net = report["return"] - report["bench"] - report["cost"]
    got = analysis["returns"]["excess_return_with_cost"]
    assert got == performance(net.to_numpy(), net.index.to_numpy().astype("datetime64[D]"))
    for headline, name in OF_PORTFOLIO.items():
        assert metrics[headline] == got["summed_238"][name]
    found = record.table("drawdowns")
    worst = found.query("series == 'excess_return_with_cost' and accumulation == 'summed'").iloc[0]
    curve = net.cumsum()
    assert worst["depth"] == pytest.approx(got["summed_238"]["max_drawdown"])
    assert worst["depth"] == pytest.approx(curve[worst["bottom"]] - curve[worst["start"]])
    assert curve[: worst["bottom"]].idxmax() == worst["start"]

    held, holdings = record.table("positions"), record.table("holdings")
    assert holdings.index.equals(report.index)
    weight = held["weight"].groupby("datetime")
    np.testing.assert_allclose(holdings["largest_weight"].dropna(), weight.max())
    np.testing.assert_allclose(1 - holdings["cash_share"].loc[weight.sum().index], weight.sum())
    assert analysis["holdings"]["turnover"] == pytest.approx(report["turnover"].mean())


def assert_same_record(one: Record, other: Record) -> None:
    """Compare all but when, where and how long."""
    assert one.path.name == other.path.name
    assert {path.name for path in one.path.iterdir()} == {path.name for path in other.path.iterdir()}
    assert one.metrics() == other.metrics()
    for path in one.path.iterdir():
        if path.name not in ("provenance.json", "epochs.parquet"):
            assert path.read_bytes() == (other.path / path.name).read_bytes(), path.name
    epochs = [record.table("epochs").drop(columns="seconds") for record in (one, other)]
    assert epochs[0].equals(epochs[1])


@pytest.mark.parametrize(
    ("features", "compat"), [("alpha158", "qlib"), ("alpha158", "none"), ("alpha360", "qlib")]
)
def test_a_pack_leaves_the_records_of_single_runs(
    configure: Configure, tmp_path: Path, features: str, compat: str
) -> None:
    # dropout draws from each member's own stream while they take turns
    config = configure(f"lstm_bench.compat={compat}", "task.model.kwargs.dropout=0.2", features=features)
    seeds = (7, 1, 3)
    runs = execute_pack(config, seeds, tmp_path / "pack")
    assert [(run.seed, run.computed, run.error) for run in runs] == [(seed, True, None) for seed in seeds]
    for run in runs:
        single, computed = execute(config.with_seed(run.seed), tmp_path / "single")
        assert computed
        assert_same_record(run.record, single)
        provenance, epochs = run.record.provenance(), run.record.table("epochs")
        assert provenance["seed"] == run.seed
        assert provenance["pack"]["seeds"] == list(seeds)
        assert provenance["pack"]["width"] == 3
        assert provenance["seconds"]["train"] == pytest.approx(epochs["seconds"].sum())
        assert provenance["pack"]["train_seconds"] > provenance["seconds"]["train"]
        assert provenance["device"]["training_path"] == {"qlib": "reference", "none": "cpu"}[compat]


def test_a_pack_trains_only_the_seeds_without_a_record(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure()
    first, _ = execute(config.with_seed(1), tmp_path)
    runs = execute_pack(config, [0, 1, 2], tmp_path)
    assert [run.computed for run in runs] == [True, False, True]
    assert runs[1].record == first
    assert runs[2].record.provenance()["pack"]["seeds"] == [0, 2]
    monkeypatch.setattr(computation, "train_pack", None)
    again = execute_pack(config, [2, 1, 0], tmp_path)
    assert [(run.seed, run.computed) for run in again] == [(2, False), (1, False), (0, False)]
    assert execute_pack(config, [], tmp_path) == []


def test_each_evaluation_on_test_is_entered_into_the_ledger(configure: Configure, tmp_path: Path) -> None:
    config, experiment = configure("lstm_bench.compat=none", "task.model.kwargs.n_epochs=1"), tmp_path / "e"
    runs = execute_pack(config, [3, 5], experiment)
    again = execute_pack(config, [5, 7], experiment)  # seed 5 has a record
    execute_pack(config, [7], experiment, force=True)
    entries = read_ledger(tmp_path).entries
    assert [(entry.event, entry.run.experiment, entry.run.seed) for entry in entries] == [
        ("evaluated", "e", seed) for seed in (3, 5, 7, 7)
    ]
    for entry, run in zip(entries, [*runs, again[1], again[1]], strict=True):
        provenance = run.record.provenance()
        assert entry.run.run_id == run.record.path.name
        assert entry.run.metrics == metrics_digest(run.record.metrics())
        assert (entry.run.data, entry.run.data_used, entry.run.model) == (
            provenance["data_fingerprint"], provenance["data_used"], "lstm",
        )  # fmt: skip
        tested = run.record.table("pred").index.get_level_values("datetime")
        assert (
            str(entry.run.first)
            <= str(tested.min().date())
            <= str(tested.max().date())
            <= str(entry.run.last)
        )


def test_without_a_ledger_nothing_is_trained(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "train_pack", None)
    ledger_path(tmp_path).parent.mkdir()
    ledger_path(tmp_path).write_text("{}\n")
    with pytest.raises(DataError, match=r"ledger\.jsonl, line 1: .*number: missing"):
        execute(configure(), tmp_path / "e")


def test_a_seed_is_asked_for_once(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="seeds: got 1, 2, 1, expected each once"):
        execute_pack(configure(), [1, 2, 1], tmp_path)


def test_what_a_pack_has_evaluated_stays_where_it_is_interrupted(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated = []

    def interrupt(*arguments: object, **keywords: object) -> object:
        evaluated.append(1)
        if len(evaluated) == 3:
            raise KeyboardInterrupt
        return evaluate_scores(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluation, "evaluate_scores", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute_pack(configure(), [0, 1, 2], tmp_path)
    monkeypatch.setattr(evaluation, "evaluate_scores", evaluate_scores)
    runs = execute_pack(configure(), [0, 1, 2], tmp_path)
    assert [run.computed for run in runs] == [False, False, True]


def test_a_member_that_diverges_does_not_stop_the_others(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_diverges(*arguments: Any, **keywords: Any) -> list[Fit]:
        fits = train_pack(*arguments, **keywords)
        fits[1].weights, fits[1].status = {}, "diverged"
        return fits

    monkeypatch.setattr(computation, "train_pack", one_diverges)
    runs = execute_pack(configure(), [0, 1, 2], tmp_path)
    assert [run.error is None for run in runs] == [True, False, True]
    assert runs[1].error is not None
    assert runs[1].error.startswith("seed 1: training diverged in its first epoch")
    assert runs[1].record.provenance()["training"]["status"] == "diverged"
    again = execute_pack(configure(), [0, 1, 2], tmp_path)
    assert [(run.computed, run.error) for run in again] == [(False, run.error) for run in runs]


def test_a_pack_tells_of_the_members_that_still_train(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[tuple[int, int]] = []

    class Listener(Progress):
        def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
            reported.extend((fit.member.seed, fit.epochs[-1].number) for fit in fits)

    config = configure(
        "task.model.kwargs.early_stop=1", "task.model.kwargs.n_epochs=6", "task.model.kwargs.lr=0.05"
    )
    runs = execute_pack(config, [0, 1, 2], tmp_path, progress=Listener())
    counts = {run.seed: len(run.record.table("epochs")) for run in runs}
    assert len(set(counts.values())) > 1  # they do stop at different epochs
    assert sorted(reported) == [(seed, epoch) for seed, count in counts.items() for epoch in range(count)]


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
def test_a_run_from_the_cache_is_the_same_run(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: str
) -> None:
    config = configure(features=features)
    cache = DatasetCache(tmp_path / "cache", max_bytes=10**9)
    (built,) = execute_pack(config, [4], tmp_path / "one", cache=cache)
    monkeypatch.setattr("lstm_bench.dataset.cache.build_dataset", None)
    (found,) = execute_pack(config, [4], tmp_path / "two", cache=cache)
    single, _ = execute(config.with_seed(4), tmp_path / "three")
    for run in (built, found):
        assert_same_record(run.record, single)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("portfolio.backtest.benchmark=SH999999", "benchmark: .*SH999999"),
        ("portfolio.backtest.exchange_kwargs.codes=nasdaq", "no market 'nasdaq'"),
        ("portfolio.backtest.exchange_kwargs.deal_price=vwop", "no field 'vwop'; choices: change, close"),
    ],
)
def test_what_a_backtest_lacks_is_found_before_features_are_computed(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, message: str
) -> None:
    monkeypatch.setattr(computation, "build_dataset", None)
    with pytest.raises(DataError, match=message):
        execute(configure(override), tmp_path)


def test_the_saved_weights_give_the_saved_scores(configure: Configure, tmp_path: Path) -> None:
    config = configure()
    record, _ = execute(config, tmp_path)
    model = LSTM(20, 8, 2, 0.0)
    model.load_state_dict(load_file(record.path / "model.safetensors"))
    dataset = build_dataset(config.task.dataset, Provider(config.qlib_init.provider_uri))
    index, windows, _ = dataset.windows("test", "infer")
    with torch.no_grad():
        scores = model(torch.from_numpy(windows)).numpy()
    saved = pd.read_parquet(record.path / "pred.parquet")["score"]
    expected = pd.Series(scores, index=pd.MultiIndex.from_tuples([(d, str(i)) for d, i in index]))
    np.testing.assert_allclose(saved.to_numpy(), expected.sort_index().to_numpy(), atol=1e-6)


def test_the_recorded_configuration_gives_the_same_run(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.model.kwargs.seed=5"), tmp_path)
    again = load_workflow(record.path / "config.yaml")
    found, computed = execute(again, tmp_path)
    assert (found.path, computed) == (record.path, False)


def test_a_record_is_computed_once(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = execute(configure(), tmp_path)
    pred = (first.path / "pred.parquet").read_bytes()
    forced, computed = execute(configure(), tmp_path, force=True)
    assert computed
    assert (forced.path / "pred.parquet").read_bytes() == pred  # the same bits
    monkeypatch.setattr(computation, "train_pack", None)
    assert execute(configure(), tmp_path) == (first, False)


def test_seed_configuration_and_data_name_the_record(
    configure: Configure, market_copy: Path, tmp_path: Path
) -> None:
    paths = {
        execute(configure(*own), tmp_path)[0].path
        for own in ((), ("task.model.kwargs.seed=1",), ("task.model.kwargs.lr=0.1",))
    }
    assert len(paths) == 3
    bars = next(iter(market_copy.glob("features/*/close.day.bin")))
    content = bytearray(bars.read_bytes())
    content[-1] ^= 1
    bars.write_bytes(content)
    assert execute(configure(provider=market_copy), tmp_path)[0].path not in paths


def test_an_interrupted_run_leaves_nothing(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(computation, "write_record", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(configure(), tmp_path / "new" / "experiment")
    assert not (tmp_path / "new").exists()


def test_early_stopping_may_watch_the_ic(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.model.kwargs.metric=rank_ic"), tmp_path)
    epochs = pd.read_parquet(record.path / "epochs.parquet")
    assert epochs["valid_score"].abs().max() < 1
    assert (epochs["valid_score"] != -epochs["valid_loss"]).all()
    assert record.provenance()["training"]["best_epoch"] == int(epochs["valid_score"].to_numpy().argmax())


def test_without_a_backtest_there_are_no_tables_of_it(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.record=[]"), tmp_path)
    assert {path.name for path in record.path.iterdir()} == FILES
    assert set(record.metrics()) == {"IC", "ICIR", "Rank IC", "Rank ICIR", *OF_SIGNAL}
    assert set(record.analysis()) == {"signal", "groups"}


def test_long_short_is_there_where_asked_for(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.record.1.kwargs.ana_long_short=true"), tmp_path)
    assert {"Long-Short Ann Return", "Long-Short Ann Sharpe", "Long-Avg Ann Return"} <= set(record.metrics())


def test_features_that_the_model_does_not_take_are_named(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="d_feat: got 19, but the dataset has 20 features"):
        execute(configure("task.model.kwargs.d_feat=19"), tmp_path)


def test_columns_that_an_own_feature_set_lacks_are_named_once(
    configure: Configure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = configure(
        "lstm_bench.features={features: {KLEN: ($high-$low)/$open, MOM5: '$close/Ref($close, 5)-1'}}"
    )
    reason = (
        "d_feat: got 20, but the dataset has 1 feature; the handler lacks 19 of FilterCol's columns: name columns "
        "of the feature set in col_list, or take the processor out$"
    )
    with pytest.raises(ConfigError, match=reason):
        execute(config, tmp_path)
    (warning,) = (record.getMessage() for record in caplog.records if "FilterCol" in record.getMessage())
    assert warning.startswith("FilterCol: the handler has no column CORD10, CORD5, ")
    assert warning.endswith(" and 11 more, 19 in all")


def test_a_run_that_diverges_at_once_leaves_a_record_of_it(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure("task.model.kwargs.lr=1e38", "task.model.kwargs.optimizer=gd")
    with pytest.raises(RunError, match="seed 0: training diverged in its first epoch"):
        execute(config, tmp_path / "experiment")
    (record,) = (path for path in (tmp_path / "experiment").iterdir() if path.is_dir())
    assert {path.name for path in record.iterdir()} == {
        "config.yaml", "metrics.json", "epochs.parquet", "provenance.json"
    }  # fmt: skip
    assert json.loads((record / "provenance.json").read_text())["training"]["status"] == "diverged"
    monkeypatch.setattr(computation, "train_pack", None)
    with pytest.raises(RunError, match="diverged"):  # known, and not computed again
        execute(config, tmp_path / "experiment")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["portfolio.backtest.benchmark=SH999999"], "benchmark: .*SH999999"),
        (["portfolio.backtest.exchange_kwargs.codes=nasdaq"], "nasdaq"),
        (["task.model.kwargs.batch_size=100000"], "batch_size: got 100000, but segment 'train' has only"),
        (["task.model.kwargs.batch_size=1500"], "batch_size: got 1500, but segment 'valid' has only"),
        (["data_handler_config.label=['Log(0*$close-1)']"], "label"),
    ],
)
def test_what_is_wrong_with_the_input_is_found_before_training(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], message: str
) -> None:
    monkeypatch.setattr(computation, "train_pack", None)
    with pytest.raises(InputError, match=message):
        execute(configure(*overrides), tmp_path / "experiment")
    assert not (tmp_path / "experiment").exists()


def test_a_folder_that_cannot_be_written_is_found_before_training(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "train_pack", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        execute(configure(), tmp_path / "file" / "experiment")


def test_a_preview_trains_nothing_and_foretells_the_run(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = execute(configure(), tmp_path)
    monkeypatch.setattr(computation, "train_pack", None)
    plan = preview(configure())
    assert plan["run_id"] == record.path.name
    assert plan["samples"]["test"] == len(record.table("pred"))
    assert plan["window"] == [6, 20]
    assert load_workflow(record.path / "config.yaml").to_file() == plan["config"]
    assert min(plan["resident_mib"], plan["training_mib"], plan["record_mib"]) > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_demanded_device_must_be_there(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no CUDA device"):
        execute(configure(), tmp_path, device="cuda:0")


def test_a_record_is_plain_json(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure(), tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for path in record.path.glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)


@pytest.mark.parametrize(
    "options",
    [
        ["loss=ic", "schedule=cosine", "reweight=exponential"],
        ["loss=rank", "reweight=volatility", "warmup_epochs=1"],
        ["loss=huber", "schedule=plateau", "reweight=volatility"],
    ],
)
def test_a_record_says_how_it_was_trained(configure: Configure, tmp_path: Path, options: list[str]) -> None:
    own = [f"lstm_bench.training.{option}" for option in options]
    record, _ = execute(configure("lstm_bench.compat=none", *own), tmp_path)
    device = record.provenance()["device"]
    assert device["training_path"] == "cpu"
    assert "micro-batches that stay in cache" in device["training_path_reason"]
    assert (
        load_workflow(record.path / "config.yaml").to_file()
        == configure("lstm_bench.compat=none", *own).to_file()
    )
    epochs = pd.read_parquet(record.path / "epochs.parquet")
    assert (epochs["lr"] > 0).all()
    assert epochs["lr"].max() <= configure().task.model.kwargs.lr
    falls = [option for option in options if option.startswith("schedule=cosine")]
    assert (epochs["lr"].iloc[-1] < epochs["lr"].iloc[0]) == bool(falls)


def test_a_batch_of_whole_days_is_planned_with_the_samples_that_it_has(configure: Configure) -> None:
    def planned(loss: str, batch_size: int) -> float:
        own = f"lstm_bench.training.loss={loss}", f"task.model.kwargs.batch_size={batch_size}"
        training: float = preview(configure("lstm_bench.compat=none", *own))["training_mib"]
        return training

    assert planned("ic", 2) == planned("ic", 9) > planned("mse", 9)  # a day either way
    assert planned("ic", 300) > planned("ic", 9)


def test_a_market_of_one_stock_has_no_loss_of_days(
    configure: Configure, market: Path, tmp_path: Path
) -> None:
    (code, *_) = (market / "instruments" / "csi300.txt").read_text().split()
    own = f"data_handler_config.instruments=[{code}]"
    with pytest.raises(
        DataError, match="loss: got 'ic', but no day of segment 'train' has two labels that differ"
    ):
        preview(
            configure(
                "lstm_bench.compat=none", "lstm_bench.training.loss=ic", own, "task.model.kwargs.batch_size=9"
            )
        )


def test_a_run_of_an_own_set_says_what_the_embargo_left_out(configure: Configure, tmp_path: Path) -> None:
    config = configure(
        "lstm_bench.compat=none",
        "lstm_bench.horizon=3",
        "lstm_bench.features={name: mine, features: {A: '$close/Ref($close, 3)-1', B: $high/$low}}",
        "data_handler_config.infer_processors=[{class: Fillna, kwargs: {fields_group: feature}}]",
        "task.model.kwargs.d_feat=2",
    )
    record, _ = execute(config, tmp_path / "results", device="cpu")
    embargo = record.provenance()["embargo"]
    assert embargo == preview(config, device="cpu")["embargo"]
    assert embargo["days"] == 4
    assert min(embargo["train"], embargo["valid"]) > 40
    saved = load_workflow(record.path / "config.yaml")
    assert saved.task.dataset.kwargs.handler.name == "DataHandlerLP"
    assert saved.feature_set == "mine"
    again, computed = execute(saved, tmp_path / "results", device="cpu")
    assert (again.path, computed) == (record.path, False)
    plain = preview(
        config.model_copy(update={"lstm_bench": config.lstm_bench.model_copy(update={"embargo": 0})})
    )
    assert plain["samples"]["train"] == preview(config)["samples"]["train"] + embargo["train"]


@pytest.mark.parametrize("compat", ["qlib", "none"])
def test_permuted_labels_are_those_of_the_seed_in_any_pack(
    configure: Configure, tmp_path: Path, compat: str
) -> None:
    setting = f"lstm_bench.compat={compat}"
    config = configure(setting, "lstm_bench.training.permute_labels=true")
    runs = execute_pack(config, [0, 1], tmp_path / "pack")
    (alone,) = execute_pack(config, [1], tmp_path / "alone")
    (true,) = execute_pack(configure(setting), [1], tmp_path / "true")
    losses = [run.record.table("epochs")["valid_loss"].to_numpy() for run in (*runs, alone, true)]
    np.testing.assert_array_equal(losses[1], losses[2])
    assert not np.isclose(losses[0], losses[1]).any()
    assert not np.isclose(losses[2], losses[3]).any()
    pd.testing.assert_frame_equal(alone.record.table("label"), true.record.table("label"))
    training = [run.record.provenance()["permuted_labels"] for run in (alone, true)]
    assert training == [True, False]
