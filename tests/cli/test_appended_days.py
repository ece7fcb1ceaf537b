"""A study, and plain runs, on a folder that days are added to, through every command that meets their data."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.data.folders import set_bar, shortened

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
INLINE = ["--devices", "cpu", "--slots-per-device", 1, "--executor", "inline"]


@pytest.fixture
def growing(market: Path, tmp_path: Path) -> Path:
    return shortened(market, tmp_path / "growing", 310)


def add_days(growing: Path, market: Path) -> None:
    shutil.rmtree(growing)
    shutil.copytree(market, growing)


def answer(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_study_goes_on(here: Run, growing: Path, market: Path, study_file: Path) -> None:
    create = ["study", "create", "--from", study_file, "--provider-uri", growing]
    assert here(*create, "--seeds", "1").returncode == 0
    assert here("tune", "--trials", 1, *INLINE).returncode == 0
    bench = ["bench", "--trial", 0, *INLINE, "--json"]
    first = answer(here(*bench, "--seeds", "1,"))
    calendar = (growing / "calendars" / "day.txt").read_text().split()
    add_days(growing, market)

    tuned = answer(here("tune", "--trials", 2, *INLINE, "--json"))
    assert tuned["states"] == {"complete": 2}
    second = answer(here(*bench, "--seeds", "1,2"))
    assert (first["computed"], second["computed"]) == (1, 1)
    label = next(iter(second["rows"]))  # the better of two trials is called tuned
    assert second["rows"][label]["seeds"] == [1, 2]
    assert second["rows"][label]["runs"]["1"] == next(iter(first["rows"].values()))["runs"]["1"]
    run = Path(second["experiment"]) / second["rows"][label]["runs"]["2"]
    assert json.loads((run / "provenance.json").read_text())["calendar"] == [calendar[0], calendar[-1]]
    explained = answer(here("leaderboard", "--explain", f"tiny/{label}", "--json"))
    assert len({seed["data_fingerprint"] for seed in explained["seeds"] if seed["status"] == "complete"}) == 1
    assert here("report", run).returncode == 0
    assert here("predict", run).returncode == 0
    # of tuning and of bench, before the days were added and after: a trial may read what no stamp covers
    assert len(answer(here("cache", "info", "--json"))["entries"]) == 4

    set_bar(growing, "SH000300", "close", len(calendar) + 2, 1.0)  # a later one
    assert answer(here(*bench, "--seeds", "1,2"))["computed"] == 0
    set_bar(growing, "SH000300", "close", len(calendar) - 20, 1.0)
    for command in (["tune", "--trials", 3], ["bench", "--seeds", "1,"]):
        refused = here(*command)
        assert refused.returncode == 2
        assert "study 'tiny' was made for other data than" in refused.stderr
        assert "has: the bars of SH000300 changed in 20" in " ".join(refused.stderr.split())


def test_a_workflow_files_rows_go_on(here: Run, growing: Path, market: Path, small_run: list[object]) -> None:
    _, config, _, _, *usual = small_run
    segments = (
        "{train: [2019-07-20, 2020-04-01], valid: [2020-04-02, 2020-06-10], test: [2020-06-11, 2020-08-28]}"
    )
    usual += [
        "--set",
        f"task.dataset.kwargs.segments={segments}",
        "--set",
        "portfolio.backtest.end_time=2020-08-28",
    ]
    bench = ["bench", config, "--provider-uri", growing, *usual, *INLINE, "--json"]
    first = answer(here(*bench, "--seeds", "0-1"))
    add_days(growing, market)
    second = answer(here(*bench, "--seeds", "0-2"))
    assert (first["computed"], second["computed"]) == (2, 1)
    run = answer(here("run", config, "--provider-uri", growing, *usual, "--seed", 1, "--json"))
    assert (run["computed"], Path(run["record"]).name) == (
        False, second["rows"]["lstm_alpha158"]["runs"]["1"]
    )  # fmt: skip
    other = ["--set", "task.model.kwargs.hidden_size=5", "--set", "experiment_name=other"]
    third = answer(here(*bench, *other, "--seeds", "0-1"))
    assert third["computed"] == 2
    compared = here("compare", "lstm_alpha158", "other", "--json")  # of two folders, and of the same days
    assert compared.returncode == 0, compared.stderr
