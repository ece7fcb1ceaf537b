"""``lstm-bench controls``: what it prints and writes, its exit codes, and the page of the run's report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Done, Run


@pytest.fixture(scope="module")
def arguments(small_run: list[object]) -> list[object]:
    """Give the arguments of ``controls`` for a run that takes a moment."""
    return ["controls", *small_run[1:], "--out", "controlled"]


@pytest.fixture(scope="module")
def done(lstm_bench: Run, arguments: list[object]) -> Done:
    """Give all controls of a run that had no record."""
    return lstm_bench(*arguments, "--permutations", 3, "--epochs", 1, "--set", "task.model.kwargs.lr=0.02")


def test_it_trains_the_run_and_prints_every_part(done: Done, home: Path) -> None:
    assert done.returncode in (0, 1), (
        done.stderr
    )  # an epoch of four units may be too little to find the oracle
    for words in (
        "Permuted labels, 3 seeds", "Planted oracle", "flags TOMORROW; 0 features of its own",
        "the largest difference of a day is 0", "own: summed, 238 days", "costs × 2", "10,000 million",
        "trained, because it had no record:", "written to",
    ):  # fmt: skip
        assert words in done.stdout
    assert len(list((home / "controlled").glob("*/controls/*.json"))) == 1


def test_the_record_is_used_again_and_one_part_computed(
    done: Done, lstm_bench: Run, arguments: list[object], home: Path
) -> None:
    again = lstm_bench(
        *arguments,
        "--set",
        "task.model.kwargs.lr=0.02",
        "--only",
        "look-ahead",
        "--only",
        "conventions",
        "--json",
    )
    found = json.loads(again.stdout)
    assert found["computed"] is False
    assert found["controls"]["look_ahead"]["passed"] is True
    assert list(found["controls"]) == ["permuted_labels", "oracle", "look_ahead", "evaluation"]
    assert len(found["capacity"]) == 7  # kept from before
    stored = json.loads((home / found["path"]).read_text(encoding="utf-8"))
    assert stored["conventions"] == found["conventions"]


def test_the_report_has_a_section_of_them(done: Done, lstm_bench: Run, home: Path) -> None:
    (record,) = (path.parent for path in (home / "controlled").glob("*/*/provenance.json"))
    assert lstm_bench("report", record, "--out", "page.html").returncode == 0
    page = (home / "page.html").read_text(encoding="utf-8")
    for words in (
        "Controls",
        "Planted oracle",
        "The same scores under other conventions",
        "Metrics by regime",
    ):
        assert words in page


def test_a_failed_control_is_an_error(done: Done, here: Run, arguments: list[object], home: Path) -> None:
    import pandas as pd

    shutil.copytree(home / "controlled", "controlled")
    (report,) = Path("controlled").glob("*/*/report.parquet")
    table = pd.read_parquet(report)
    table["cost"] += 1e-4
    table.to_parquet(report)
    again = here(*arguments, "--set", "task.model.kwargs.lr=0.02", "--only", "conventions")
    assert again.returncode == 1
    assert "FAIL" in again.stdout
    assert "failed: " in again.stderr
    assert "Backtest of the recorded scores" in again.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only", "everything"], "--only: got 'everything'; choices: capacity, conventions, look-ahead"),
        (["--permutations", 2], "expected 3 or more"),
        (["--epochs", 0], "expected 1 or more"),
        (["--set", "task.model.kwargs.hidden_sise=3"], "hidden_sise"),
    ],
)
def test_bad_input_is_refused(
    lstm_bench: Run, arguments: list[object], options: list[object], words: str
) -> None:
    refused = lstm_bench(*arguments, *options)
    assert refused.returncode == 2
    assert words in " ".join(refused.stderr.replace("│", " ").split())
