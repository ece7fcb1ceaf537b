"""Rows of plain runs: which records make one, what it is called, and that it is evidence like any other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.report.conftest import configuration, leave_record

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.core.errors import ConfigError, InputError
from lstm_bench.record.identity import NUMERICS
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.evidence.inclusion import include
from lstm_bench.report.evidence.verification import verify
from lstm_bench.report.leaderboard.rows import rows_of

MakeRow = Callable[..., BenchRow]
LR = "task.model.kwargs.lr=0.01"
HIDDEN = "task.model.kwargs.hidden_size=32"


def leave(results: Path, experiment: str, *overrides: str, seed: int = 0, **provenance: object) -> str:
    """Leave a complete record, with the files that a list looks for."""
    config = configuration("Alpha158", f"task.model.kwargs.seed={seed}", *overrides)
    name = leave_record(results / experiment, config, **provenance)  # type: ignore[arg-type]
    if not provenance.get("diverged"):
        for file in ("pred.parquet", "label.parquet", "epochs.parquet", "model.safetensors"):
            (results / experiment / name / file).touch()
    return name


def seeds_of(results: Path) -> dict[str, list[int]]:
    return {row.name: [result.seed for result in row.complete] for row in rows_of(collect(results))}


def test_seeds_of_one_file_become_one_row(results: Path) -> None:
    names = {seed: leave(results, "demo", seed=seed) for seed in (4, 0, 2)}
    found = include(results, "demo")
    assert (dict(found.rows), dict(found.left_out), found.already) == ({"demo/demo": (0, 2, 4)}, {}, 0)
    evidence = collect(results)["demo"]
    assert [(result.row, result.seed, result.run_id) for result in evidence.results] == [
        ("demo", seed, names[seed]) for seed in (0, 2, 4)
    ]
    verify(evidence)


def test_including_again_adds_what_is_new(results: Path) -> None:
    leave(results, "demo", seed=0)
    include(results, "demo")
    manifest = (results / "demo" / "bench.json").read_bytes()
    again = include(results, "demo")
    assert (dict(again.rows), again.already) == ({}, 1)
    assert (results / "demo" / "bench.json").read_bytes() == manifest
    leave(results, "demo", seed=7)
    assert dict(include(results, "demo").rows) == {"demo/demo": (7,)}
    assert seeds_of(results) == {"demo/demo": [0, 7]}


def test_each_configuration_is_a_row_named_by_what_tells_it_apart(results: Path) -> None:
    leave(results, "demo", started="2026-01-01T00:00:00+00:00")
    leave(results, "demo", LR, seed=1, started="2026-01-02T00:00:00+00:00")
    leave(results, "demo", LR, seed=2, started="2026-01-02T00:00:00+00:00")
    leave(results, "demo", LR, HIDDEN, started="2026-01-03T00:00:00+00:00")
    include(results, "demo")
    assert seeds_of(results) == {"demo/demo": [0], "demo/lr=0.01": [1, 2], "demo/hidden_size=32,lr=0.01": [0]}


def test_labels_stay_and_need_no_quotes(results: Path) -> None:
    leave(results, "demo", started="2026-01-02T00:00:00+00:00")
    include(results, "demo")
    leave(results, "demo", 'data_handler_config.label=["Ref($close, -3) / Ref($close, -1) - 1"]',
          "task.model.kwargs.loss=mse", started="2026-01-01T00:00:00+00:00")  # fmt: skip
    include(results, "demo")
    long = [label for label in Bench.load(results / "demo").rows if label != "demo"]  # type: ignore[union-attr]
    assert len(long) == 1
    assert set(long[0]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-=,")
    assert len(long[0]) <= 40


def test_other_data_and_other_numerics_are_rows_of_their_own(results: Path) -> None:
    leave(results, "demo", started="2026-01-01T00:00:00+00:00")
    leave(results, "demo", data="cd" * 32, seed=1, started="2026-01-02T00:00:00+00:00")
    leave(results, "demo", numerics=1, seed=2, started="2026-01-03T00:00:00+00:00")
    include(results, "demo")
    found = seeds_of(results)
    assert found["demo/demo"] == [0]
    assert sorted(found.values()) == [[0], [1], [2]]
    assert any("data-cdcdcd" in name for name in found)
    assert {row.setting.numerics for row in rows_of(collect(results))} == {1, NUMERICS}


def test_a_bench_of_a_file_takes_the_plain_runs_in(results: Path, make_row: MakeRow) -> None:
    row = make_row("mine", "mine", [0, 1])
    leave(results, "mine", seed=5)
    for name in row.runs.values():
        for file in ("pred.parquet", "label.parquet", "epochs.parquet", "model.safetensors"):
            (results / "mine" / name / file).touch()
    found = include(results, "mine")
    assert (dict(found.rows), found.already) == ({"mine/mine": (5,)}, 2)
    assert seeds_of(results) == {"mine/mine": [0, 1, 5]}


def test_a_studys_row_takes_no_seed_in_that_may_have_tuned(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "tuned", [0, 1])
    bench = Bench.load(results / "mine")
    assert bench is not None
    bench.with_row(bench.rows["tuned"].model_copy(update={"trial": 3})).save(results / "mine")
    leave(results, "mine", seed=1000)
    include(results, "mine")
    assert seeds_of(results) == {"mine/mine": [1000], "mine/tuned": [0, 1]}


def test_a_run_that_diverged_counts_as_failed(results: Path) -> None:
    leave(results, "demo", seed=0)
    training = {"status": "diverged", "epochs": 1, "best_epoch": -1, "parameters": 1}
    name = leave(results, "demo", seed=1, diverged=True, training=training)
    (results / "demo" / name / "epochs.parquet").touch()
    include(results, "demo")
    (row,) = rows_of(collect(results))
    assert [(result.seed, result.status) for result in row.results] == [(0, "complete"), (1, "failed")]


def test_a_damaged_record_is_left_out_with_a_reason(results: Path) -> None:
    good, bad = leave(results, "demo", seed=0), leave(results, "demo", seed=1)
    (results / "demo" / bad / "metrics.json").write_text("{")
    found = include(results, "demo")
    assert dict(found.rows) == {"demo/demo": (0,)}
    assert "metrics.json: cannot be read" in found.left_out[results / "demo" / bad]
    shutil.rmtree(results / "demo" / good)
    (results / "demo" / "bench.json").unlink()
    with pytest.raises(InputError, match=r"--include: no run of 'demo' is complete: .*metrics\.json"):
        include(results, "demo")


@pytest.mark.parametrize("name", ["dmeo", "", "demo/", "../demo", "leaderboard"])
def test_an_experiment_that_is_not_there_is_refused(results: Path, name: str) -> None:
    leave(results, "demo")
    with pytest.raises(InputError, match=r"--include: no experiment .* has a run; .*choices: demo"):
        include(results, name)
    assert not (results / "demo" / "bench.json").exists()


def test_a_name_that_cannot_name_evidence_is_refused(results: Path) -> None:
    leave(results, "my runs")
    with pytest.raises(ConfigError, match=r"--include: got 'my runs'.*expected letters.*rename its folder"):
        include(results, "my runs")


def test_a_row_outlives_its_records(results: Path) -> None:
    names = [leave(results, "demo", seed=seed) for seed in (0, 1)]
    include(results, "demo")
    collect(results)
    shutil.rmtree(results / "demo" / names[0])
    assert seeds_of(results) == {"demo/demo": [0, 1]}
