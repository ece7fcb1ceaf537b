"""Weights & Biases, offline: what its own reader finds."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.config.sections.tracking import TrackingConfig
from lstm_bench.config.workflow import RunConfig
from lstm_bench.run.runner import execute_pack
from lstm_bench.tracking.factory import open_tracker
from lstm_bench.tracking.tracker import TrackedRun

Configure = Callable[..., RunConfig]
Read = Callable[[Path], dict[str, Any]]

WANDB = TrackingConfig(tracker="wandb", timeout_seconds=120.0)
RUN = TrackedRun("0123-s", "seed 3", "s", "bench", {"lr": 0.5}, {"features": "Alpha360"})

FIGURES = """\
import struct, tempfile, zlib
from pathlib import Path

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

def draw(record):
    assert record.table("ic") is not None
    path = Path(tempfile.mkdtemp()) / "ic.png"
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    rest = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")
    path.write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + rest)
    yield "cumulative ic", path
"""


def test_the_runs_of_a_pack_are_tracked_side_by_side(
    configure: Configure,
    tmp_path: Path,
    wandb_runs: Read,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "drawn_here.py").write_text(FIGURES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    config = configure(
        "lstm_bench.compat=none", "task.model.kwargs.n_epochs=3", "task.model.kwargs.early_stop=1"
    )
    with open_tracker(WANDB, tmp_path / "out", figures="drawn_here:draw") as tracker:
        runs = execute_pack(config, [3, 1], tmp_path / "out" / "study", tracker=tracker)
    where = tmp_path / "out" / "wandb"
    found = wandb_runs(where)
    assert set(found) == {f"{run.record.path.name}-study" for run in runs}
    for run in runs:
        logged = found[f"{run.record.path.name}-study"]
        assert (logged.name, logged.group, logged.job_type) == (f"seed {run.seed}", "study", "run")
        assert logged.project == "lstm-bench"
        assert logged.tags == {"features:Alpha158", "compat:none", "study:study", "path:cpu"}
        assert logged.config["task"] == config.with_seed(run.seed).to_file()["task"]
        assert logged.config["run_id"] == run.record.path.name
        epochs = run.record.table("epochs")
        assert logged.steps == list(epochs.index)
        for name in epochs:
            assert [row[name] for row in logged.history] == list(epochs[name]), name
        assert logged.summary["state"] == "complete"
        assert {name: logged.summary[name] for name in run.record.metrics()} == run.record.metrics()
        assert logged.artifacts["record"] == {path.name for path in run.record.path.iterdir()}
        assert logged.summary["figures/cumulative ic"]["format"] == "png"
        assert logged.exit_code == 0
    warnings = [record.message for record in caplog.records if record.message.startswith("wandb")]
    assert warnings == [
        f"wandb: no API key is set, so runs are kept on this machine; wandb sync {where}/offline-run-*"
    ]


def test_a_run_that_is_told_again_has_one_history(tmp_path: Path, wandb_runs: Read) -> None:
    with open_tracker(WANDB, tmp_path) as tracker:
        tracker.begin(RUN)
        tracker.epoch(RUN.id, 0, {"valid_loss": 2.0})
        tracker.epoch(RUN.id, 1, {"valid_loss": 1.0})
        tracker.begin(RUN)  # it raised, and is tried again
        tracker.epoch(RUN.id, 1, {"valid_loss": 1.0})
    (interrupted,) = wandb_runs(tmp_path / "wandb").values()
    assert (interrupted.steps, interrupted.exit_code) == ([0, 1], 130)
    assert interrupted.tags == {"features:Alpha360", "interrupted"}
    with open_tracker(WANDB, tmp_path) as tracker:
        tracker.begin(RUN)
        for epoch in range(4):
            tracker.epoch(RUN.id, epoch, {"valid_loss": 3.0 - epoch})
        tracker.end(RUN.id, "pruned", {"best_valid_loss": float("nan")}, {"path": "cuda"})
    (again,) = wandb_runs(tmp_path / "wandb").values()  # of one id, or the reader refuses
    assert again.steps == [0, 1, 2, 3]
    assert again.tags == {"features:Alpha360", "path:cuda", "pruned"}
    assert (again.summary["state"], again.exit_code) == ("pruned", 0)


def test_its_own_variables_hold(
    tmp_path: Path, wandb_runs: Read, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mine = {
        "MODE": "offline",
        "PROJECT": "mine",
        "DIR": str(tmp_path / "there"),
        "RUN_GROUP": "g",
        "JOB_TYPE": "j",
    }
    for name, value in mine.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    (tmp_path / "there").mkdir()
    with caplog.at_level(logging.WARNING), open_tracker(WANDB, tmp_path / "out") as tracker:
        tracker.begin(RUN)
        tracker.table(RUN.id, "leaderboard", ["row", "IC"], [["default", 0.25]])
        tracker.end(RUN.id, "complete", {}, {})
    (logged,) = wandb_runs(tmp_path / "there" / "wandb").values()
    assert (logged.project, logged.group, logged.job_type) == ("mine", "g", "j")
    assert logged.summary["leaderboard.nrows"] == 1
    assert not [record for record in caplog.records if record.name == "lstm_bench"]
    assert not (tmp_path / "out").exists()


def test_a_netrc_that_cannot_be_read_ends_no_tracking(
    tmp_path: Path, wandb_runs: Read, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.wandb.ai\nlgin user\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with open_tracker(WANDB, tmp_path / "out") as tracker:
        tracker.begin(RUN)
        tracker.end(RUN.id, "complete", {}, {})
    (logged,) = wandb_runs(tmp_path / "out" / "wandb").values()
    assert logged.summary["state"] == "complete"
    warning, kept = [record.message for record in caplog.records if record.message.startswith("wandb: ")]
    assert warning.startswith(f"wandb: {netrc}, line 2: ")
    assert kept.startswith("wandb: no API key is set, so runs are kept on this machine")


def test_disabled_writes_nothing(tmp_path: Path, wandb_runs: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with open_tracker(WANDB, tmp_path / "out") as tracker:
        tracker.begin(RUN)
        tracker.epoch(RUN.id, 0, {"valid_loss": 2.0})
        tracker.end(RUN.id, "complete", {}, {})
    assert not wandb_runs(tmp_path / "out" / "wandb")


def test_the_record_may_be_left_out(configure: Configure, tmp_path: Path, wandb_runs: Read) -> None:
    config = configure("lstm_bench.tracking={tracker: wandb, record: false, timeout_seconds: 120}")
    with open_tracker(config.lstm_bench.tracking, tmp_path) as tracker:
        (run,) = execute_pack(config, [0], tmp_path / "s", tracker=tracker)
    (logged,) = wandb_runs(tmp_path / "wandb").values()
    assert logged.summary["IC"] == run.record.metrics()["IC"]
    assert not logged.artifacts


@pytest.mark.parametrize("kind", ["a file", "below a file", "below /proc"])
def test_a_folder_that_cannot_be_used_is_said_and_the_records_used_instead(
    tmp_path: Path,
    wandb_runs: Read,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """W&B itself would take the temporary folder, and say nothing that reaches the user."""
    (tmp_path / "file").write_text("")
    named = {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "runs",
        "below /proc": Path("/proc/runs"),
    }
    monkeypatch.setenv("WANDB_DIR", str(named[kind]))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with caplog.at_level(logging.WARNING), open_tracker(WANDB, tmp_path / "out") as tracker:
        tracker.begin(RUN)
        tracker.end(RUN.id, "complete", {}, {})
    assert set(wandb_runs(tmp_path / "out" / "wandb")) == {RUN.id}
    first = next(record.message for record in caplog.records)
    assert first.startswith(f"wandb: WANDB_DIR: {named[kind]} cannot be used, {named[kind]}")
    assert first.endswith(f"; runs are kept in {tmp_path / 'out' / 'wandb'}")
    assert not list((tmp_path / "temporary").glob("wandb"))


def test_a_folder_that_is_not_there_yet_is_made(
    tmp_path: Path, wandb_runs: Read, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "not" / "yet"))
    with caplog.at_level(logging.WARNING), open_tracker(WANDB, tmp_path / "out") as tracker:
        tracker.begin(RUN)
        tracker.end(RUN.id, "complete", {}, {})
    assert set(wandb_runs(tmp_path / "not" / "yet" / "wandb")) == {RUN.id}
    assert not any("cannot be used" in record.message for record in caplog.records)
