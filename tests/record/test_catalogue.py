"""Lists of runs: values from small files, faults of damaged records, and finding a run."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.brief_records import leave_run

from lstm_bench.config.workflow import load_workflow
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.record.catalogue import CatalogueEntry, find_entry, find_run, list_runs, run_folders
from lstm_bench.record.publish import recover, remove
from lstm_bench.record.record import Record

ONE, TWO, THREE = "00aa" * 4, "00ab" * 4, "12cd" * 4


def only(results: Path) -> CatalogueEntry:
    (entry,) = list_runs(results)
    return entry


def test_a_run_is_listed_with_what_its_small_files_say(tmp_path: Path) -> None:
    path = leave_run(tmp_path / "demo" / ONE)
    entry = only(tmp_path)
    assert (entry.path, entry.id, entry.experiment, entry.fault) == (path, ONE, "demo", "")
    assert (entry.features, entry.seed, entry.status, entry.state) == (
        "Alpha158",
        3,
        "early_stopped",
        "early stopped",
    )
    assert (entry.epochs, entry.best_epoch, entry.seconds) == (9, 4, 3.5)
    assert entry.started is not None
    assert entry.started.isoformat() == "2026-03-04T05:06:07+00:00"
    assert entry.metrics is not None
    assert entry.metrics["IC"] == 0.04
    assert math.isnan(entry.metrics["Rank IC"])


@pytest.mark.parametrize(
    ("features", "overrides", "name"),
    [
        ("alpha158", [], "Alpha158"),
        ("alpha360", [], "Alpha360"),
        ("alpha158", ["lstm_bench.features.name=mine"], "mine"),
        (
            "alpha158",
            ["lstm_bench.features.name=mine", "lstm_bench.compat=none", "lstm_bench.embargo=3"],
            "mine",
        ),
    ],
)
def test_the_feature_set_is_the_configurations(
    tmp_path: Path, features: str, overrides: list[str], name: str
) -> None:
    path = leave_run(tmp_path / "demo" / ONE, features, overrides=overrides)
    assert only(tmp_path).features == name == load_workflow(path / "config.yaml").feature_set


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("provenance.json", None, "it has no provenance.json"),
        ("provenance.json", "{", "provenance.json: cannot be read: "),
        ("provenance.json", "[]", "provenance.json: holds no JSON object"),
        ("provenance.json", '{"training": {}, "seconds": {}}', "provenance.json: it has no seed"),
        (
            "provenance.json",
            '{"training": 3}',
            "provenance.json: training: got 3 (a number), expected a mapping",
        ),
        ("metrics.json", None, "metrics.json: cannot be read: "),
        ("metrics.json", '{"IC": "high"}', "metrics.json: IC: got 'high', expected a number"),
        ("config.yaml", None, "it has no config.yaml"),
        ("config.yaml", b"\xff\xfe", "config.yaml: cannot be read: "),
        ("pred.parquet", None, "it has no pred.parquet"),
        ("model.safetensors", None, "it has no model.safetensors"),
    ],
)
def test_a_damaged_record_is_listed_with_its_fault(
    tmp_path: Path, name: str, content: str | bytes | None, fault: str
) -> None:
    path = leave_run(tmp_path / "demo" / ONE)
    leave_run(tmp_path / "demo" / TWO)
    (path / name).unlink()
    if content is not None:
        (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    damaged, sound = list_runs(tmp_path)
    assert damaged.state == "damaged"
    assert damaged.fault.startswith(fault)
    assert (sound.state, sound.fault) == ("early stopped", "")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seed", "3", "seed: got '3', expected a whole number of at least 0"),
        ("seconds", [1], "seconds: got [1] (a list), expected a mapping"),
        ("started", 17, "started: got 17 (a number), expected a text in quotes"),
        ("started", "yesterday", "started: got 'yesterday', expected a date and a time"),
        ("data_fingerprint", None, "data_fingerprint: got null, expected a text"),
        (
            "training",
            {"status": 1, "epochs": 1, "best_epoch": 0},
            "training.status: got 1 (a number), expected a text in quotes",
        ),
    ],
)
def test_a_value_of_another_kind_is_a_fault(tmp_path: Path, key: str, value: Any, expected: str) -> None:
    leave_run(tmp_path / "demo" / ONE, **{key: value})
    assert only(tmp_path).fault.startswith(f"provenance.json: {expected}")


def test_a_run_that_diverged_is_no_damaged_one(tmp_path: Path) -> None:
    path = leave_run(tmp_path / "demo" / ONE, metrics={})
    for name in ("pred.parquet", "label.parquet", "ic.parquet", "model.safetensors"):
        (path / name).unlink()
    assert (only(tmp_path).state, only(tmp_path).fault) == ("diverged", "")


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    leave_run(tmp_path / "demo" / ONE)
    (tmp_path / "demo" / "search").mkdir()
    (tmp_path / "leaderboard").mkdir()
    (tmp_path / "leaderboard" / "demo.parquet").touch()
    (tmp_path / "wandb" / "offline-run" / "files").mkdir(parents=True)
    (tmp_path / "wandb" / "offline-run" / "config.yaml").touch()
    (tmp_path / ".hidden" / TWO).mkdir(parents=True)
    assert [path.name for path in run_folders(tmp_path)] == [ONE]
    assert [entry.id for entry in list_runs(tmp_path)] == [ONE]
    assert list_runs(tmp_path / "nowhere") == []


def test_beginnings_that_are_unique_will_do(tmp_path: Path) -> None:
    demo, other = leave_run(tmp_path / "demo" / ONE), leave_run(tmp_path / "other" / THREE)
    leave_run(tmp_path / "demo" / TWO)
    for text, found in (
        (ONE, demo), ("00aa", demo), ("demo/00aa", demo), ("other/", other), ("12", other), (str(demo), demo),
    ):  # fmt: skip
        assert find_run(text, tmp_path) == found
    with pytest.raises(DataError, match=f"got '00a', which 2 records begin with; .*{ONE}, .*{TWO}"):
        find_run("00a", tmp_path)
    with pytest.raises(DataError, match="got 'demo/', which 2 records begin with"):
        find_run("demo/", tmp_path)
    with pytest.raises(DataError, match="got 'dem', expected a record's folder"):
        find_run("dem", tmp_path)


def test_an_id_in_two_experiments_is_told_apart_by_them(tmp_path: Path) -> None:
    first, second = (leave_run(tmp_path / name / ONE) for name in ("demo", "demo2"))
    with pytest.raises(DataError, match="which 2 records begin with"):
        find_run(ONE, tmp_path)
    assert find_run(f"demo/{ONE}", tmp_path) == first
    assert find_run("demo2/0", tmp_path) == second


@pytest.mark.parametrize("name", ["project", "00aa", "00AA00AA00AA00AA"])
def test_a_folder_that_is_no_runs_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "config.yaml").touch()
    with pytest.raises(DataError, match="is no run's record: its name is none of the ids"):
        find_entry(str(folder), tmp_path)


def test_removal_frees_the_records_bytes(tmp_path: Path) -> None:
    path = leave_run(tmp_path / "demo" / ONE)
    kept = leave_run(tmp_path / "demo" / TWO)
    size = sum(file.stat().st_size for file in path.iterdir())
    assert remove(path) == size > 0
    assert not path.exists()
    assert Record.find(kept) is not None
    assert [found.name for found in (tmp_path / "demo").iterdir() if found.name != ".lock"] == [TWO]


def test_a_run_that_is_being_written_is_not_removed(tmp_path: Path) -> None:
    path = leave_run(tmp_path / "demo" / ONE)
    staging = tmp_path / "demo" / f".{ONE}.{platform.node()}-{os.getpid()}-0123abcd.draft"
    staging.mkdir()
    assert only(tmp_path).state == "being written"
    with pytest.raises(InputError, match=f"process {os.getpid()} is writing this run's record"):
        remove(path)
    elsewhere = staging.rename(staging.with_name(f".{ONE}.some-host-7-0123abcd.draft"))
    with pytest.raises(InputError, match=f"process 7 on some-host is writing .* remove {elsewhere}"):
        remove(path)
    assert (path / "provenance.json").is_file()


def test_what_a_killed_process_left_is_listed_and_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    staging = tmp_path / "demo" / f".{ONE}.{platform.node()}-{gone.pid}-0123abcd.draft"
    staging.mkdir(parents=True)
    assert "a killed process left it unfinished" in only(tmp_path).fault
    remove(tmp_path / "demo" / ONE)
    assert not staging.exists()
    assert list_runs(tmp_path) == []


def test_a_removal_that_was_interrupted_is_completed_by_the_next_run(tmp_path: Path) -> None:
    path = leave_run(tmp_path / "demo" / ONE)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path.rename(
        path.with_name(f".{ONE}.{platform.node()}-{gone.pid}-0123abcd.draft")
    )  # killed after this step
    recover(path)
    assert list_runs(tmp_path) == []
    assert [found.name for found in (tmp_path / "demo").iterdir()] == [".lock"]
