from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import build_dataset
from lstm_bench.errors import ConfigError, DataError, DeviceError, InputError, RunError
from lstm_bench.model.lstm import LSTM
from lstm_bench.run import runner
from lstm_bench.run.runner import execute, preview

Configure = Callable[..., RunConfig]

FILES = {
    "config.yaml", "metrics.json", "epochs.parquet", "pred.parquet", "label.parquet", "ic.parquet",
    "report.parquet", "positions.parquet", "model.safetensors", "statistics.json", "provenance.json",
}  # fmt: skip


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
@pytest.mark.parametrize("compat", ["qlib", "none"])
def test_a_run_leaves_a_whole_record(
    configure: Configure, tmp_path: Path, features: str, compat: str
) -> None:
    config = configure(f"lstm_bench.compat={compat}", features=features)
    record, computed = execute(config, tmp_path / "experiment")
    assert computed
    assert {path.name for path in record.path.iterdir()} == FILES
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
    monkeypatch.setattr(runner, "train_pack", None)
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

    monkeypatch.setattr(runner, "write_record", interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute(configure(), tmp_path / "experiment")
    assert [path.name for path in (tmp_path / "experiment").iterdir()] == [".lock"]


def test_early_stopping_may_watch_the_ic(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.model.kwargs.metric=rank_ic"), tmp_path)
    epochs = pd.read_parquet(record.path / "epochs.parquet")
    assert epochs["valid_score"].abs().max() < 1
    assert (epochs["valid_score"] != -epochs["valid_loss"]).all()
    assert record.provenance()["training"]["best_epoch"] == int(epochs["valid_score"].to_numpy().argmax())


def test_without_a_backtest_there_are_no_tables_of_it(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.record=[]"), tmp_path)
    assert {path.name for path in record.path.iterdir()} == FILES - {"report.parquet", "positions.parquet"}
    assert set(record.metrics()) == {"IC", "ICIR", "Rank IC", "Rank ICIR"}


def test_long_short_is_there_where_asked_for(configure: Configure, tmp_path: Path) -> None:
    record, _ = execute(configure("task.record.1.kwargs.ana_long_short=true"), tmp_path)
    assert {"Long-Short Ann Return", "Long-Short Ann Sharpe", "Long-Avg Ann Return"} <= set(record.metrics())


def test_features_that_the_model_does_not_take_are_named(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="d_feat: got 19, but the dataset gives 20 features"):
        execute(configure("task.model.kwargs.d_feat=19"), tmp_path)


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
    monkeypatch.setattr(runner, "train_pack", None)
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
    monkeypatch.setattr(runner, "train_pack", None)
    with pytest.raises(InputError, match=message):
        execute(configure(*overrides), tmp_path / "experiment")
    assert [path.name for path in (tmp_path / "experiment").iterdir()] == [".lock"]


def test_a_folder_that_cannot_be_written_is_found_before_training(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "train_pack", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        execute(configure(), tmp_path / "file" / "experiment")


def test_a_preview_trains_nothing_and_foretells_the_run(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = execute(configure(), tmp_path)
    monkeypatch.setattr(runner, "train_pack", None)
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
