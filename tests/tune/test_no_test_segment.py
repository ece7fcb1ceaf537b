"""Real trials on a small market: a worker's inputs, and that the test segment affects no value."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import parse_study
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError, DataError, InputError
from lstm_bench.data import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.array_entry import open_entry
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.guards import embargo_days
from lstm_bench.dataset.volatility import read_volatility
from lstm_bench.exec.devices import Device, Slot
from lstm_bench.exec.local import InlineExecutor
from lstm_bench.exec.worker import Job, Session
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path_name import PathName
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.run.runner import execute_pack
from lstm_bench.tune.definition import Definition
from lstm_bench.tune.driver import tune
from lstm_bench.tune.progress import TuneProgress
from lstm_bench.tune.repository.store import Store
from lstm_bench.tune.training import train_trial
from lstm_bench.tune.trials import TrialRow
from lstm_bench.tune.valid_series import read_series, series_path

VALID_END = 249  # positions in the calendar
LABEL_DAYS = 2  # a label is the return from the next day to the one after


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(out, stocks=20, days=320, seed=0)
    return out


@pytest.fixture(autouse=True)
def same_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let damaged bars pass for the others."""
    monkeypatch.setattr(fingerprint, "fingerprint", lambda _provider: "f" * 64)


class Heedless(Session):
    """A worker's connection without a driver."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def report(self, values: dict[str, Any]) -> bool:
        return True

    def check(self) -> None:
        pass


def poisoned(market: Path, folder: Path, first: int) -> Path:
    """The market without any number from a day on."""
    copy = Path(shutil.copytree(market, folder))
    for file in copy.glob("features/*/*.day.bin"):
        bars = np.fromfile(file, "<f4")
        bars[1 + max(0, first - int(bars[0])) :] = np.nan
        bars.tofile(file)
    return copy


def define(market: Path, **content: Any) -> Definition:
    days = (market / "calendars" / "day.txt").read_text().split()
    segments = {
        "train": [days[60], days[199]],
        "valid": [days[200], days[VALID_END]],
        "test": [days[250], days[-2]],
    }
    overrides = {
        "data_handler_config.start_time": days[0],
        "data_handler_config.end_time": days[-1],
        "data_handler_config.fit_start_time": days[60],
        "data_handler_config.fit_end_time": days[199],
        "task.dataset.kwargs.segments": segments,
        "portfolio.backtest.start_time": days[250],
        "portfolio.backtest.end_time": days[-2],
        "task.dataset.kwargs.step_len": 4,
        "task.model.kwargs.batch_size": 200,
        "task.model.kwargs.hidden_size": 4,
        "task.model.kwargs.GPU": -1,
    }
    plain = {
        "name": "s", "base": "lstm_alpha158.yaml", "space": {"lr": {"float": [1e-4, 1e-2], "log": True}},
        "seeds": [1000, 1001], "max_epochs": 2, "sampler": {"name": "random"}, "pruner": {"name": "none"},
    }  # fmt: skip
    return Definition.of(
        parse_study({**plain, **content}), ready_folder("configs"), overrides, provider_uri=str(market)
    )


def tuned(
    definition: Definition, folder: Path, monkeypatch: pytest.MonkeyPatch, trials: int = 2
) -> tuple[list[TrialRow], list[dict[str, Any]]]:
    """Tune inline with a separate cache; return the trials, and the inputs of their workers."""
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    given: list[dict[str, Any]] = []
    start = InlineExecutor.start

    def noted(executor: InlineExecutor, slot: Slot, job: Job) -> None:
        given.append(job.payload)
        start(executor, slot, job)

    with monkeypatch.context() as patch:
        patch.setattr(InlineExecutor, "start", noted)
        store = Store(str(folder / "store.journal"))
        store.create(definition)
        result = tune(
            store, "s", trials=trials, devices=[Device("cpu", "cpu", 1 << 34, 1)], slots_per_device=1,
            executor="inline", results=folder / "results", progress=TuneProgress(),
        )  # fmt: skip
    return result.trials, given


def test_nothing_of_the_test_segment_decides_a_value(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {}
    for name, first in {
        "whole": None,
        "without test": VALID_END + LABEL_DAYS + 1,
        "without valid's end": VALID_END,
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        data = market if first is None else poisoned(market, folder / "market", first)
        rows, _ = tuned(define(data), folder, monkeypatch)
        assert [row.state for row in rows] == ["complete", "complete"]
        values[name] = [(row.params, row.value, row.epoch_values, row.valid_ic) for row in rows]
        assert all(set(row.valid_ic) == {"IC", "Rank IC"} for row in rows)
    assert values["without test"] == values["whole"]
    assert values["without valid's end"] != values["whole"]  # so that the first comparison says something


def test_weights_by_volatility_reach_the_worker_and_end_with_valid(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {}
    for reweight in ("uniform", "volatility"):
        (tmp_path / reweight).mkdir()
        definition = define(market, fixed={"reweight": reweight})
        rows, (payload, _) = tuned(definition, tmp_path / reweight, monkeypatch)
        assert [row.state for row in rows] == ["complete", "complete"]
        values[reweight] = [row.value for row in rows]
    assert values["uniform"] != values["volatility"]
    given = read_volatility(open_entry(Path(payload["volatility"])))
    assert len(given) == VALID_END + 1
    assert str(market) not in repr(payload)


def test_without_compat_not_even_a_label_reaches_into_test(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embargo of the label's two days: bars of test change nothing, where compat qlib's labels do see them."""
    changed = poisoned(market, tmp_path / "poisoned", VALID_END + 1)
    for compat, same in (("none", True), ("qlib", False)):
        values = []
        for data in (market, changed):
            folder = tmp_path / f"{compat}-{data.name}"
            folder.mkdir()
            definition = define(data, set={"lstm_bench.compat": compat})
            rows, _ = tuned(definition, folder, monkeypatch, trials=1)
            values.append([(row.value, row.epoch_values) for row in rows])
        assert (values[0] == values[1]) is same, compat


