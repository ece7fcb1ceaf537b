"""``leaderboard`` and ``compare`` from the command line."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.report.evidence.test_coverage import moved

from lstm_bench.config.workflow import load_workflow
from lstm_bench.evaluate.returns.risk import excess_risk
from lstm_bench.record.evidence import Daily, Evidence, write_study
from lstm_bench.record.evidence_schema import DAILY, SeedResult
from lstm_bench.record.identity import NUMERICS, run_id
from lstm_bench.record.ledger import read_ledger
from lstm_bench.report.leaderboard.setting import config_text

CONFIGS = Path(__file__).parents[2] / "configs"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def commit(results: Path, study: str, features: str, seeds: range) -> Evidence:
    """Write made-up evidence of a study."""
    config = load_workflow(CONFIGS / f"lstm_{features.lower()}.yaml")
    days = np.arange("2017-01-03", "2017-04-15", dtype="datetime64[D]")
    found, daily = [], {}
    for seed in seeds:
        generator = np.random.default_rng(seed)
        series = {name: generator.normal(0.001, 0.01, len(days)) for name in DAILY}
        daily["default", seed] = Daily(days, series)
        result = SeedResult(
            study, "default", features, 0, seed, "complete", "", config_text(config.with_seed(seed))
        )
        figures: dict[str, float] = {}
        for name, values in (("IC", series["ic"]), ("Rank IC", series["rank_ic"])):
            figures |= {name: float(values.mean()), f"{name}IR": float(values.mean() / values.std(ddof=1))}
        found.append(
            replace(
                result,
                metrics=figures | excess_risk(series),
                run_id=run_id(config.with_seed(seed), "ab" * 32),
                data_fingerprint="ab" * 32,
                first_day=date(2008, 1, 2),
                last_day=date(2020, 7, 31),
                numerics=NUMERICS,
                epochs=11,
                parameters=1000,
            )
        )
    evidence = Evidence.of(study, found, daily)
    write_study(results, evidence)
    return evidence


@pytest.fixture
def results(tmp_path: Path) -> Path:
    commit(tmp_path / "results", "alpha158", "Alpha158", range(4))
    commit(tmp_path / "results", "alpha360", "Alpha360", range(2, 6))
    return tmp_path / "results"


def test_without_a_row_it_says_how_to_make_one(here: Run) -> None:
    done = here("leaderboard")
    assert done.returncode == 0, done.stderr
    assert "results: no row yet; `lstm-bench bench` trains" in done.stderr
    assert "There is no row yet" in done.stdout
    page = here("leaderboard", "--html", "page.html")
    assert "results: no row yet; `lstm-bench bench` trains" in page.stderr


def test_a_document_is_built_checked_and_found_stale(here: Run, results: Path, tmp_path: Path) -> None:
    for message in ("benchmarks.md: rebuilt", "benchmarks.md: up to date"):
        done = here("leaderboard", "--out", "benchmarks.md")
        assert (done.returncode, done.stdout.strip()) == (0, message), done.stderr
    before = (tmp_path / "benchmarks.md").read_bytes()
    assert here("leaderboard", "--check").returncode == 0
    current = json.loads(here("leaderboard", "--check", "--json").stdout)
    assert current == {"stale": False, "documents": [{"document": "benchmarks.md", "stale": False}]}
    commit(results, "alpha158", "Alpha158", range(5))
    done = here("leaderboard", "--check", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["stale"] is True
    assert "error: benchmarks.md is stale" in done.stderr
    assert "\n+| LSTM, alpha158/default |" in done.stderr
    assert (tmp_path / "benchmarks.md").read_bytes() == before


def test_several_documents_are_checked_at_once(here: Run, results: Path, tmp_path: Path) -> None:
    assert here("leaderboard", "--out", "full.md", "--kind", "full").returncode == 0
    done = here("leaderboard", "--out", "own.md", "--kind", "own")
    assert (done.returncode, done.stdout.strip()) == (0, "own.md: rebuilt"), done.stderr
    both = ("--out", "own.md", "--out", "full.md")
    assert here("leaderboard", *both).stdout.splitlines() == ["own.md: up to date", "full.md: up to date"]
    commit(results, "alpha158", "Alpha158", range(5))
    done = here("leaderboard", "--check", *both)
    assert done.returncode == 1
    assert "own.md: its generated blocks follow from the evidence" in done.stdout
    assert "error: full.md is stale" in done.stderr
    found = json.loads(here("leaderboard", "--check", "--json", *both).stdout)
    assert found["stale"] is True
    assert [one["stale"] for one in found["documents"]] == [False, True]


def test_tables_of_a_kind(here: Run, results: Path) -> None:
    assert "alpha158/default" in here("leaderboard", "--kind", "full").stdout
    done = here("leaderboard", "--kind", "reduced", "--kind", "own")
    assert "results: no row of kind reduced or own yet" in done.stderr
    assert "alpha158" not in done.stdout


def test_a_ledger_that_was_changed_is_found(here: Run, results: Path, tmp_path: Path) -> None:
    here("leaderboard")
    ledger = results / "leaderboard" / "ledger.jsonl"
    # what is adopted later gets another time, also within the same second
    ledger.write_bytes(moved(read_ledger(results).entries, 0, 8, days=-1))
    here("leaderboard", "--out", "benchmarks.md")
    lines = ledger.read_text().splitlines(keepends=True)
    assert f"Test evaluations: {len(lines)}, ledger" in (tmp_path / "benchmarks.md").read_text()
    ledger.write_text("".join(lines[:-1]))
    done = here("leaderboard", "--check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: benchmarks.md: it states that line 8 of the ledger has the hash" in done.stderr
    assert here("leaderboard", "--out", "benchmarks.md").returncode == 2
    ledger.write_text("".join([lines[1], lines[0], *lines[2:]]))
    assert "ledger.jsonl, line 1: number: got 2, expected 1" in here("leaderboard", "--check").stderr


def test_a_document_without_a_block_is_left_alone(here: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n")
    done = here("leaderboard", "--out", "notes.md")
    assert done.returncode == 2
    assert "<!-- lstm-bench: leaderboard -->\n<!-- lstm-bench: end -->" in done.stderr
    assert (tmp_path / "notes.md").read_text() == "# Notes\n"


def test_formats(here: Run, results: Path) -> None:
    assert "| Model Name | Dataset | IC | ICIR |" in here("leaderboard").stdout
    assert r"\begin{tabular}" in here("leaderboard", "--format", "latex").stdout
    assert here("leaderboard", "--format", "csv").stdout.startswith("source,features,market")
    tables = json.loads(here("leaderboard", "--json").stdout)["tables"]
    assert [table["features"] for table in tables] == ["Alpha158", "Alpha360"]
    done = here("leaderboard", "--format", "csv", "--out", "x.md")
    assert done.returncode == 2
    assert "--format: got 'csv' with --out" in done.stderr
    done = here("leaderboard", "--json", "--out", "x.md")
    assert done.returncode == 2
    assert "--json: cannot go with --out" in done.stderr
    assert "--format" not in done.stderr


@pytest.mark.parametrize("command", [("leaderboard",), ("leaderboard", "--check"), ("compare", "a", "b")])
def test_results_that_are_no_folder_are_refused(here: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    for name, reason in (("file", "file is a file, expected a folder"), ("none", "there is no folder none")):
        done = here(*command, "--results", name)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: --results: {reason}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--explain", "a/b", "--out", "x.md"], "--explain: cannot go with --out"),
        (["--explain", "", "--study", "a", "--compat"], "--explain: cannot go with --study and --compat"),
        (["--explain", "a/b", "--html", "x.html"], "--explain: cannot go with --html"),
        (["--explain", "a/b", "--format", "csv"], "--format: got 'csv' beside --explain, expected json, or none"),
        (["--html", "x.html", "--out", "x.md", "--check"], "--html: cannot go with --out and --check"),
        (["--html", "x.html", "--format", "latex"], "--format: got 'latex' beside --html, expected json, or none"),
        (["--check", "--kind", "full"], "--check: cannot go with --kind"),
        (["--kind", "whole"], "--kind: got 'whole'; choices: full, own, reduced, synthetic"),
    ],
)  # fmt: skip
def test_what_would_have_no_effect_is_refused(
    here: Run, tmp_path: Path, arguments: list[str], reason: str
) -> None:
    done = here("leaderboard", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {reason}")
    assert list(tmp_path.iterdir()) == []


def leave(results: Path, experiment: str, *seeds: int) -> None:
    """Leave complete records of plain runs of Qlib's file."""
    from tests.report.conftest import configuration, leave_record

    for seed in seeds:
        name = leave_record(results / experiment, configuration("Alpha158", f"task.model.kwargs.seed={seed}"))
        for file in ("pred.parquet", "label.parquet", "epochs.parquet", "model.safetensors"):
            (results / experiment / name / file).touch()


