"""Tables of text: cells, marks, models, titles and reference lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.record.identity import NUMERICS
from lstm_bench.record.ledger import read_ledger
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.note import note
from lstm_bench.report.leaderboard.plain_data import json_object
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row, rows_of
from lstm_bench.report.leaderboard.tables import Line, Style, Table, leaderboard_tables
from lstm_bench.report.pages.leaderboard_page import leaderboard_page
from lstm_bench.report.pages.page import PageTable

MakeRow = Callable[..., BenchRow]

DRAWDOWN = "1day.excess_return_with_cost.max_drawdown"


def file_of(study: str) -> str:
    return f"results/leaderboard/{study}.parquet"


def tables_of(rows: list[Row], style: Style | None = None) -> list[Table]:
    return leaderboard_tables(group_rows(rows), style or Style(), file_of)


def lines_of(table: Table) -> dict[str, Line]:
    return {line.row: line for line in table.lines}


def test_a_cell_is_the_mean_and_the_sample_deviation_of_the_complete_seeds(rows: list[Row]) -> None:
    default = rows[0]
    values = [result.metrics["IC"] for result in default.results if result.status == "complete"]
    mean = sum(values) / 3
    std = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    table = tables_of(rows)[0]
    line = lines_of(table)["alpha158/default"]
    assert line.name == "LSTM, alpha158/default"
    assert [cell.first for cell in line.cells[:2]] == ["Alpha158 (20 columns)", f"{mean:.4f}±{std:.4f}"]
    assert [cell.first for cell in line.cells[8:]] == [
        *("3 (1 failed)", "55,105", "30.2 s on cpu", "200", "11.0 (11–11)", "–")
    ]
    assert table.header[:9] == ("Model Name", "Dataset", *COLUMNS.values())
    assert table.title == "csi300 (cn), test 2017-01-01 to 2020-08-01, data `abababababab`"


def test_the_interval_stands_below_the_mean(rows: list[Row]) -> None:
    line = lines_of(tables_of(rows)[0])["alpha158/default"]
    for metric, cell in zip(COLUMNS, line.cells[1:8], strict=True):
        interval = rows[0].cell(metric).interval
        assert cell.below == (f"[{interval.low:.4f}, {interval.high:.4f}]",)


def test_a_row_whose_seeds_partly_diverged_says_so_beside_its_means(results: Path, make_row: MakeRow) -> None:
    lost = {"status": "diverged", "epochs": 1, "best_epoch": -1, "parameters": 55105}
    wild = ["task.model.kwargs.lr=9"]
    # seed 1 without a usable epoch, seed 2 after a few; seed 3's worker was killed
    late = {**lost, "epochs": 5, "best_epoch": 2}
    runs = make_row("alpha158", "wild", [2], training=late, overrides=wild).runs
    runs |= make_row("alpha158", "wild", [1], diverged=True, training=lost, overrides=wild).runs
    whole = make_row("alpha158", "wild", range(4), absent=[1, 2], failures={3: "killed"}, overrides=wild)
    every = whole.model_copy(update={"runs": {**whole.runs, **runs}})
    Bench.change(results / "alpha158", "wild", lambda _: every)
    (row,) = rows_of(collect(results))
    assert (len(row.complete), row.count("failed"), row.diverged) == (2, 2, 1)
    cells = tables_of([row])[0].lines[0].cells
    mean = np.mean([result.metrics["IC"] for result in row.complete])
    assert cells[1].first.startswith(f"{mean:.4f}±")
    assert all(cell.first.endswith("(2 of 3 seeds)") for cell in cells[1:8])
    assert cells[8].first == "2 (1 diverged, 1 failed, 1 diverged after its best epoch)"
    groups = group_rows([row])
    assert json_object(groups, file_of)["tables"][0]["rows"][0]["seeds"]["diverged"] == 1
    table = leaderboard_page(groups).sections[0].parts[1]
    assert isinstance(table, PageTable)
    assert table.lines[0][1].detail.endswith("2 of 3 seeds")
    assert table.lines[0][8].detail == row.shortfall


def test_what_qlib_published_is_the_last_line(rows: list[Row]) -> None:
    tables = tables_of(rows)
    assert [table.features for table in tables] == ["Alpha158", "Alpha360"]
    for table in tables:
        assert [line.is_reference for line in table.lines] == [*[False] * (len(table.lines) - 1), True]
    line = tables[1].lines[-1]
    assert line.name == "LSTM, published by Qlib, another vintage of the data"
    assert [cell.first for cell in line.cells] == [
        "Alpha360",
        *("0.0448±0.00", "0.3474±0.04", "0.0549±0.00", "0.4366±0.03"),
        *("0.0647±0.03", "0.8963±0.39", "-0.0875±0.02"),
        *("20", "–", "–", "–", "–", "–"),
    ]


def test_qlibs_deviations_have_two_decimals(rows: list[Row]) -> None:
    cell = rows[0].cell("IC")
    line = lines_of(tables_of(rows[:1], Style(compat=True))[0])["alpha158/default"]
    assert line.cells[1].first == f"{cell.mean:.4f}±{cell.std:.2f}"


def test_the_best_row_comes_first(rows: list[Row]) -> None:
    assert [line.row for line in tables_of(rows)[0].lines if not line.is_reference] == [
        "alpha158/tuned",
        "alpha158/default",
    ]


def test_reduced_and_other_data_are_titled_and_have_no_row_of_qlibs(results: Path, make_row: MakeRow) -> None:
    make_row("us", overrides=["market=csi500"])
    make_row("short", overrides=["task.dataset.kwargs.segments.train=[2013-01-01, 2014-12-31]"])
    make_row("synthetic", synthetic=True, data="ef" * 32)
    make_row("none", absent=range(3))
    titles = {line.row: table for table in tables_of(rows_of(collect(results))) for line in table.lines}
    assert titles["us/default"].title.startswith("Another market than that of Qlib's benchmark: csi500 (cn)")
    assert titles["synthetic/default"].title.startswith("Synthetic data, not comparable with real data: csi3")
    short = titles["short/default"]
    assert short.title.startswith("Reduced runs, not comparable with full ones: csi300 (cn), test")
    assert short.header[-1] == "Reduced"
    assert short.lines[0].cells[-1].first == "train 2013-01-01..2014-12-31 of 2008-01-02..2014-12-31"
    assert [len(titles[f"{name}/default"].lines) for name in ("us", "synthetic", "short")] == [1, 1, 1]
    empty = titles["none/default"]
    assert "no seed complete" in empty.title
    assert len(empty.lines) == 1  # whether its data are real is not known
    assert [cell.first for cell in empty.lines[0].cells[1:9]] == [*["–"] * 7, "0 (3 missing)"]


def test_a_market_with_its_own_epochs_is_not_reduced(results: Path, make_row: MakeRow) -> None:
    cut = {"status": "finished", "epochs": 2, "best_epoch": 0, "parameters": 1}
    for study, overrides in {"us": ["market=sp500", "qlib_init.region=us"], "all": ["market=all"]}.items():
        make_row(study, overrides=["task.model.kwargs.n_epochs=2", *overrides], training=cut)
    for table in tables_of(rows_of(collect(results))):
        assert "Reduced" not in table.header
        assert not any(line.is_reference for line in table.lines)


def test_titles_name_label_and_numerics_where_they_differ(results: Path, make_row: MakeRow) -> None:
    make_row("now")
    make_row("older", numerics=1)
    make_row("spaced", overrides=['data_handler_config.label=["Ref($close,-2)/Ref($close,-1)-1"]'])
    plain = "csi300 (cn), test 2017-01-01 to 2020-08-01, data `abababababab`"
    titles = [table.title for table in tables_of(rows_of(collect(results)))]
    assert titles == [f"{plain}, numerics 1", f"{plain}, numerics {NUMERICS}"]
    make_row("other", overrides=['data_handler_config.label=["Ref($close, -3) / Ref($close, -1) - 1"]'])
    tables = tables_of(rows_of(collect(results)))
    assert len(tables) == 3
    assert tables[2].title == f"{plain}, label `Ref($close,-3)/Ref($close,-1)-1`, numerics {NUMERICS}"
    assert not any(line.is_reference for line in tables[2].lines)  # Qlib's row has another label


def test_one_seed_has_no_deviation_and_two_have_no_interval(results: Path, make_row: MakeRow) -> None:
    for seeds in (1, 2, 3):
        make_row(f"{seeds}-seeds", seeds=range(seeds))
    (table,) = tables_of(rows_of(collect(results)))
    cells = {row: line.cells[1] for row, line in lines_of(table).items()}
    assert cells["1-seeds/default"].tail == ""
    assert cells["2-seeds/default"].tail.startswith("±")
    assert [len(cells[f"{n}-seeds/default"].below) for n in (1, 2, 3)] == [0, 0, 1]


def test_a_models_name_and_what_is_known_of_it(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "ridge", [0], model=ScoringModel("ridge", {"lambda": 1.0}))
    make_row("mine", "theirs", [0], model=ScoringModel("scores", {"digest": "ab"}))
    lines = lines_of(tables_of(rows_of(collect(results)))[0])
    ridge = lines["mine/ridge"]
    assert ridge.name == "Ridge, mine/ridge"
    assert [cell.first for cell in ridge.cells[8:]] == ["1", "21", "30.2 s on cpu", "–", "–", "–"]
    assert ridge.cells[0].first == "Alpha158 (20 columns)"
    assert lines["mine/theirs"].name == "Scores, mine/theirs"
    assert lines["mine/theirs"].cells[9].first == "–"  # nobody said how many parameters
    assert lines["mine/theirs"].cells[0].first == "–"  # nobody said which features they are made of


def test_a_row_that_lacks_days_says_so_beside_its_seeds(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "lstm", range(3))
    assert not tables_of(rows_of(collect(results)))[0].lacks_days
    make_row("mine", "theirs", range(2), model=ScoringModel("scores"), present=slice(31))
    wider = ["task.model.kwargs.hidden_size=32"]
    make_row("mine", "lame", range(2), absent=[1], present=slice(31), overrides=wider)
    groups = group_rows(rows_of(collect(results)))
    (table,) = leaderboard_tables(groups, Style(), file_of)
    seeds = {row: line.cells[8].first for row, line in lines_of(table).items()}
    assert [seeds[f"mine/{label}"] for label in ("lstm", "theirs", "lame")] == [
        "3",
        "2 (52 % of days)",
        "1 (1 missing, 52 % of days)",
    ]
    assert "A row with fewer than 95 % of the days of its table is not compared" in note(
        [table], "A bold mean"
    )
    shown = leaderboard_page(groups).sections[0].parts[1]
    assert isinstance(shown, PageTable)
    details = {line[0].text: (line[8].detail, line[9].text) for line in shown.lines}
    assert details["mine/theirs"] == ("52 % of days", "–")
    rows = json_object(groups, file_of)["tables"][0]["rows"]
    assert {row["row"]: (row["share_of_days"], row["parameters"]) for row in rows} == {
        "lstm": (1.0, 55105),
        "theirs": (31 / 60, None),
        "lame": (31 / 60, 55105),
    }


def test_skill_and_the_market_are_shown_beside_baselines(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "lstm", range(3), lift=0.05)
    make_row("mine", "ridge", [7], model=ScoringModel("ridge"))
    rows = rows_of(collect(results))
    (table,) = tables_of(rows)
    lines = lines_of(table)
    assert table.has_skill
    difference = rows[0].cell("IC").mean - rows[1].cell("IC").mean
    assert lines["mine/lstm"].cells[1].below[1] == f"skill {difference:+.4f}"
    assert not any("skill" in text for cell in lines["mine/ridge"].cells for text in cell.below)
    assert [line.model for line in table.lines] == ["LSTM", "Ridge", "Market", "LSTM, published by Qlib"]
    assert {cell.first for cell in table.lines[2].cells[1:8]} == {"0.0000"}


@pytest.mark.parametrize("lift", [0.0, 0.2])
def test_rows_that_cannot_be_told_from_the_best_are_marked(
    results: Path, make_row: MakeRow, lift: float
) -> None:
    make_row("a", seeds=range(3), lift=lift)
    make_row("b", seeds=range(3))
    (table,) = tables_of(rows_of(collect(results)))
    assert table.has_best
    marks = {row: [cell.is_best for cell in line.cells[1:8]] for row, line in lines_of(table).items()}
    assert marks["a/default"] == [*[True] * 6, False]  # the drawdown has no daily series
    assert marks["b/default"] == [*[lift == 0.0] * 6, False]
    assert not any(marks["another vintage of the data"])


def test_the_control_with_permuted_labels_is_named_and_never_marked(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "lstm", range(3))
    make_row("mine", "control", range(3), overrides=["lstm_bench.training.permute_labels=true"], lift=0.1)
    make_row("mine", "ridge", [7], model=ScoringModel("ridge"))
    lines = lines_of(tables_of(rows_of(collect(results)))[0])
    control = lines["mine/control"]
    assert control.name == "LSTM, permuted labels, mine/control"
    assert not any(cell.is_best for cell in control.cells)
    assert not any("skill" in text for cell in control.cells for text in cell.below)
    assert any(cell.is_best for cell in lines["mine/lstm"].cells)


def test_evaluations_on_test_are_counted(results: Path, make_row: MakeRow) -> None:
    make_row("a", seeds=range(3))
    make_row("b", seeds=range(2), overrides=["task.model.kwargs.hidden_size=32"])
    make_row("elsewhere", data="cd" * 32)
    rows = rows_of(collect(results))
    groups = group_rows(rows, ledger=read_ledger(results))
    tables = leaderboard_tables(groups, Style(), file_of)
    counts = {line.row: line.cells[13].first for table in tables for line in table.lines}
    assert [counts[f"{study}/default"] for study in ("a", "b", "elsewhere")] == ["3 of 5", "2 of 5", "3 of 3"]
    assert tables[0].has_evaluations
    data = json_object(groups, file_of)["tables"][0]["rows"]
    assert {row["study"]: row["test_evaluations"] for row in data} == {
        "a": {"of_row": 3, "total": 5},
        "b": {"of_row": 2, "total": 5},
    }
    shown = leaderboard_page(groups).sections[0].parts[1]
    assert isinstance(shown, PageTable)
    assert {line[0].text: (line[12].value, line[12].detail) for line in shown.lines[:2]} == {
        "a/default": (3.0, "of 5"),
        "b/default": (2.0, "of 5"),
    }
