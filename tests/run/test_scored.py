from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from tests.data.folders import shortened

from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.core.errors import DataError, RunError
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.record import rescue
from lstm_bench.record.catalogue import find_entry
from lstm_bench.record.identity import run_id
from lstm_bench.record.layout import TableName
from lstm_bench.record.ledger import ledger_path, read_ledger
from lstm_bench.record.saved import SavedRun
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.run import publication, scored
from lstm_bench.run.preparation import Prepared
from lstm_bench.run.runner import execute
from lstm_bench.run.scored import Scores, Scoring

Configure = Callable[..., RunConfig]
MODEL = ScoringModel("ridge", {"penalty": 2.0})


def of_table(table: pd.DataFrame) -> Callable[[Prepared], Scores]:
    """Score the test samples with a table of scores."""

    def score(prepared: Prepared) -> Scores:
        index = prepared.dataset.index(prepared.test.days, prepared.test.instruments)
        values = table["score"].reindex(index).to_numpy(np.float32)
        return Scores(values, valid_score=0.25, parameters=3)

    return score


def noise(prepared: Prepared) -> Scores:
    return Scores(np.random.default_rng(5).normal(size=len(prepared.test)).astype(np.float32))


@pytest.fixture
def config(configure: Configure) -> ResolvedRun:
    return configure().resolved()


def test_scores_of_a_run_give_its_figures(config: ResolvedRun, tmp_path: Path) -> None:
    run, _ = execute(config, tmp_path)
    made = Scoring(config, tmp_path).record(MODEL, of_table(run.table("pred")))
    record = made.record
    assert (made.seed, made.computed, made.error) == (0, True, None)
    assert record.metrics() == run.metrics()
    assert record.analysis() == run.analysis()
    for name in get_args(TableName):
        if name not in ("epochs", "ensemble"):
            pd.testing.assert_frame_equal(record.table(name), run.table(name))
    without = {"epochs.parquet", "model.safetensors", "statistics.json"}
    assert {path.name for path in run.path.iterdir()} - {
        path.name for path in record.path.iterdir()
    } == without


def test_the_provenance_names_the_model(config: ResolvedRun, tmp_path: Path) -> None:
    run, _ = execute(config, tmp_path)
    made = Scoring(config, tmp_path).record(MODEL, of_table(run.table("pred")))
    provenance, of_run = made.record.provenance(), run.provenance()
    assert provenance["model"] == MODEL.to_json()
    assert provenance["training"] == {
        "status": "finished", "epochs": 0, "best_epoch": None, "best_score": 0.25, "parameters": 3
    }  # fmt: skip
    assert provenance["run_id"] == made.record.path.name == run_id(config, of_run["data_fingerprint"], MODEL)
    for name in (
        "data_fingerprint",
        "data_used",
        "bars",
        "calendar",
        "numerics",
        "seed",
        "embargo",
        "synthetic",
    ):
        assert provenance[name] == of_run[name]
    assert set(provenance["seconds"]) == {"fingerprint", "dataset", "predict", "evaluate"}
    assert "model" not in of_run
    assert made.record.model() == MODEL
    assert run.model() is None


def test_a_record_is_not_computed_twice(config: ResolvedRun, tmp_path: Path) -> None:
    first = Scoring(config, tmp_path).record(MODEL, noise)

    def fail(prepared: Prepared) -> Scores:
        raise AssertionError

    again = Scoring(config, tmp_path).record(MODEL, fail)
    assert (again.record, again.computed) == (first.record, False)
    with pytest.raises(AssertionError):
        Scoring(config, tmp_path).record(MODEL, fail, force=True)
    assert Scoring(config, tmp_path).record(MODEL, noise, force=True).computed


def test_scores_are_entered_into_the_ledger_under_their_model(config: ResolvedRun, tmp_path: Path) -> None:
    run = Scoring(config, tmp_path / "e").record(MODEL, noise)
    Scoring(config, tmp_path / "e").record(MODEL, noise)  # its record exists
    (entry,) = read_ledger(tmp_path).entries
    assert (entry.event, entry.run.model, entry.run.run_id) == ("evaluated", "ridge", run.record.path.name)
    ledger_path(tmp_path).write_text("{}\n")
    with pytest.raises(DataError, match=r"ledger\.jsonl, line 1"):
        Scoring(config, tmp_path / "e").record(ScoringModel("ridge", {"penalty": 3.0}), noise)


