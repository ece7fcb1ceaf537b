"""``lstm-bench tune``: what it prints where, and what Ctrl-C leaves."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
Start = Callable[..., subprocess.Popen[str]]
CPU = ["--devices", "cpu", "--slots-per-device", 2]


@pytest.fixture(scope="module")
def long_study(tuned: Done, lstm_bench: Run, market: Path, study_file: Path) -> str:
    """Give a study whose trials take for ever, beside the tuned one."""
    options = ["--max-epochs", 500, "--set", "task.model.kwargs.early_stop=500", "--provider-uri", market]
    done = lstm_bench("study", "create", "long", "--from", study_file, *options)
    assert done.returncode == 0, done.stderr
    return "long"


def states(lstm_bench: Run, study: str) -> list[str]:
    answer = json.loads(lstm_bench("study", "show", study, "--json").stdout)
    return [trial["state"] for trial in answer["trials"]]


def test_stdout_is_one_object_and_the_rest_goes_to_stderr(tuned: Done) -> None:
    answer = json.loads(tuned.stdout)
    assert (answer["study"], answer["interrupted"], answer["states"]) == ("tiny", False, {"complete": 3})
    assert answer["best"]["state"] == "complete"
    for text in (
        "study tiny in studies/store.journal",
        "trial 0 on cpu/",
        "epoch 1: valid",
        "trial 2 complete",
    ):
        assert text in tuned.stderr
    assert "Warning" not in tuned.stderr


def test_a_total_that_is_there_needs_no_work(tuned: Done, lstm_bench: Run) -> None:
    done = lstm_bench("tune", "--study", "tiny", "--trials", 3, *CPU)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["study tiny in studies/store.journal", "3 trials: 3 complete"]
    assert "next: lstm-bench bench --study tiny" in done.stdout
    assert " on cpu/" not in done.stderr


def test_ctrl_c_twice_ends_it_at_once_and_leaves_no_trial_running(
    long_study: str, lstm_bench: Run, start: Start, home: Path
) -> None:
    with start("tune", "--study", long_study, *CPU) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch" in line:
                break
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to workers, too
        process.stderr.read()
    assert process.returncode == 130
    assert set(states(lstm_bench, long_study)) == {"interrupted"}
    assert not list((home / "results" / "long").rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        # before the data are looked at
        (["--trials", 3, "--more", 2, "--provider-uri", "none"], "--trials and --more: give one of them"),
        (["--timeout", "3q"], "--timeout: got '3q', expected a time"),
        (["--devices", "gpu"], "--devices: got 'gpu'; choices: auto, cpu"),
        (["--slots-per-device", "x"], "--slots-per-device: got 'x', expected a number"),
        (["--executor", "ray"], "--executor: got 'ray'; choices: inline, local"),
    ],
)
def test_the_reason_names_the_option(
    here: Run, market: Path, study_file: Path, arguments: list[object], reason: str
) -> None:
    here("study", "create", "--from", study_file, "--provider-uri", market)
    done = here("tune", *arguments)
    assert done.returncode == 2
    assert f"error: {reason}" in done.stderr


def test_a_terminal_shows_slots_and_curves_until_ctrl_c(
    long_study: str, lstm_bench: Run, home: Path, environment: Callable[[Path], dict[str, str]]
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lstm_bench", "tune", "--study", long_study, *map(str, CPU)]
    with subprocess.Popen(
        command,
        cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**environment(home), "TERM": "xterm", "COLUMNS": "130", "LINES": "40"},
        preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.SIG_DFL), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),
    ) as process:  # fmt: skip
        os.close(theirs)
        seen, asked = "", False
        while piece := read(ours):
            seen += piece.decode(errors="replace")
            if not asked and "█" in seen:
                asked = True
                os.write(ours, b"\x03")
    os.close(ours)
    assert process.returncode == 130, seen
    for part in (
        "study long: 0 of 3 trials, 0 pruned",
        "cpu/0",
        "trial 0",
        "parameters",
        "trial 0 interrupted",
    ):
        assert part in seen
    assert set(states(lstm_bench, long_study)) == {"interrupted"}


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal tells its end on Linux
        return b""
