"""Generated blocks are rewritten, the rest of a document is left alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.core.errors import CheckError, InputError
from lstm_bench.record.evidence import read_evidence
from lstm_bench.report.documents.blocks import LeaderboardOptions
from lstm_bench.report.documents.document import check_document, write_document
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.tables import Style

MakeRow = Callable[..., object]

BEFORE = """# Mine

Text by hand.

<!-- lstm-bench: leaderboard --compat -->
old
<!-- lstm-bench: end -->

More text, `<!-- lstm-bench: end -->` within a line is none.

<!-- lstm-bench: compare alpha158 alpha360 -->
<!-- lstm-bench: end -->
The end, without a newline"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return tmp_path / "board.md"


def test_only_blocks_change(document: Path, results: Path, make_row: MakeRow) -> None:
    make_row("alpha158")
    make_row("alpha360", features="Alpha360")
    document.write_text(BEFORE)
    assert write_document(document, results, collect(results))
    text = document.read_text()
    for kept in (
        "# Mine\n\nText by hand.\n\n<!-- lstm-bench: leaderboard --compat -->\n",
        "within a line is none.",
    ):
        assert kept in text
    assert text.endswith("<!-- lstm-bench: end -->\nThe end, without a newline")
    assert "\nold\n" not in text
    assert "](results/leaderboard/alpha158.parquet)" in text
    assert "A is alpha158/default" in text
    assert not write_document(document, results, read_evidence(results))
    assert document.read_text() == text


def test_a_check_needs_the_evidence_alone(document: Path, results: Path, make_row: MakeRow) -> None:
    make_row("alpha158")
    document.write_text(BEFORE)
    write_document(document, results, collect(results))
    shutil.rmtree(results / "alpha158")
    check_document(document, results, read_evidence(results))
    make_row("alpha158", "tuned", overrides=["task.model.kwargs.hidden_size=32"])
    collect(results)
    stale = document.read_text()
    with pytest.raises(CheckError, match=r"is stale; `lstm-bench leaderboard --out") as found:
        check_document(document, results, read_evidence(results))
    assert "\n+| LSTM, alpha158/tuned | Alpha158 (20 columns) |" in str(found.value)
    assert document.read_text() == stale


def test_a_document_is_made(document: Path, results: Path) -> None:
    assert write_document(document, results, {})
    text = document.read_text()
    assert text.startswith("# Benchmarks\n\n<!-- lstm-bench: leaderboard -->\n\nThere is no row yet: ")
    check_document(document, results, {})


def test_options_go_into_the_marker(document: Path, results: Path, make_row: MakeRow) -> None:
    make_row("alpha158")
    make_row("smoke")
    options = LeaderboardOptions(Style(compat=True), studies=("alpha158",))
    write_document(document, results, collect(results), options)
    marker = "<!-- lstm-bench: leaderboard --compat --study alpha158 -->\n"
    assert marker in document.read_text()
    assert "smoke" not in document.read_text()
    assert not write_document(document, results, read_evidence(results))
    write_document(document, results, read_evidence(results), LeaderboardOptions(kinds=("full", "own")))
    assert "leaderboard --compat --kind full --kind own --study alpha158 -->" in document.read_text()


def test_reduced_rows_stand_on_a_page_of_their_own(tmp_path: Path, results: Path, make_row: MakeRow) -> None:
    make_row("whole")
    make_row("short", overrides=["task.dataset.kwargs.segments.train=[2013-01-01, 2014-12-31]"])
    main, reduced = tmp_path / "board.md", tmp_path / "pages" / "reduced.md"
    reduced.parent.mkdir()
    evidence = collect(results)
    write_document(main, results, evidence, LeaderboardOptions(kinds=("full",)))
    write_document(reduced, results, evidence, LeaderboardOptions(kinds=("reduced",)))
    assert "| LSTM, whole/default |" in main.read_text()
    assert "short" not in main.read_text()
    text = reduced.read_text()
    assert "<!-- lstm-bench: leaderboard --kind reduced -->" in text
    assert "| LSTM, short/default |" in text
    assert "whole" not in text
    assert "published by Qlib" not in text
    assert "](../results/leaderboard/short.parquet)" in text
    for document in (main, reduced):
        check_document(document, results, read_evidence(results))


