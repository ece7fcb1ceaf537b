"""The leaderboard as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.report.leaderboard.test_tables import file_of, tables_of

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.formats import latex, markdown
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.rows import Row, rows_of
from lstm_bench.report.leaderboard.tables import Style, leaderboard_tables

MakeRow = Callable[..., BenchRow]


def test_markdown_names_the_evidence(rows: list[Row]) -> None:
    text = markdown(tables_of(rows))
    assert "### Alpha158\n\ncsi300 (cn)" in text
    evidence = "Evidence: [`results/leaderboard/{0}.parquet`](results/leaderboard/{0}.parquet)\n"
    assert evidence.format("alpha158") in text
    assert text.endswith(evidence.format("alpha360"))


def test_markdown_stacks_a_cell_and_sets_marks(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "lstm", range(3), lift=0.3)
    make_row("mine", "ridge", [7], model=ScoringModel("ridge"))
    rows = rows_of(collect(results))
    text = markdown(tables_of(rows))
    lstm, ridge = (row.cell("IC") for row in rows)
    assert (
        f"| LSTM, mine/lstm | Alpha158 (20 columns) | **{lstm.mean:.4f}**±{lstm.std:.4f}"
        f"<br>[{lstm.interval.low:.4f}, {lstm.interval.high:.4f}]<br>skill {lstm.mean - ridge.mean:+.4f} |"
    ) in text
    assert f"| Ridge, mine/ridge | Alpha158 (20 columns) | {ridge.mean:.4f}<br>[" in text
    assert "| *Market, no forecast, the benchmark is held* | – | *0.0000* |" in text
    assert "| *LSTM, published by Qlib, another vintage of the data* |" in text
    assert "A bold mean cannot be told from the best of the table" in text
    assert "Skill is the part above the best baseline" in text
    assert "lstm-bench baselines CONFIG" not in text


def test_the_note_says_how_to_get_baselines(rows: list[Row]) -> None:
    text = markdown(tables_of(rows[:1]))
    assert "A table without baselines has no skill: `lstm-bench baselines CONFIG` adds them." in text
    assert "bold" not in text  # one row cannot be told from itself: nothing is marked


def test_latex_is_escaped_and_stacked(results: Path, make_row: MakeRow, rows: list[Row]) -> None:
    text = latex(tables_of(rows))
    assert r"n\_epochs" in text
    assert r"$\pm$" in text
    assert "`" not in text
    assert r"\emph{LSTM, published by Qlib, another vintage of the data}" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    tuned = rows[1].cell("IC")
    ends = f"[{tuned.interval.low:.4f}, {tuned.interval.high:.4f}]"
    assert rf"$\pm${tuned.std:.4f} \\ {ends}}}" in text
    assert r"\shortstack[r]{" in text
    assert text.count("{") == text.count("}")


def test_without_rows_there_is_no_table() -> None:
    assert leaderboard_tables(group_rows([]), Style(), file_of) == []
    assert markdown([]).startswith("There is no row yet")