def test_plain_runs_become_rows(here: Run, tmp_path: Path) -> None:
    leave(tmp_path / "results", "mine", 0, 1, 2)
    assert "results: no row yet" in here("leaderboard").stderr
    done = here("leaderboard", "--include", "mine", "--out", "board.md")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "mine/mine: seeds 0, 1, 2\n"
    assert "| LSTM, mine/mine |" in (tmp_path / "board.md").read_text()
    assert here("leaderboard", "--check", "--out", "board.md").returncode == 0
    tables = json.loads(here("leaderboard", "--json").stdout)["tables"]
    assert tables[0]["rows"][0]["seeds"] == {"complete": 3, "failed": 0, "missing": 0, "diverged": 0}
    leave(tmp_path / "results", "mine", 3)
    explained = json.loads(here("leaderboard", "--include", "mine", "--explain", "mine", "--json").stdout)
    assert [seed["seed"] for seed in explained["seeds"]] == [0, 1, 2, 3]


def test_an_experiment_without_runs_is_refused(here: Run, tmp_path: Path) -> None:
    leave(tmp_path / "results", "mine", 0)
    done = here("leaderboard", "--include", "mien")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--include: no experiment 'mien' in results has a run; did you mean 'mine'" in done.stderr
    done = here("leaderboard", "--include", "mine", "--check")
    assert done.returncode == 2
    assert "--check: cannot go with --include" in done.stderr


