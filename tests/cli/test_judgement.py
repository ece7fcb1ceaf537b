"""What every command says, in the same words and once, of a run that can mean nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

LABEL = "data_handler_config.label=['$close/Ref($close, 1)']"
SAID = [
    "label $close/Ref($close, 1): does not look ahead, so that it is known on its day: $close/Ref($close, 1)",
    "strategy.kwargs.topk: got 50, expected fewer than the stocks of 'csi300', which has 16 on a day of segment 'test' "
    "at most: all are held, whatever their scores",
]  # fmt: skip


def warnings(done: Done) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line.partition(" WARNING ")[2] for line in done.stderr.splitlines() if " WARNING " in line]


def judged(done: Done) -> list[str]:
    return [text for text in warnings(done) if text.startswith(("label ", "strategy."))]


def test_commands_say_the_same_once(here: Run, small_run: list[object], market: Path, tmp_path: Path) -> None:
    planned = here(*small_run, "--set", LABEL, "--dry-run", "--json")
    assert judged(planned) == SAID
    assert json.loads(planned.stdout)["warnings"] == SAID
    assert judged(here(*small_run, "--set", LABEL, "--seed", 0)) == SAID
    bench = [
        "bench",
        *small_run[1:],
        "--set",
        LABEL,
        "--seeds",
        "1-2",
        "--devices",
        "cpu",
        "--executor",
        "inline",
    ]
    assert judged(here(*bench)) == SAID
    assert judged(here(*bench)) == []  # nothing is trained
    made = here("study", "create", "past", "--provider-uri", market, "--hidden-size", "4,8", "--max-epochs", 1,
                "--set", LABEL, "--set", "task.model.kwargs.batch_size=100", "--json")  # fmt: skip
    assert judged(made) == SAID
    assert json.loads(made.stdout)["studies"][0]["warnings"] == SAID
    tuned = here("tune", "--study", "past", "--trials", 1, "--executor", "inline", "--devices", "cpu")
    assert judged(tuned) == SAID


def test_the_ends_of_a_space_are_judged(here: Run, market: Path) -> None:
    portfolio = [argument for key, value in (("topk", 5), ("n_drop", 1))
                 for argument in ("--set", f"portfolio.strategy.kwargs.{key}={value}")]  # fmt: skip
    space = ["--lr", "log:1e-4:1e3", "--batch-size", "100,90000"]
    made = here("study", "create", "wide", "--provider-uri", market, *space, *portfolio, "--json")
    remarks = json.loads(made.stdout)["studies"][0]["warnings"]
    assert [text[: text.index("expected")] for text in remarks[:1]] == [
        "space.lr, at 1000.0: task.model.kwargs.lr: got 1000, "
    ]
    assert (
        "space.batch_size, at 90000: task.model.kwargs.batch_size: got 90000, but segment 'train' has"
        in remarks[1]
    )
    assert len(remarks) == 2


@pytest.mark.parametrize("command", ["run", "bench", "study"])
def test_a_window_longer_than_the_data_is_refused_by_each(
    here: Run, small_run: list[object], command: str, market: Path, tmp_path: Path
) -> None:
    window = ["--set", "task.dataset.kwargs.step_len=2000"]
    if command == "study":
        arguments: list[object] = [
            "study",
            "create",
            "far",
            "--hidden-size",
            "4,8",
            "--provider-uri",
            market,
            *window,
        ]
    else:
        arguments = [command, *small_run[1:], *window]
    done = here(*arguments)
    assert done.returncode == 2
    assert "error: step_len: got 2000, expected at most 3" in done.stderr
    assert not (tmp_path / "results" / "lstm_alpha158" / "bench.json").exists()
