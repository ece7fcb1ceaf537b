"""``lstm-bench evaluate``: scores of any model become a record and a row."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def evaluate(here: Run, small_run: list[object]) -> Run:
    """Evaluate a file on the test segment of the small run."""
    _, config, *usual = small_run

    def run(scores: object, *options: object) -> Done:
        return here("evaluate", scores, "--config", config, *usual, *options)

    return run


@pytest.fixture
def pred(here: Run, small_run: list[object]) -> Path:
    """Give the scores of a run of seed 3."""
    done = here(*small_run, "--seed", 3, "--out", "runs", "--json")
    assert done.returncode == 0, done.stderr
    return Path(json.loads(done.stdout)["record"]) / "pred.parquet"


def test_a_runs_scores_become_a_row(evaluate: Run, here: Run, pred: Path) -> None:
    done = evaluate(pred, "--name", "theirs", "--seed", 3, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["metrics"] == json.loads((pred.parent / "metrics.json").read_text())
    assert (answer["row"], answer["seed"], answer["seeds"], answer["computed"]) == (
        "lstm_alpha158/theirs", 3, [3], True,
    )  # fmt: skip
    assert answer["coverage"]["percent"] == 100

    noise = pd.read_parquet(pred)
    noise["score"] = np.random.default_rng(0).normal(size=len(noise))
    noise.to_csv("noise.csv")
    done = evaluate("noise.csv", "--name", "theirs")
    assert done.returncode == 0, done.stderr
    assert "lstm_alpha158/theirs, seed 0" in done.stdout
    assert "test samples have a score (100 %)" in done.stdout
    assert "the row lstm_alpha158/theirs has 2 seeds" in done.stdout
    assert "recorded in results/lstm_alpha158/" in done.stdout
    assert "recorded before: results/lstm_alpha158/" in evaluate("noise.csv", "--name", "theirs").stdout


def test_other_commands_read_its_record(evaluate: Run, here: Run, pred: Path, tmp_path: Path) -> None:
    run = json.loads(evaluate(pred, "--name", "theirs", "--json").stdout)["run_id"]
    entry = json.loads(here("runs", "show", run, "--json").stdout)
    assert (entry["state"], entry["fault"], entry["model"]["kind"]) == ("finished", None, "scores")
    shown = here("runs", "show", run).stdout
    assert "model: Scores; started" in shown
    assert "Network" not in shown
    assert "lstm-bench predict" not in shown
    assert run in here("runs", "list").stdout
    difference = here("runs", "diff", run, pred.parent).stdout
    assert re.search(r"model\.kind +scores +–", difference)
    refused = here("predict", run)
    assert refused.returncode == 2
    assert "its scores are those of another model (Scores), expected an LSTM" in refused.stderr

    assert here("report", run, "--out", "page.html").returncode == 0
    page = (tmp_path / "page.html").read_text()
    for text in ("Model that scored", "coverage, percent", "file sha256"):
        assert text in page
    for text in ("Valid − train loss", "residual", "Training path", "LSTM, 2 layers"):
        assert text not in page

    included = here("leaderboard", "--include", "lstm_alpha158")
    assert included.returncode == 0, included.stderr
    assert "lstm_alpha158/theirs" in included.stdout
    here("leaderboard", "--out", "table.md")
    assert here("leaderboard", "--check", "--out", "table.md").returncode == 0


def test_an_included_experiment_leaves_replaced_scores_out(evaluate: Run, here: Run, pred: Path) -> None:
    first = json.loads(evaluate(pred, "--name", "theirs", "--json").stdout)["run_id"]
    noise = pd.read_parquet(pred)
    noise["score"] = np.random.default_rng(0).normal(size=len(noise))
    noise.to_parquet("noise.parquet")
    done = evaluate("noise.parquet", "--name", "theirs")
    assert "the scores of seed 0 are replaced" in done.stderr
    included = here("leaderboard", "--include", "lstm_alpha158")
    assert f"left out results/lstm_alpha158/{first}: its scores are not an LSTM's (Scores)" in (
        included.stdout + included.stderr
    )


def test_bad_input_is_said(evaluate: Run, pred: Path) -> None:
    pd.read_parquet(pred).to_pickle("pred.pkl")
    refused = evaluate("pred.pkl", "--name", "theirs")
    assert refused.returncode == 2
    assert "pd.read_pickle('pred.pkl').to_parquet('pred.parquet')" in refused.stderr
    refused = evaluate(pred.parent / "label.parquet", "--name", "theirs")
    assert refused.returncode == 2
    assert "none is called 'score'" in refused.stderr
    assert evaluate("absent.csv", "--name", "theirs").returncode == 2
    assert evaluate(pred, "--name", "a/b").returncode == 2
    assert evaluate(pred).returncode == 2
    assert not Path("results").exists()


def test_a_row_of_an_lstm_is_kept(evaluate: Run, here: Run, small_run: list[object], pred: Path) -> None:
    _, config, *usual = small_run
    bench = ["bench", config, *usual, "--seeds", "5,", "--executor", "inline"]
    assert here(*bench).returncode == 0
    refused = evaluate(pred, "--name", "lstm_alpha158")
    assert refused.returncode == 2
    assert (
        "--name: got 'lstm_alpha158', but lstm_alpha158/lstm_alpha158 is a row of an LSTM" in refused.stderr
    )
