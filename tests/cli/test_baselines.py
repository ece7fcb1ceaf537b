"""``lstm-bench baselines``: a short table, or one object; what cannot be computed is said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.model.baselines import gradient_boosting

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
INLINE = ["--devices", "cpu", "--executor", "inline"]


def test_a_file_has_baselines(lstm_bench: Run, small_run: list[object], home: Path) -> None:
    _, config, *usual = small_run
    command = ["baselines", config, *usual, *INLINE, "--out", "baselines"]
    done = lstm_bench(*command, "--only", "ridge,reversal,permuted", "--seeds", "5,")
    assert done.returncode == 0, done.stderr
    assert "3 runs computed now; records in baselines/lstm_alpha158" in done.stdout
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("│")] == [
        "reversal", "ridge", "permuted",
    ]  # fmt: skip
    assert "warning: permuted: labels: those of train and valid were permuted" in done.stdout
    assert "nan" not in done.stdout
    again = lstm_bench(*command, "--only", "ridge", "--json")
    answer = json.loads(again.stdout)
    assert (answer["computed"], answer["left_out"], list(answer["rows"])) == (0, {}, ["ridge"])
    row = answer["rows"]["ridge"]
    assert row["metrics"]["IC"]["mean"] is not None
    assert row["metrics"]["IC"]["std"] is None
    assert (home / "baselines" / "lstm_alpha158" / row["runs"]["0"] / "metrics.json").is_file()


@pytest.mark.skipif(not gradient_boosting.is_installed(), reason="the extra baselines is not installed")
def test_lightgbm_has_three_seeds_by_default(lstm_bench: Run, small_run: list[object]) -> None:
    _, config, *usual = small_run
    done = lstm_bench("baselines", config, *usual, "--only", "ridge,lightgbm", "--out", "boosted", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {name: list(row["runs"]) for name, row in rows.items()} == {
        "ridge": ["0"],
        "lightgbm": ["0", "1", "2"],
    }


def test_a_study_has_those_of_its_default(tuned: Done, lstm_bench: Run) -> None:
    done = lstm_bench("baselines", "--study", "tiny", "--only", "momentum", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["experiment"] == "results/tiny"
    assert answer["rows"]["momentum"]["study"] == "tiny"


def test_without_the_extra_lightgbm_is_left_out_and_said(
    lstm_bench: Run, small_run: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradient_boosting, "is_installed", lambda: False)
    _, config, *usual = small_run
    command = ["baselines", config, *usual, *INLINE, "--out", "without"]
    done = lstm_bench(*command, "--seeds", "5,")
    assert done.returncode == 0, done.stderr
    assert (
        "lightgbm is left out: lightgbm is not installed; pip install 'lstm-bench[baselines]'" in done.stdout
    )
    done = lstm_bench(*command, "--only", "lightgbm")
    assert done.returncode == 2
    assert "--only: lightgbm is not installed" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "CONFIG: none was given"),
        (["FILE", "--only", "rigde"], "--only: got 'rigde'; did you mean 'ridge'"),
        (["FILE", "--seeds", "x"], "--seeds: got 'x'"),
        (["FILE", "--study", "tiny"], "CONFIG: got a file and --study, expected one of them"),
        (["--study", "tiny", "--set", "task.model.kwargs.lr=0.1"], "--set: a study's configurations are fixed"),
        (["FILE", "--set", "lstm_bench.training.permute_labels=true"], "permute_labels: got true, expected false"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(
    tuned: Done, lstm_bench: Run, small_run: list[object], arguments: list[str], reason: str
) -> None:
    _, config, *usual = small_run
    given = [config if word == "FILE" else word for word in arguments]
    done = lstm_bench("baselines", *given, *(usual if "FILE" in arguments else []))
    assert done.returncode == 2
    assert reason in done.stderr
