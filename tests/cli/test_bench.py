"""``lstm-bench bench``: a study's best configuration, or a workflow file's, over seeds."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Start = Callable[..., subprocess.Popen[str]]
CPU = ["--devices", "cpu", "--slots-per-device", 2]


@pytest.fixture(scope="module")
def benched(tuned: Done, lstm_bench: Run) -> Done:
    inline = ["--devices", "cpu", "--executor", "inline"]
    done = lstm_bench("bench", "--study", "tiny", "--seeds", 2, *inline, "--json")
    assert done.returncode == 0, done.stderr
    return done


def test_the_best_configuration_is_run_over_the_seeds_and_recorded(
    benched: Done, tuned: Done, home: Path
) -> None:
    answer = json.loads(benched.stdout)
    assert (answer["experiment"], answer["computed"]) == ("results/tiny", 2)
    ((label, row),) = answer["rows"].items()
    assert label == "tuned"
    assert row["trial"] == json.loads(tuned.stdout)["best"]["number"]
    assert (row["seeds"], row["failures"]) == ([0, 1], {})
    for run in row["runs"].values():
        assert (home / "results" / "tiny" / run / "metrics.json").is_file()
    assert row["metrics"]["IC"]["std"] > 0


def test_what_has_a_record_is_not_trained_again(benched: Done, lstm_bench: Run) -> None:
    done = lstm_bench("bench", "--study", "tiny", "--seeds", 1, *CPU)
    assert done.returncode == 0, done.stderr
    assert "tiny, tuned: 2 of 2 seeds" in done.stdout
    assert "0 runs trained now; records in results/tiny" in done.stdout
    assert "nan" not in done.stdout


def test_a_workflow_file_stands_for_itself(lstm_bench: Run, small_run: list[object]) -> None:
    _, config, *usual = small_run
    done = lstm_bench("bench", config, *usual, "--seeds", "5,", "--out", "file", "--executor", "inline")
    assert done.returncode == 0, done.stderr
    assert "lstm_alpha158, lstm_alpha158: 1 of 1 seed" in done.stdout
    assert "nan" not in done.stdout


def test_ctrl_c_keeps_what_is_complete_and_says_so(tuned: Done, start: Start, home: Path) -> None:
    with start("bench", "--study", "tiny", "--trial", 1, "--seeds", "10-29", *CPU) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "seed 10 on cpu/0" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        out = process.stdout.read()
        process.stderr.read()
    assert process.returncode == 130
    assert "the same command continues" in out
    assert "nan" not in out
    hidden = [path for path in (home / "results" / "tiny").iterdir() if path.name.startswith(".")]
    assert {path.name for path in hidden} <= {".lock", ".bench.json.lock"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--seeds", "8-9"], "--seeds: 8 served in tuning, which chose what does well with them; "
                             "take others, such as 0-1"),
        (["--seeds", "7,20"], "--seeds: 7 served in tuning, which chose what does well with them; "
                              "take others, such as 0-1"),
        (["--seeds", "a"], "--seeds: got 'a', expected a count"),
        (["--trial", 99, "--seeds", 1], "--trial: got 99; the study has trials 0 to 0"),
        (["--trial", 0, "--top", 1], "--top and --trial: give one of them"),
        (["--seeds", 1], "study 'tiny' has no complete trial yet; run: lstm-bench tune --study tiny"),
        (["--set", "a=1"], "--set: a study's configurations are fixed"),
        (["x.yaml", "--top", 2], "CONFIG: a workflow file needs no study"),
        (["x.yaml"], "x.yaml: there is no such workflow file"),
        (["--trial", 0, "--seeds", 1, "--devices", "gpu"], "--devices: got 'gpu'"),
        (["--trial", 0, "--seeds", 1, "--executor", "ray"], "--executor: got 'ray'"),
    ],
)  # fmt: skip
def test_the_reason_names_the_option(
    here: Run, market: Path, study_file: Path, tmp_path: Path, arguments: list[object], reason: str
) -> None:
    here("study", "create", "--from", study_file, "--provider-uri", market)
    done = here("bench", *arguments)
    assert done.returncode == 2
    assert reason in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_row_of_a_workflow_file_has_a_name_and_an_ensemble(here: Run, small_run: list[object]) -> None:
    _, config, *usual = small_run
    bench = ["bench", config, *usual, "--executor", "inline", "--devices", "cpu", "--name", "mine"]
    done = here(*bench, "--seeds", "5,6", "--ensemble")
    assert done.returncode == 0, done.stderr
    assert "lstm_alpha158, mine: 2 of 2 seeds" in done.stdout
    assert "lstm_alpha158, mine-ensemble: 1 of 1 seed" in done.stdout
    assert "2 runs trained now" in done.stdout
    (run,) = re.findall(r"lstm-bench report (\w{16})$", done.stdout, re.MULTILINE)
    assert here("report", run, "--out", "page.html").returncode == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "Rank IC by number of seeds" in page
    other = here(*bench[:-1], "other", "--seeds", "5,", "--json")
    assert (json.loads(other.stdout)["computed"], list(json.loads(other.stdout)["rows"])) == (0, ["other"])
    table = here("leaderboard").stdout
    assert all(f"lstm_alpha158/{label} " in table for label in ("mine", "mine-ensemble", "other"))
    refused = here(*bench[:-1], "a|b", "--seeds", "5,")
    assert refused.returncode == 2
    assert "--name: got 'a|b', expected no / and no |" in refused.stderr


def test_a_studys_rows_are_named_after_its_trials(tuned: Done, lstm_bench: Run) -> None:
    refused = lstm_bench("bench", "--study", "tiny", "--name", "mine")
    assert refused.returncode == 2
    assert "--name: a study's rows are named after its trials" in refused.stderr
