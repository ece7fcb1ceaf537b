"""``runs``: the records of runs, listed, looked at, compared and removed."""

from __future__ import annotations

import json
import os
import platform
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.brief_records import leave_run

ONE, TWO, THREE = "00aa" * 4, "00ab" * 4, "12cd" * 4
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three runs of two experiments; one has a newer date, one a lower IC."""
    folder = tmp_path / "results"
    leave_run(folder / "demo" / ONE, metrics={"IC": 0.05, "Rank IC": 0.06}, seed=0)
    leave_run(folder / "demo" / TWO, metrics={"IC": 0.01}, seed=1, started="2026-05-01T00:00:00+00:00")
    leave_run(
        folder / "wide" / THREE, "alpha360", metrics={"IC": 0.04}, overrides=["task.model.kwargs.lr=0.01"]
    )
    return folder


def listed(here: Run, *arguments: object) -> list[str]:
    done = here("runs", "list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [run["run"] for run in json.loads(done.stdout)["runs"]]


def test_a_list_is_filtered_and_sorted(here: Run, results: Path) -> None:
    assert listed(here) == [TWO, ONE, THREE], "the newest first, then by experiment"
    assert listed(here, "--experiment", "demo", "--sort", "IC") == [ONE, TWO]
    assert listed(here, "--features", "alpha360") == [THREE]
    assert listed(here, "--seed", "1") == [TWO]
    assert listed(here, "--seed", "0-2") == [TWO, ONE]
    assert listed(here, "--where", "IC>0.03", "--where", "IC<0.045") == [THREE]
    assert listed(here, "--since", "2026-04-01") == [TWO]
    assert listed(here, "--until", "2026-04-01") == [ONE, THREE]
    assert listed(here, "--sort", "IC", "--reverse", "--limit", 1) == [TWO]


def test_a_list_is_printed_with_what_is_wrong(here: Run, results: Path) -> None:
    (results / "demo" / TWO / "metrics.json").write_text("{")
    done = here("runs", "list", "--sort", "seconds")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["Run", "Experiment", "Features", "Started", "Seed", "IC", "Rank", "IC", "Return",
                                "seconds"]  # fmt: skip
    assert [line.split()[0] for line in lines[2:5]] == [ONE, TWO, THREE]
    assert lines[2].split()[-4:] == ["0.0500", "0.0600", "–", "3.5000"]
    assert lines[5].startswith("demo/00ab00ab is damaged: metrics.json: cannot be read")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_list_of_nothing_says_so(here: Run, results: Path) -> None:
    assert here("runs", "list", "--where", "IC>9").stdout == "3 runs in results; none matches\n"
    (results.parent / "empty").mkdir()
    assert "lstm-bench run CONFIG makes one" in here("runs", "list", "--results", "empty").stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--where", "ICC>0.1"], "--where: got 'ICC'; did you mean 'IC'"),
        (["--where", "IC"], "--where: got 'IC', expected a figure"),
        (["--sort", "Drawdwn"], "--sort: got 'Drawdwn'; did you mean 'Max Drawdown'"),
        (["--since", "may"], "--since: got 'may', expected a day such as"),
        (["--seed", "a"], "--seed: "),
        (["--experiment", "dmeo"], "--experiment: no run has 'dmeo'; did you mean 'demo'"),
        (["--results", "nowhere"], "--results: there is no folder nowhere"),
    ],
)
def test_a_wrong_option_is_named(here: Run, results: Path, arguments: list[str], reason: str) -> None:
    done = here("runs", "list", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {reason}")


def test_show_says_what_a_run_is_and_what_comes_next(here: Run, results: Path) -> None:
    done = here("runs", "show", "00aa")
    assert done.returncode == 0, done.stderr
    for text in (
        f"demo, seed 0: results/demo/{ONE}", "early stopped after 9 epochs", "Alpha158, 20 columns", "num_layers 2",
        "lstm-bench report 00aa00aa\n", "lstm-bench predict 00aa00aa\n", "lstm-bench leaderboard --include demo\n",
    ):  # fmt: skip
        assert text in done.stdout
    printed = json.loads(here("runs", "show", "demo/00aa", "--json").stdout)
    assert (printed["run"], printed["metrics"]["IC"], printed["rows"]) == (ONE, 0.05, [])
    assert printed["config"]["task"]["model"]["kwargs"]["hidden_size"] == 64
    assert printed["provenance"]["seed"] == 0


@pytest.mark.parametrize("name", ["provenance.json", "metrics.json", "config.yaml", "pred.parquet"])
def test_show_of_a_damaged_record_says_what_is_wrong(here: Run, results: Path, name: str) -> None:
    (results / "demo" / ONE / name).unlink()
    done = here("runs", "show", "00aa")
    assert done.returncode == 0, done.stderr
    assert "this record is damaged: " in done.stdout
    assert name in done.stdout
    assert "lstm-bench runs rm 00aa00aa" in done.stdout
    assert "lstm-bench predict" not in done.stdout
    printed = json.loads(here("runs", "show", "00aa", "--json").stdout)
    assert name in printed["fault"]


def test_diff_names_keys_and_figures(here: Run, results: Path) -> None:
    found = json.loads(here("runs", "diff", "00aa", "00ab", "--json").stdout)
    assert found["metrics"] == {"IC": [0.05, 0.01], "Rank IC": [0.06, None]}
    assert found["configuration"] == {}
    other = json.loads(here("runs", "diff", "00aa", "12", "--json").stdout)
    assert other["configuration"]["task.model.kwargs.lr"] == [0.001, 0.01]
    done = here("runs", "diff", "00aa", "12")
    assert "task.model.kwargs.lr" in done.stdout
    assert "B - A" in done.stdout
    assert "nothing differs" in here("runs", "diff", "00aa", ONE).stdout


def test_an_ambiguous_beginning_is_listed(here: Run, results: Path) -> None:
    for command in (
        ["runs", "show"],
        ["runs", "rm", "--yes"],
        ["report"],
        ["predict"],
        ["runs", "diff", "12"],
    ):
        done = here(*command, "00a")
        assert done.returncode == 2
        assert "which 2 records begin with" in done.stderr
        assert ONE in done.stderr
        assert TWO in done.stderr
    assert (results / "demo" / ONE).is_dir()


def test_rm_removes_what_is_named(here: Run, results: Path) -> None:
    done = here("runs", "rm", "00aa", f"demo/{ONE}", "12cd", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("removed 2 records; ")
    assert listed(here) == [TWO]
    removed = json.loads(here("runs", "rm", "00", "--yes", "--json").stdout)
    assert removed["removed"] == [f"results/demo/{TWO}"]
    assert removed["bytes"] > 0


def test_rm_removes_the_controls_of_the_record_alone(here: Run, results: Path) -> None:
    folder = results / "demo" / "controls"
    folder.mkdir()
    for name in (ONE, TWO):
        (folder / f"{name}.json").write_text("{}")
    assert here("runs", "rm", ONE, "--yes").returncode == 0
    assert [path.stem for path in folder.iterdir()] == [TWO]
    assert here("runs", "rm", TWO, "--yes").returncode == 0
    assert not folder.exists()


def test_rm_asks_and_takes_no_for_an_answer(
    results: Path, tmp_path: Path, environment: Callable[[Path], dict[str, str]]
) -> None:
    def answered(text: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        os.write(ours, text.encode())
        command = [sys.executable, "-m", "lstm_bench", "runs", "rm", "00aa"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment(tmp_path), stdin=theirs, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        os.close(ours)
        os.close(theirs)
        return done.returncode, done.stdout + done.stderr

    code, printed = answered("n\n")
    assert (code, "nothing removed" in printed) == (0, True)
    assert f"demo, seed 0: results/demo/{ONE}" in printed
    assert (results / "demo" / ONE).is_dir()
    code, printed = answered("y\n")
    assert (code, "removed 1 record" in printed) == (0, True)
    assert not (results / "demo" / ONE).exists()


def test_rm_where_nobody_can_be_asked_removes_nothing(
    here: Run, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        done = here("runs", "rm", "00aa")
    assert done.returncode == 2
    assert "--yes removes this record without asking" in done.stderr
    assert (results / "demo" / ONE).is_dir()


def test_rm_refuses_a_run_that_is_being_written_and_keeps_the_others(here: Run, results: Path) -> None:
    (results / "demo" / f".{TWO}.{platform.node()}-{os.getpid()}-00ff.draft").mkdir()
    done = here("runs", "rm", "00aa", "00ab", "--yes")
    assert done.returncode == 2
    assert f"process {os.getpid()} is writing this run's record" in done.stderr
    assert (results / "demo" / ONE).is_dir()


@pytest.mark.parametrize("folder", ["project", "results", "results/demo"])
def test_rm_takes_no_other_folder(here: Run, results: Path, tmp_path: Path, folder: str) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "provenance.json").write_text("{}")
    done = here("runs", "rm", folder, "--yes")
    assert done.returncode == 2
    assert "is no run's record" in done.stderr
    assert (tmp_path / "project" / "provenance.json").is_file()
    assert len(listed(here)) == 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("runs show 00", [ONE, TWO]),
        ("runs diff 00aa00aa00aa00aa 1", [THREE]),
        ("runs rm 12cd12cd12cd12cd 00ab", [TWO]),
        ("report 12", [THREE]),
        ("predict wide/", [f"wide/{THREE}"]),
        ("runs show --results other ", ["ff" * 8]),
        ("runs show x", []),
    ],
)
def test_ids_complete_in_the_shell(
    results: Path, tmp_path: Path, words: str, expected: list[str], here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    leave_run(tmp_path / "other" / "demo" / ("ff" * 8))
    asked: dict[str, Any] = {
        "_LSTM_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": f"lstm-bench {words}",
        "COMP_CWORD": str(len(f"lstm-bench {words}".split(" ")) - 1),
    }  # fmt: skip
    from lstm_bench.cli.app import app

    done = CliRunner().invoke(app, prog_name="lstm-bench", env=asked)
    assert done.output.split() == expected
