"""A tracker that raises, hangs or vanishes: training does not notice."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from lstm_bench.config.sections.tracking import TrackingConfig
from lstm_bench.config.workflow import RunConfig
from lstm_bench.model.trainer import Fit
from lstm_bench.record.record import Record
from lstm_bench.run.runner import execute
from lstm_bench.tracking.factory import open_tracker
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.tracker import TrackedRun

Configure = Callable[..., RunConfig]

PATIENCE_SECONDS = 60.0
SMALL = ("lstm_bench.compat=none", "task.model.kwargs.n_epochs=3")
RUN = TrackedRun("0123-s", "n", "s", "run", {}, {})

MISHAP = """\
import os, time

if os.environ.get("MISHAP") == "start:die":
    os._exit(7)
if "MISHAP" in os.environ:
    import wandb
    where, what = os.environ["MISHAP"].split(":")

    def mishap(*_, **__):
        if what == "raise":
            raise wandb.errors.CommError("the server is on fire")
        if what == "full":
            raise OSError(28, "No space left on device")
        while True:
            time.sleep(60)

    if where == "init":
        wandb.init = mishap
    else:
        setattr(wandb.Run, where, mishap)
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunConfig], Record]:
    """Return the record of an untracked run."""
    folder = tmp_path_factory.mktemp("alone") / "s"
    return lambda config: execute(config, folder)[0]


@pytest.mark.parametrize(
    ("mishap", "reason"),
    [
        ("init:raise", "CommError: the server is on fire"),
        ("log:full", "OSError: [Errno 28] No space left on device"),
        ("log:hang", "it has not "),  # answered, or where training is faster, finished within 3 s
        ("finish:hang", "it has not "),
    ],
)
def test_training_does_not_notice(
    configure: Configure,
    alone: Callable[[RunConfig], Record],
    tmp_path: Path,
    wandb_runs: object,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mishap: str,
    reason: str,
) -> None:
    config = configure(*SMALL)
    expected = alone(config)
    have(mishap, tmp_path, monkeypatch)
    seconds = 3.0 if "hang" in mishap else 120.0
    before = children()
    with open_tracker(TrackingConfig(tracker="wandb", timeout_seconds=seconds), tmp_path / "out") as tracker:
        record, computed = execute(config, tmp_path / "out" / "s", tracker=tracker)
    assert computed
    assert_same_record(expected, record)
    warnings = [one.message for one in caplog.records if "tracking stops here" in one.message]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"wandb: {reason}")
    assert warnings[0].endswith("; tracking stops here, and the work continues without it")
    until(lambda: children() <= before)


@pytest.mark.parametrize(
    ("mishap", "reason"),
    [("init:hang", "it has not answered for 1 s"), ("start:die", "its process has ended, exit code 7")],
)
def test_it_is_noticed_while_the_work_goes_on(
    tmp_path: Path,
    wandb_runs: object,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mishap: str,
    reason: str,
) -> None:
    have(mishap, tmp_path, monkeypatch)
    seconds = 1.0 if "hang" in mishap else 120.0
    with open_tracker(TrackingConfig(tracker="wandb", timeout_seconds=seconds), tmp_path) as tracker:
        tracker.begin(RUN)
        until(lambda: caplog.records)
        tracker.epoch(RUN.id, 0, {"valid_loss": 1.0})
    (warning,) = caplog.records
    assert warning.message.startswith(f"wandb: {reason}; tracking stops here")
    until(lambda: not children())


def test_a_disk_that_vanishes_is_said_once(
    configure: Configure,
    alone: Callable[[RunConfig], Record],
    tmp_path: Path,
    wandb_runs: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = configure(*SMALL)
    expected = alone(config)
    kept = tmp_path / "out" / "wandb"

    class Removing(Progress):
        """A progress in whose first epoch the disk goes, once it is written to."""

        def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
            if len(fits[0].epochs) == 1:
                until(lambda: list(kept.glob("offline-run-*/run-*.wandb")))
                kept.rename(tmp_path / "elsewhere")
                kept.write_text("no folder any more")

    with open_tracker(TrackingConfig(tracker="wandb", timeout_seconds=120.0), tmp_path / "out") as tracker:
        record, _ = execute(config, tmp_path / "out" / "s", tracker=tracker, progress=Removing())
    assert_same_record(expected, record)
    warnings = [one.message for one in caplog.records if "tracking stops here" in one.message]
    assert len(warnings) == 1


def test_a_process_that_cannot_be_started_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with caplog.at_level(logging.WARNING), open_tracker(TrackingConfig(tracker="wandb"), tmp_path) as tracker:
        tracker.begin(RUN)
        tracker.epoch(RUN.id, 0, {})
    (warning,) = caplog.records
    assert "its process cannot be started" in warning.message


def test_an_interrupted_command_leaves_the_rest_to_the_trackers_process(
    tmp_path: Path, wandb_runs: Callable[[Path], dict[str, Any]]
) -> None:
    def work() -> None:
        with open_tracker(TrackingConfig(tracker="wandb", timeout_seconds=120.0), tmp_path) as tracker:
            tracker.begin(RUN)
            tracker.epoch(RUN.id, 0, {"valid_loss": 1.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    until(lambda: not children())
    (logged,) = wandb_runs(tmp_path / "wandb").values()
    assert (logged.steps, logged.summary["state"], logged.exit_code) == ([0], "interrupted", 130)


def have(mishap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let W&B's own function fail in every process that starts from now on."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(MISHAP)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"), prepend=os.pathsep)
    monkeypatch.setenv("MISHAP", mishap)


def children() -> set[int]:
    """Processes of trackers that this one has started."""
    found = set()
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "lstm_bench.tracking.process" in child.cmdline():  # of one that has ended it is empty
                found.add(child.pid)
    return found


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


def assert_same_record(one: Record, other: Record) -> None:
    """Compare all but when and how long."""
    assert {path.name for path in one.path.iterdir()} == {path.name for path in other.path.iterdir()}
    for path in one.path.iterdir():
        if path.name not in ("provenance.json", "epochs.parquet"):
            assert path.read_bytes() == (other.path / path.name).read_bytes(), path.name
    epochs = [record.table("epochs").drop(columns="seconds") for record in (one, other)]
    assert epochs[0].equals(epochs[1])
    provenances = [record.provenance() for record in (one, other)]
    for provenance in provenances:
        for key in ("started", "seconds", "peak_memory_mib", "command"):
            provenance.pop(key)
        provenance["pack"].pop("train_seconds")
    assert provenances[0] == provenances[1]