def test_a_comparison_takes_metrics_and_a_margin(document: Path, results: Path, make_row: MakeRow) -> None:
    make_row("alpha158", lift=0.02)
    make_row("alpha360", features="Alpha360")
    marker = "<!-- lstm-bench: compare alpha158 alpha360 --metric ICIR --metric IC --margin 0.5 -->"
    document.write_text(f"{marker}\n<!-- lstm-bench: end -->\n")
    write_document(document, results, collect(results))
    text = document.read_text()
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")] == [
        "| Metric", "| ---", "| ICIR", "| IC",
    ]  # fmt: skip
    assert "\nVerdict by ICIR: **equivalent within 0.5**\n" in text


def test_rows_that_are_not_there_yet(document: Path, results: Path, make_row: MakeRow) -> None:
    document.write_text(BEFORE)
    make_row("alpha158")
    write_document(document, results, collect(results))
    assert "\nThere is no row `alpha360` to compare yet.\n" in document.read_text()
    make_row("alpha360", features="Alpha360", data="cd" * 32)
    write_document(document, results, collect(results))
    assert "`alpha158` and `alpha360` cannot be compared: " in document.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Mine\n", "no generated block; put these two lines"),
        ("<!-- lstm-bench: leaderboard -->\n", "has no end"),
        ("<!-- lstm-bench: end -->\n", "line 1: .* ends no block"),
        (
            "<!-- lstm-bench: leaderboard -->\n<!-- lstm-bench: compare a b -->\n<!-- lstm-bench: end -->\n",
            "line 2: .* is inside a block",
        ),
        ("\n<!-- lstm-bench: leaderbord -->\n", "line 2: .*did you mean 'leaderboard'"),
        (
            "<!-- lstm-bench: leaderboard --compt -->\n<!-- lstm-bench: end -->\n",
            "got '--compt'; did you mean '--compat'",
        ),
        (
            "<!-- lstm-bench: leaderboard --kind ful -->\n<!-- lstm-bench: end -->\n",
            "--kind: got 'ful'; did you mean 'full'",
        ),
        ("<!-- lstm-bench: compare a -->\n<!-- lstm-bench: end -->\n", "got 1 row, expected two"),
        (
            "<!-- lstm-bench: compare a b --metrik IC -->\n<!-- lstm-bench: end -->\n",
            "did you mean '--metric M'",
        ),
        (
            "<!-- lstm-bench: compare a b --metric RIC -->\n<!-- lstm-bench: end -->\n",
            "got 'RIC'; did you mean",
        ),
        (
            "<!-- lstm-bench: compare a b --margin wide -->\n<!-- lstm-bench: end -->\n",
            "--margin: got 'wide', expected a number",
        ),
        ("<!-- lstm-bench: compare 'a -->\n<!-- lstm-bench: end -->\n", "No closing quotation"),
    ],
)
def test_wrong_markers_are_named(document: Path, results: Path, text: str, message: str) -> None:
    document.write_text(text)
    with pytest.raises(InputError, match=message) as found:
        write_document(document, results, {})
    assert str(found.value).startswith(str(document))
    assert document.read_text() == text


def test_a_document_that_cannot_be_checked(document: Path, results: Path) -> None:
    with pytest.raises(
        InputError, match=r"board.md: there is no such document; `lstm-bench leaderboard --out"
    ):
        check_document(document, results, {})


def test_the_reports_import_no_torch() -> None:
    import subprocess
    import sys

    import lstm_bench.report

    names = sorted(path.stem for path in Path(lstm_bench.report.__file__).parent.glob("[!_]*.py"))
    program = "import importlib, sys\n" + "".join(
        f"importlib.import_module('lstm_bench.report.{name}')\n" for name in names
    )
    program += "heavy = {'torch', 'numba', 'pandas', 'pyarrow', 'scipy', 'optuna'} & set(sys.modules)\n"
    program += "assert not heavy, heavy\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
