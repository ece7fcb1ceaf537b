"""A new user in an empty folder: each refusal says what to type next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

CONFIGS = Path(__file__).parents[2] / "configs"
READY = f"ready ones are in {CONFIGS}: demo.yaml, lstm_alpha158.yaml, lstm_alpha360.yaml"
GET_DATA = "--provider-uri names another, and `lstm-bench data --help` says how to get or make one"
CREATE = "make one: lstm-bench study create"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], ["CONFIG: none was given, expected a Qlib workflow file", READY]),
        (["run", "mine.yaml"], ["mine.yaml: there is no such workflow file; ready ones are in", READY]),
        (["run", "sub"], ["sub: there is no such workflow file; choices: alpha.yaml", READY]),
        (["run", "sub/alpah.yaml"], ["did you mean 'alpha.yaml'? choices: alpha.yaml", READY]),
        (
            ["run", CONFIGS.parent / "studies" / "demo.yaml"],
            ["demo.yaml: a study file, expected a workflow file; `lstm-bench study create --from "],
        ),
        (["run", CONFIGS / "lstm_alpha158.yaml"], ["/.qlib/qlib_data/cn_data", GET_DATA]),
        (["run", CONFIGS / "demo.yaml", "--provider-uri", "x"], ["got 'x'", "there is none at ", GET_DATA]),
        (["study", "create"], ["expected a Qlib data folder", GET_DATA]),
        (["tune"], [CREATE]),
        (["bench"], [CREATE]),
        (["bench", "mine.yaml"], ["mine.yaml: there is no such workflow file", READY]),
        (["study", "show"], [CREATE]),
        (["leaderboard", "--check"], ["no such document; `lstm-bench leaderboard --out benchmarks.md`"]),
        (["compare", "a", "b"], ["`lstm-bench bench` makes rows"]),
        (["predict", "x"], ["`lstm-bench run CONFIG` makes one"]),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_type(
    here: Run, tmp_path: Path, arguments: list[object], words: list[str]
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "alpha.yaml").touch()
    done = here(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(
        "error: "
    )  # nothing before it: no warning of a device that is not needed yet
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def test_what_is_empty_says_what_fills_it(here: Run) -> None:
    for command, words in (
        (["leaderboard"], "`lstm-bench bench` trains a configuration over seeds"),
        (
            ["cache", "info"],
            "no dataset yet: `lstm-bench tune` and `lstm-bench bench` keep the datasets they build",
        ),
        (["study", "list"], CREATE),
    ):
        done = here(*command)
        assert done.returncode == 0, done.stderr
        assert words in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lstm-bench pre", ["predict"]),
        ("lstm-bench predict --st", ["--start"]),
        ("lstm-bench study edit", ["edit-budget"]),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, completed: list[str]) -> None:
    program = "import sys; sys.argv = ['lstm-bench']; from lstm_bench.cli.app import main; main()"
    asked = {
        "_LSTM_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == completed