def test_a_worker_is_given_train_and_valid_and_no_way_to_test(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = define(market)
    _, (payload, _) = tuned(definition, tmp_path, monkeypatch)
    assert set(payload) == {"workflow", "seeds", "entry", "volatility", "outcome"}
    assert str(market) not in repr(payload)

    config = RunConfig.model_validate(payload["workflow"])
    entry = DatasetCache.open_entry(Path(payload["entry"]), config.task.dataset)
    assert entry.days[-1] == Provider(market).calendar[VALID_END]
    for split in ("train", "valid"):
        assert len(entry.samples(split, "learn")) > 0
    with pytest.raises(ConfigError, match="'test' was not prepared, only train, valid"):
        entry.samples("test", "infer")
    for file in Path(payload["entry"]).rglob("*"):
        assert str(market).encode() not in (file.read_bytes() if file.is_file() else b"")
    with pytest.raises(InputError):
        build_dataset(
            config.task.dataset,
            Provider(config.qlib_init.provider_uri),
            d_feat=config.task.model.kwargs.d_feat,
        )


def test_a_trial_that_asks_for_test_is_refused(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its data folder, by a provider that it got somewhere, and by a dataset with test."""
    _, (payload, _) = tuned(define(market), tmp_path, monkeypatch)
    Path(payload["outcome"]).unlink()
    opened = Provider(market)
    config = RunConfig.model_validate(payload["workflow"]).resolved()
    calls: list[Callable[[], object]] = [
        lambda: Provider(market),
        lambda: opened.panel(["SH600000"], ["close"], 250, 260),
        lambda: opened.as_of(opened.calendar[260]),
    ]
    for call in calls:
        call()  # outside a trial

        def asks(*_: object, call: Callable[[], object] = call) -> None:
            call()

        with monkeypatch.context() as patch:
            patch.setattr("lstm_bench.tune.training._train", asks)
            with pytest.raises(
                DataError, match="a tuning trial may not read bars: they have the days of test"
            ):
                train_trial(payload, Heedless(torch.device("cpu")))
    embargo = embargo_days(config)
    d_feat = config.task.model.kwargs.d_feat
    whole = DatasetCache().ensure(config.task.dataset, opened, "f" * 64, d_feat=d_feat, embargo=embargo)
    with pytest.raises(
        DataError, match="this dataset has the segment 'test', which a tuning trial may not read"
    ):
        train_trial({**payload, "entry": str(whole.path)}, Heedless(torch.device("cpu")))
    assert not Path(payload["outcome"]).exists()


def test_a_trial_leaves_its_daily_series_of_valid(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, payloads = tuned(define(market), tmp_path, monkeypatch)
    for row, payload in zip(rows, payloads, strict=True):
        path = series_path(Path(payload["outcome"]))
        assert path.name == f"{Path(payload['outcome']).stem}.valid.parquet"
        series = read_series(path)
        assert series is not None
        assert list(series) == [1000, 1001]
        for one in series.values():
            np.testing.assert_array_equal(one.days, Provider(market).calendar[200 : VALID_END + 1])
        means = {name: np.mean([one.means()[name] for one in series.values()]) for name in ("IC", "Rank IC")}
        assert row.valid_ic == pytest.approx(means, rel=1e-12)
    # a trial that is replayed keeps its series
    before = series_path(Path(payloads[0]["outcome"])).read_bytes()
    (tmp_path / "store.journal").unlink()
    monkeypatch.setattr("lstm_bench.tune.training._train", None)
    tuned(define(market), tmp_path, monkeypatch)
    assert series_path(Path(payloads[0]["outcome"])).read_bytes() == before


@pytest.mark.parametrize(
    ("compat", "path", "other"), [("qlib", "reference", "cpu"), ("none", "cpu", "reference")]
)
def test_a_trial_is_trained_as_its_configuration_says(
    market: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    compat: str,
    path: PathName,
    other: PathName,
) -> None:
    """The first trial is the workflow itself: each seed has the validation loss of a run.

    Its IC is of the scores that the path gives which trained it.
    """
    definition = define(market, set={"lstm_bench.compat": compat})
    (row,), (payload,) = tuned(definition, tmp_path, monkeypatch, trials=1)
    runs = execute_pack(definition.workflow, (1000, 1001), tmp_path / "runs", device="cpu")
    best = [run.record.table("epochs")["valid_loss"].min() for run in runs if run.record is not None]
    assert row.value == pytest.approx(sum(best) / 2, rel=1e-12)
    assert Path(payload["outcome"]).parent == tmp_path / "results" / "s" / "search"
    models = [load_file(run.record.path / "model.safetensors") for run in runs if run.record is not None]
    assert row.valid_ic == pytest.approx(valid_ic_of(definition, market, models, path), rel=1e-12)
    by_another = valid_ic_of(definition, market, models, other)
    assert row.valid_ic["IC"] != pytest.approx(by_another["IC"], rel=1e-12)


def valid_ic_of(
    definition: Definition, market: Path, models: Sequence[dict[str, torch.Tensor]], path: PathName
) -> dict[str, float]:
    """Correlate each model's scores of valid with the raw labels by pandas, day by day; means over days and models."""
    config = definition.workflow
    dataset = build_dataset(
        config.task.dataset,
        Provider(market),
        d_feat=config.task.model.kwargs.d_feat,
        embargo=embargo_days(config),
    )
    valid = dataset.samples("valid", "learn")
    found: dict[str, list[float]] = {"IC": [], "Rank IC": []}
    for weights in models:
        model = LSTM(config.task.model.kwargs.d_feat, 4, config.task.model.kwargs.num_layers, dropout=0.0)
        model.load_state_dict(weights)
        scores = predict(model, ResidentSamples.place(valid, torch.device("cpu")), path).numpy()
        table = pd.DataFrame({"score": scores, "label": dataset.raw_label[valid.days, valid.instruments]})
        methods: dict[str, Literal["pearson", "spearman"]] = {"IC": "pearson", "Rank IC": "spearman"}
        for name, method in methods.items():
            daily = [day["score"].corr(day["label"], method=method) for _, day in table.groupby(valid.days)]
            found[name].append(float(np.nanmean(daily)))
    return {name: sum(values) / len(values) for name, values in found.items()}


def test_a_store_that_forgot_takes_values_from_the_outcomes(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was trained once is not trained again, even where the store is a new one."""
    rows, (payload, _) = tuned(define(market), tmp_path, monkeypatch)
    Path(tmp_path / "store.journal").unlink()
    written = Path(payload["outcome"]).stat().st_mtime_ns
    monkeypatch.setattr("lstm_bench.tune.training._train", None)
    with caplog.at_level(logging.INFO):
        again, _ = tuned(define(market), tmp_path, monkeypatch)
    assert [(row.value, row.epoch_values) for row in again] == [(row.value, row.epoch_values) for row in rows]
    assert [row.valid_ic for row in again] == [row.valid_ic for row in rows]
    assert Path(payload["outcome"]).stat().st_mtime_ns == written


def test_other_data_are_refused(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = define(poisoned(market, tmp_path / "copy", 1000))
    damaged = next(file for file in sorted((tmp_path / "copy").glob("features/s[hz]6*/close.day.bin")))
    bars = np.fromfile(damaged, "<f4")
    bars[-20] += 1
    bars.tofile(damaged)
    monkeypatch.setattr(fingerprint, "fingerprint", lambda _provider: "e" * 64)
    code = damaged.parent.name.upper()
    with pytest.raises(
        InputError, match=rf"study .* was made for other data than .* has: the bars of {code} changed"
    ):
        tuned(definition, tmp_path, monkeypatch)
