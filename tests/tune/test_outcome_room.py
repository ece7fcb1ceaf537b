"""The outcome of a trial on a full disk."""

from __future__ import annotations

import errno
import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.core.atomic import write_whole
from lstm_bench.record.rescue import rescued
from lstm_bench.tune import training

RESULT: dict[str, Any] = {
    "losses": {0: [1.0, 0.5]}, "train_losses": {0: [1.0, 0.5]}, "status": {0: "finished"}, "pruned": False,
    "valid_ic": {0: {"IC": 0.1, "Rank IC": 0.1}}, "seconds": 1.0,
}  # fmt: skip


class Heard:
    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []

    def report(self, values: dict[str, Any]) -> bool:
        self.reports.append(values)
        return True


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))


def test_it_is_kept_elsewhere_and_replayed_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = tmp_path / "results" / "0123456789abcdef.json"

    def on_a_full_disk(path: Path, content: str) -> None:
        if path == outcome:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_whole(path, content)

    monkeypatch.setattr(training, "write_whole", on_a_full_disk)
    training._keep(outcome, json.dumps(RESULT))
    kept = rescued(outcome.name)
    assert kept is not None
    assert f"{outcome.parent} has no room for the outcome of the trial, it is kept in {kept}" in caplog.text
    session = Heard()
    again = training.train_trial({"outcome": str(outcome)}, session)  # type: ignore[arg-type]
    assert (again["replayed"], again["losses"]) == (True, {0: [1.0, 0.5]})
    assert len(session.reports) == 2


def test_a_trial_ends_well_where_it_can_be_kept_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        training._keep(tmp_path / "results" / "k.json", json.dumps(RESULT))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "has no room for the outcome of the trial, nor does any other place" in caplog.text