def test_data_are_prepared_once_for_several_models_and_seeds(
    config: ResolvedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Dataset] = []

    def counted(*arguments: object, **options: object) -> Dataset:
        built.append(build_dataset(*arguments, **options))  # type: ignore[arg-type]
        return built[-1]

    monkeypatch.setattr(scored, "build_dataset", counted)
    scoring = Scoring(config, tmp_path)
    runs = [
        scoring.record(model, noise, seed=seed)
        for model in (MODEL, ScoringModel("momentum"))
        for seed in (0, 7)
    ]
    assert len(built) == 1
    assert len({run.record.path for run in runs}) == 4
    assert [run.record.config().seed for run in runs] == [0, 7, 0, 7]


def test_missing_scores_stay_missing(config: ResolvedRun, tmp_path: Path) -> None:
    def partly(prepared: Prepared) -> Scores:
        values = noise(prepared).values.copy()
        values[prepared.test.days == prepared.test.days.min()] = np.nan
        return Scores(values)

    record = Scoring(config, tmp_path).record(MODEL, partly).record
    scores, ic = record.table("pred")["score"], record.table("ic")["ic"]
    assert scores.isna().sum() == (scores.index.get_level_values("datetime") == ic.index[0]).sum() > 0
    assert np.isnan(ic.iloc[0])
    assert ic.iloc[1:-1].notna().all()
    assert record.metrics()["IC"] == pytest.approx(ic.mean())


@pytest.mark.parametrize("wrong", [np.inf, -np.inf])
def test_infinite_scores_are_refused(config: ResolvedRun, tmp_path: Path, wrong: float) -> None:
    def infinite(prepared: Prepared) -> Scores:
        values = noise(prepared).values.copy()
        values[3] = wrong
        return Scores(values)

    with pytest.raises(ValueError, match="infinite"):
        Scoring(config, tmp_path).record(MODEL, infinite)


def test_scores_of_other_samples_are_refused(config: ResolvedRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got the shape \(4,\), expected \(\d+,\)"):
        Scoring(config, tmp_path).record(MODEL, lambda _: Scores(np.zeros(4, np.float32)))
    with pytest.raises(ValueError, match="got infinite ones, or none"):
        Scoring(config, tmp_path).record(MODEL, lambda p: Scores(np.full(len(p.test), np.nan, np.float32)))
    assert not list(tmp_path.glob("*/provenance.json"))


def test_a_full_disk_keeps_the_record_elsewhere(
    config: ResolvedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kept, experiment = tmp_path / "kept", tmp_path / "experiment"
    monkeypatch.setattr(rescue, "_folders", lambda: iter([kept]))
    with monkeypatch.context() as patch:
        patch.setattr(publication, "publish_evaluated", full)
        with pytest.raises(RunError, match="no room for its record, which is kept in"):
            Scoring(config, experiment).record(MODEL, noise)
    taken = Scoring(config, experiment).record(MODEL, lambda _: pytest.fail("it is computed again"))
    assert not taken.computed
    assert taken.record.table("pred")["score"].notna().all()


def test_a_scored_record_is_whole_and_cannot_predict(config: ResolvedRun, tmp_path: Path) -> None:
    record = Scoring(config, tmp_path / "mine").record(MODEL, noise).record
    entry = find_entry(record.path.name, tmp_path)
    assert (entry.fault, entry.state, entry.model) == ("", "finished", MODEL)
    with pytest.raises(
        DataError, match=r"another model \(Ridge\), expected an LSTM: the record has no weights"
    ):
        SavedRun.load(record)


def test_data_that_grew_keep_the_name_of_the_models_records(
    configure: Configure, market: Path, tmp_path: Path
) -> None:
    growing = shortened(market, tmp_path / "growing", 310)
    days = (growing / "calendars" / "day.txt").read_text().split()
    config = configure(
        f"data_handler_config.end_time={days[300]}",
        f"task.dataset.kwargs.segments.test=[{days[250]}, {days[290]}]",
        f"portfolio.backtest.end_time={days[290]}",
        provider=growing,
    ).resolved()
    experiment = tmp_path / "experiment"
    first = Scoring(config, experiment).record(MODEL, noise)
    shutil.rmtree(growing)
    shutil.copytree(market, growing)
    again = Scoring(config, experiment).record(MODEL, noise)
    assert (again.record, again.computed) == (first.record, False)