def test_a_terminal_gets_tables_that_fit_and_only_sets_with_rows_of_here(
    results: Path, tmp_path: Path, environment: Callable[[Path], dict[str, str]]
) -> None:
    leave(results, "mine", 0, 1)
    own = environment(tmp_path) | {"TERM": "dumb", "COLUMNS": "80"}

    def drawn(*arguments: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        command = [sys.executable, "-m", "lstm_bench", "leaderboard", *arguments]
        with subprocess.Popen(
            command, cwd=tmp_path, env=own, stdout=theirs, stderr=subprocess.PIPE
        ) as process:
            os.close(theirs)
            found = b""
            try:
                while part := os.read(ours, 65536):
                    found += part
            except OSError:  # the other end is closed
                pass
        os.close(ours)
        assert process.returncode == 0, process.stderr
        return found.decode().replace("\r\n", "\n")

    everything = drawn()
    assert "Alpha360: csi300" in everything
    text = drawn("--include", "mine")
    assert max(map(len, text.splitlines())) <= 80
    assert "alpha158/" in text
    assert "mine/" in text
    assert "no row of Alpha360 was made here" in text
    assert "Alpha360: csi300" not in text
    assert "| Model Name |" not in text
    document = drawn("--format", "md")
    assert "| Model Name |" in document
    assert "### Alpha360" in document


def test_results_that_hold_nothing_have_no_row(here: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = here("leaderboard", "--results", "empty")
    assert done.returncode == 0
    assert "empty: no row yet; `lstm-bench bench` trains" in done.stderr


def test_a_table_shows_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    from lstm_bench.cli.output import print_table

    print_table("title [a]", ["header [b]"], [["cell [x] [/y] :smile:"]])
    printed = capsys.readouterr().out
    for text in ("title [a]", "header [b]", "cell [x] [/y] :smile:"):
        assert text in printed


def test_a_row_is_explained(here: Run, results: Path) -> None:
    done = here("leaderboard", "--explain", "alpha158/default")
    assert done.returncode == 0, done.stderr
    assert "over the n = 4 complete seeds" in done.stdout
    assert "Variance of the means" in done.stdout
    assert "Days to halve" in done.stdout
    assert "Regimes, over seeds and days" in done.stdout
    assert "8 evaluations on these test data so far, 4 of them of this row" in done.stdout
    explained = json.loads(here("leaderboard", "--explain", "alpha158", "--json").stdout)
    assert [seed["seed"] for seed in explained["seeds"]] == [0, 1, 2, 3]
    assert set(explained["summary"]["IC"]["variance"]) == {"seeds", "days", "interaction"}
    assert explained["test_evaluations"] == {"total": 8, "of_row": 4}
    assert [one["name"] for one in explained["regimes"][:2]] == ["all", "2017"]
    assert here("leaderboard", "--explain", "alpha15/default").returncode == 2


def test_compare_ends_in_the_verdict(here: Run, results: Path) -> None:
    commit(results, "alpha158", "Alpha158", range(5))
    done = here("compare", "alpha158", "alpha360/default", "--metric", "Rank IC")
    assert done.returncode == 0, done.stderr
    assert "3 common seeds" in done.stdout
    assert done.stdout.endswith("\nVerdict by Rank IC:\nequivalent within 0.002\n")
    compared = json.loads(here("compare", "alpha158", "alpha360", "--json").stdout)
    assert (compared["seeds"], compared["verdict"]) == ([2, 3, 4], "equivalent within 0.002")
    assert compared["metrics"]["IC"]["difference"]["value"] == 0.0
    done = here("compare", "alpha158", "alpha361")
    assert done.returncode == 2
    assert "did you mean 'alpha360/default'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--devices", "cpu"], "--devices: it goes with --until-decided; add it"),
        (["--max-seeds", 5], "--max-seeds: it goes with --until-decided; add it"),
        (["--margin", 0], "--margin: got 0, expected a positive number"),
        (["--metric", "RankIC"], "--metric: got 'RankIC'; did you mean 'Rank IC'"),
        (
            ["--until-decided"],
            "--storage: the store does not have study alpha158, so its tuning seeds are unknown",
        ),
    ],
)
def test_what_a_comparison_cannot_do_is_refused(
    here: Run, results: Path, arguments: list[object], reason: str
) -> None:
    done = here("compare", "alpha158", "alpha360", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {reason}" in done.stderr


def test_a_race_that_is_decided_prints_its_verdict_and_trains_nothing(here: Run, results: Path) -> None:
    commit(results, "alpha158", "Alpha158", range(7))
    commit(results, "alpha360", "Alpha360", range(7))
    race = ["compare", "alpha158", "alpha360", "--until-decided"]
    done = here(*race)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Race by Rank IC: 5 seeds of each row (0-4), at most 64; margin 0.002." in text
    assert "The race decides about these test days. More seeds do not reduce the noise of days" in text
    assert "0 runs trained now" in text
    assert done.stdout.endswith("\nVerdict by Rank IC:\nequivalent within 0.002\n")
    plain = json.loads(here(*race, "--json").stdout)
    assert (plain["race"]["seeds"], plain["race"]["computed"]) == ([0, 1, 2, 3, 4], 0)
    assert plain["verdict"] == plain["race"]["verdict"] == "equivalent within 0.002"


def test_seeds_after_a_missing_one_decide_nothing(here: Run, results: Path) -> None:
    commit(results, "alpha158", "Alpha158", range(9))
    commit(results, "alpha360", "Alpha360", range(1, 9))
    done = here("compare", "alpha158", "alpha360", "--until-decided")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: --storage: the store does not have study alpha158" in done.stderr


def test_a_budget_that_is_used_up_leaves_a_race_undecided(here: Run, results: Path) -> None:
    commit(results, "alpha360", "Alpha360", range(2))
    done = here("compare", "alpha158", "alpha360", "--until-decided", "--max-seeds", 2)
    assert done.returncode == 0, done.stderr
    assert "The budget has ended." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("undecided (needs about 3 more seeds)")
    plain = json.loads(
        here("compare", "alpha158", "alpha360", "--until-decided", "--max-seeds", 2, "--json").stdout
    )
    assert plain["race"]["more_seeds"] == 3
