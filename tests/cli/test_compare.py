"""``lstm-bench compare --until-decided``, from two rows to the verdict."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
INLINE = ["--devices", "cpu", "--executor", "inline"]


@pytest.fixture(scope="module")
def rows(lstm_bench: Run, small_run: list[object]) -> None:
    """Two rows of one seed in the folder ``raced``."""
    _, config, *usual = small_run
    for size in (2, 4):
        own = ["--set", f"task.model.kwargs.hidden_size={size}", "--set", f"experiment_name=size{size}"]
        done = lstm_bench("bench", config, *usual, *own, "--seeds", 1, "--out", "raced", *INLINE)
        assert done.returncode == 0, done.stderr


def test_a_race_trains_both_rows_and_ends_in_a_verdict(rows: None, lstm_bench: Run, home: Path) -> None:
    race = ["compare", "size2", "size4", "--until-decided", "--results", "raced", "--max-seeds", 2]
    done = lstm_bench(*race, *INLINE)
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "Race by Rank IC: 2 seeds of each row (0-1), at most 2; margin 0.002." in text
    assert "2 runs trained now" in text
    assert done.stdout.splitlines()[-2:][0] == "Verdict by Rank IC:"
    assert done.stdout.splitlines()[-1].startswith("undecided")
    for study in ("size2", "size4"):
        manifest = json.loads((home / "raced" / study / "bench.json").read_text())
        assert manifest["rows"]["lstm_alpha158"]["seeds"] == [0, 1]
    again = json.loads(lstm_bench(*race, "--json").stdout)
    assert (again["race"]["seeds"], again["race"]["computed"]) == ([0, 1], 0)
