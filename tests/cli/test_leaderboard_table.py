"""The leaderboard's tables in terminals of all widths."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.cli.leaderboard_table import BEST, choose_layout, print_leaderboard
from lstm_bench.report.leaderboard.tables import Line, Table, TextCell

HEADER = (
    "Model Name", "Dataset", "IC", "ICIR", "Rank IC", "Rank ICIR", "Annualized Return", "Information Ratio",
    "Max Drawdown", "Seeds", "Parameters", "Training time", "n_epochs", "Epochs run", "Test evaluations", "Reduced",
)  # fmt: skip
CELLS = (
    TextCell("0.0252", "±0.0020", is_best=True, below=("[0.0104, 0.0420]", "skill +0.0051")),
    *(TextCell(head, tail) for head, tail in (
        ("0.1711", "±0.0168"), ("0.0393", "±0.0019"), ("0.2760", "±0.0207"), ("0.0606", "±0.0079"),
        ("-0.8378", "±0.1295"), ("-0.1128", "±0.0305"),
    )),
    *map(TextCell, ("5 (1 failed)", "55,361", "191.2 s on cpu", "200", "11.0 (11–11)", "5 of 34")),
)  # fmt: skip


def table(*names: str, reason: str = "ended by n_epochs 3", model: str = "LSTM") -> Table:
    dataset = TextCell("Alpha158 (20 columns)")
    lines = tuple(Line(model, name, (dataset, *CELLS, TextCell(reason))) for name in names)
    return Table("Alpha158", "csi300 (cn), test 2017-01-01 to 2020-08-01, data `811ce129e200`", HEADER, lines)


def signs(text: str) -> str:
    """Return a text without blanks, and without the comma of an interval."""
    return "".join(text.replace(", ", "").split())


def shown(cell: TextCell) -> str:
    return signs(" ".join((BEST * cell.is_best + cell.first, *cell.below)))


@given(
    st.integers(20, 250),
    st.lists(st.from_regex(r"[a-z0-9-]{1,30}/[a-z0-9=.-]{1,30}", fullmatch=True), min_size=1, max_size=5),
)
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_lost(width: int, names: list[str]) -> None:
    layout = choose_layout(table(*names), width)
    if layout.is_list:
        assert width < 85
        assert not layout.left_out
    else:
        widths = [
            max(len(line) for text in column for line in text.split("\n"))
            for column in zip(layout.headers, *layout.lines, strict=True)
        ]
        assert sum(widths[1:]) + layout.gap * (len(widths) - 1) < width
    kept = [cell for header, cell in zip(HEADER[2:], CELLS, strict=False) if header not in layout.left_out]
    for name, line in zip(names, layout.lines, strict=True):
        assert line[0].replace("\n", "") == name
        assert [signs(text) for text in line[1:]] == [shown(cell) for cell in kept]


def test_a_wide_terminal_has_mean_and_deviation_on_one_line() -> None:
    layout = choose_layout(table("cpu-alpha158/default"), 210)
    assert layout.headers == ("Row", *HEADER[2:-1])
    assert layout.lines[0][:3] == (
        *("cpu-alpha158/default", "*0.0252±0.0020\n[0.0104, 0.0420]\nskill +0.0051", "0.1711±0.0168"),
    )


def test_a_usual_terminal_has_deviations_below_means_and_no_column_cut() -> None:
    layout = choose_layout(table("cpu-alpha158/default"), 80)
    assert layout.left_out == ("Parameters", "Training time", "n_epochs", "Epochs run", "Test evaluations")
    assert layout.lines[0][:2] == (
        "cpu-alpha158/\ndefault",
        "*0.0252\n±0.0020\n[0.0104\n0.0420]\nskill\n+0.0051",
    )


def test_a_narrow_terminal_has_lists() -> None:
    layout = choose_layout(table("cpu-alpha158/default"), 40)
    assert layout.is_list
    assert layout.lines[0][1] == "*0.0252±0.0020 [0.0104, 0.0420] skill +0.0051"


def test_another_model_is_named() -> None:
    assert choose_layout(table("a/b", model="Ridge"), 210).lines[0][0] == "Ridge:\na/b"


def test_the_marks_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    print_leaderboard([replace(table("a/one", "a/two"), has_best=True, has_skill=True)], 120)
    printed = " ".join(capsys.readouterr().out.split())
    assert "A mean with * cannot be told from the best" in printed
    assert "Skill is the part above the best baseline" in printed


def test_reasons_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_leaderboard([table("a/one", "a/two"), table("a/three", reason="short")], 120)
    printed = capsys.readouterr().out
    assert printed.count("reduced, all rows: ended by n_epochs 3") == 1
    assert "reduced, all rows: short" in printed
    assert "`" not in printed
