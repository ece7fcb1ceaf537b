"""Baselines as rows beside the LSTM's: the same samples and days, each record computed once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.bench.baselines import (
    BaselineRun,
    Request,
    parse_baselines,
    score_baselines,
    train_permuted,
)
from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.driver import bench
from lstm_bench.bench.manifest import Bench
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError
from lstm_bench.data.provider import Provider
from lstm_bench.exec.devices import Device
from lstm_bench.model.baselines.factors import FACTORS, factor_scores
from lstm_bench.model.baselines.gradient_boosting import fit_trees, is_installed, tree_settings
from lstm_bench.model.baselines.ridge import fit_ridge
from lstm_bench.record.record import Record
from lstm_bench.run.preparation import prepare, valid_criterion
from lstm_bench.tracking.progress import Progress
from lstm_bench.tune.progress import BenchProgress

Configure = Callable[..., RunConfig]

ALL = Request(("reversal", "momentum", "ridge"), (3, 4))
CPU = Device("cpu", "cpu", 1 << 34, 1)


@pytest.fixture(autouse=True)
def own_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "datasets"))


def candidate(configure: Configure, *overrides: str) -> Candidate:
    return Candidate("tiny", "tiny", None, configure("lstm_bench.compat=none", *overrides).resolved())


def scored(one: Candidate, results: Path, request: Request = ALL) -> list[BaselineRun]:
    return score_baselines(one, request, results=results, progress=Progress())


def scores_of(record: Record) -> np.ndarray:
    return record.table("pred")["score"].to_numpy()


@pytest.mark.parametrize("metric", ["loss", "ic"])
def test_their_scores_are_those_of_the_models_on_the_samples_of_a_run(
    configure: Configure, tmp_path: Path, metric: str
) -> None:
    one = candidate(configure, f"task.model.kwargs.metric={metric}")
    runs = scored(one, tmp_path)
    assert [(run.row.label, run.computed, run.row.seeds) for run in runs] == [
        ("reversal", 1, (0,)), ("momentum", 1, (0,)), ("ridge", 1, (0,)),
    ]  # fmt: skip
    prepared = prepare(one.config, Provider(one.config.qlib_init.provider_uri))
    fit = fit_ridge(prepared.train, prepared.valid, valid_criterion(one.config, prepared.valid))
    expected = {
        "reversal": factor_scores(prepared.dataset, prepared.test, FACTORS["reversal"]),
        "momentum": factor_scores(prepared.dataset, prepared.test, FACTORS["momentum"]),
        "ridge": fit.scores(prepared.test),
    }
    index = prepared.dataset.index(prepared.test.days, prepared.test.instruments)
    for run in runs:
        (name,) = run.row.runs.values()
        table = Record(tmp_path / "tiny" / name).table("pred")["score"]
        wanted = pd.Series(expected[run.row.label], index).sort_index()
        np.testing.assert_array_equal(table.to_numpy(), wanted.reindex(table.index).to_numpy())
    training = Record(tmp_path / "tiny" / name).provenance()["training"]
    assert training["best_score"] == pytest.approx(fit.valid_score)
    assert training["parameters"] == fit.parameters


def test_criterion_of_the_loss_is_minus_the_error_on_valid(configure: Configure) -> None:
    config = candidate(configure).config
    valid = prepare(config, Provider(config.qlib_init.provider_uri)).valid
    scores = np.random.default_rng(0).normal(size=len(valid)).astype(np.float32)
    assert valid_criterion(config, valid)(scores) == pytest.approx(
        -np.nanmean((scores - valid.labels) ** 2), rel=1e-5
    )
    by_day = candidate(configure, "lstm_bench.training.loss=ic").config
    assert valid_criterion(by_day, valid)(valid.labels.astype(np.float32)) == pytest.approx(0, abs=1e-5)


def test_what_is_recorded_is_not_computed_again(configure: Configure, tmp_path: Path) -> None:
    one = candidate(configure)
    first = scored(one, tmp_path)
    again = scored(one, tmp_path)
    assert [run.computed for run in again] == [0, 0, 0]
    assert [run.row for run in again] == [run.row for run in first]
    forced = scored(one, tmp_path, Request(("reversal",), (0,), force=True))
    assert [run.computed for run in forced] == [1]


def test_they_lie_beside_the_lstm_and_the_permuted_one(configure: Configure, tmp_path: Path) -> None:
    one = candidate(configure, "task.model.kwargs.n_epochs=1")
    request = Request(("reversal", "permuted"), (3, 4))
    scored(one, tmp_path, request)
    (permuted,) = train_permuted(
        one, request, devices=[CPU], executor="inline", results=tmp_path, progress=BenchProgress()
    )
    bench([one], [3], devices=[CPU], executor="inline", results=tmp_path, progress=BenchProgress())
    manifest = Bench.load(tmp_path / "tiny")
    assert manifest is not None
    assert list(manifest.rows) == ["reversal", "permuted", "tiny"]
    assert (permuted.row.seeds, permuted.computed, permuted.row.failures) == ((3, 4), 2, {})
    assert permuted.row.workflow["lstm_bench"]["training"]["permute_labels"] is True
    records = [
        Record(tmp_path / "tiny" / name) for row in manifest.rows.values() for name in row.runs.values()
    ]
    index = records[0].table("pred").index
    assert all(record.table("pred").index.equals(index) for record in records)
    assert [record.provenance()["permuted_labels"] for record in records] == [False, True, True, False]
    assert train_permuted(
        one, ALL, devices=[CPU], executor="inline", results=tmp_path, progress=BenchProgress()
    ) == []  # fmt: skip


@pytest.mark.skipif(not is_installed(), reason="the extra baselines is not installed")
def test_lightgbm_has_a_run_for_each_seed(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**tree_settings("Alpha158"), "lambda_l1": 0.0, "lambda_l2": 1.0, "num_boost_round": 5}
    monkeypatch.setattr("lstm_bench.model.baselines.gradient_boosting.tree_settings", lambda _: settings)
    one = candidate(configure)
    (run,) = scored(one, tmp_path, Request(("lightgbm",), (1, 2)))
    assert (run.row.seeds, run.computed) == ((1, 2), 2)
    assert run.row.model == {"kind": "lightgbm", "settings": settings}
    prepared = prepare(one.config, Provider(one.config.qlib_init.provider_uri))
    trees = fit_trees(prepared.train, prepared.valid, 2, settings)
    record = Record(tmp_path / "tiny" / run.row.runs[2])
    index = prepared.dataset.index(prepared.test.days, prepared.test.instruments)
    wanted = pd.Series(trees.scores(prepared.test), index).sort_index()
    np.testing.assert_array_equal(scores_of(record), wanted.to_numpy())
    assert record.provenance()["scores"]["rounds"] == trees.rounds
    assert (scores_of(record) != scores_of(Record(tmp_path / "tiny" / run.row.runs[1]))).any()


def test_names_are_read_in_order(configure: Configure, tmp_path: Path) -> None:
    assert parse_baselines("ridge, reversal") == ("reversal", "ridge")
    with pytest.raises(ValueError, match="got 'rigde'; did you mean 'ridge'"):
        parse_baselines("rigde")
    with pytest.raises(ValueError, match="each baseline once"):
        parse_baselines("ridge,ridge")


def test_a_control_has_no_baselines(configure: Configure, tmp_path: Path) -> None:
    permuted = candidate(configure, "lstm_bench.training.permute_labels=true")
    with pytest.raises(ConfigError, match=r"permute_labels: got true, expected false"):
        scored(permuted, tmp_path)
