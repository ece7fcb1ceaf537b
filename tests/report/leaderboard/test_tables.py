"""Rows, tables and their formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.bench.manifest import Bench, BenchRow
from lstm_bench.record.identity import NUMERICS
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard import formats
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row, group_rows, rows_of
from lstm_bench.report.leaderboard.tables import Style, Table, leaderboard_tables
from lstm_bench.report.pages.leaderboard_page import leaderboard_page
from lstm_bench.report.pages.page import PageTable
from lstm_bench.statistics.seed_interval import mean_interval

MakeRow = Callable[..., BenchRow]


def file_of(study: str) -> str:
    return f"results/leaderboard/{study}.parquet"


def tables_of(rows: list[Row], style: Style | None = None) -> list[Table]:
    return leaderboard_tables(rows, style or Style(), file_of)


def test_a_cell_is_the_mean_and_the_sample_deviation_of_the_complete_seeds(rows: list[Row]) -> None:
    default = rows[0]
    values = [result.metrics["IC"] for result in default.results if result.status == "complete"]
    mean = sum(values) / 3
    std = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    ours = next(table for table in tables_of(rows) if table.evidence)
    line = next(line for line in ours.lines if "alpha158/default" in line[0])
    assert line[:3] == ("LSTM, alpha158/default", "Alpha158 (20 columns)", f"{mean:.4f}±{std:.4f}")
    assert line[9:] == ("3 (1 failed)", "55,105", "30.2 s on cpu", "200", "11.0 (11–11)")
    assert ours.header[:9] == ("Model Name", "Dataset", *COLUMNS.values())
    assert ours.title == "csi300 (cn), test 2017-01-01 to 2020-08-01, data `abababababab`"


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
    evidence = collect(results)
    (row,) = rows_of(evidence)
    assert (len(row.complete), row.count("failed"), row.diverged) == (2, 2, 1)
    line = tables_of([row])[0].lines[0]
    mean = np.mean([result.metrics["IC"] for result in row.complete])
    assert line[2].startswith(f"{mean:.4f}±")
    assert all(cell.endswith("(2 of 3 seeds)") for cell in line[2:9])
    assert line[9] == "2 (1 diverged, 1 failed, 1 diverged after its best epoch)"
    assert formats.json_object([row], file_of)["tables"][0]["rows"][0]["seeds"]["diverged"] == 1
    table = leaderboard_page([row], evidence).sections[0].parts[1]
    assert isinstance(table, PageTable)
    assert table.lines[0][1].detail.endswith("2 of 3 seeds")
    assert table.lines[0][8].detail == row.shortfall


def test_qlibs_rows_stand_in_tables_of_their_own(rows: list[Row]) -> None:
    tables = tables_of(rows)
    assert [(table.features, bool(table.evidence)) for table in tables] == [
        ("Alpha158", True),
        ("Alpha158", False),
        ("Alpha360", True),
        ("Alpha360", False),
    ]
    assert tables[3].title == "As published by Qlib, 20 seeds, another vintage of the data"
    assert tables[3].lines[0][2:] == (
        *("0.0448±0.00", "0.3474±0.04", "0.0549±0.00", "0.4366±0.03"),
        *("0.0647±0.03", "0.8963±0.39", "-0.0875±0.02"),
    )


def test_styles(rows: list[Row]) -> None:
    cell = rows[0].cell("IC")
    compat = tables_of(rows[:1], Style(compat=True))[0].lines[0][2]
    assert compat == f"{cell.mean:.4f}±{cell.std:.2f}"
    wide = tables_of(rows[:1], Style(intervals=True))[0].lines[0][2]
    assert wide == f"{cell.mean:.4f}±{cell.std:.4f} [{cell.interval.low:.4f}, {cell.interval.high:.4f}]"
    assert cell.interval == mean_interval(cell.values)


def test_the_best_row_comes_first(rows: list[Row]) -> None:
    assert [line[0] for line in tables_of(rows)[0].lines] == [
        "LSTM, alpha158/tuned",
        "LSTM, alpha158/default",
    ]


def test_what_cannot_be_compared_is_not_in_one_table(results: Path, make_row: MakeRow) -> None:
    make_row("full")
    make_row("other_data", data="cd" * 32)
    make_row("us", overrides=["market=csi500"])
    make_row("short", overrides=["task.dataset.kwargs.segments.train=[2013-01-01, 2014-12-31]"])
    make_row("synthetic", synthetic=True, data="ef" * 32)
    make_row("none", absent=range(3))
    groups = group_rows(rows_of(collect(results)))
    assert sorted([row.study for row in group.rows] for group in groups) == [
        ["full"],
        ["none"],
        ["other_data"],
        ["short"],
        ["synthetic"],
        ["us"],
    ]
    assert [group.setting.kind for group in groups] == ["full"] * 3 + ["reduced", "own", "synthetic"]
    text = formats.markdown(tables_of([row for group in groups for row in group.rows]))
    assert "| Epochs run | Reduced |" in text
    assert "| train 2013-01-01..2014-12-31 of 2008-01-02..2014-12-31 |" in text
    assert "Another market than that of Qlib's benchmark: csi500 (cn), test" in text
    assert "Synthetic data, not comparable with real data: csi300 (cn), test" in text
    assert text.count("| Reduced |") == 1
    assert "Reduced runs, not comparable with full ones: csi300 (cn), test" in text
    assert "| LSTM, none/default | Alpha158 (20 columns) | – |" in text
    assert "| 0 (3 missing) |" in text


@pytest.mark.parametrize(
    ("overrides", "provenance"),
    [(["market=sp500", "qlib_init.region=us"], {}), (["market=all"], {}), ([], {"synthetic": True})],
)
def test_qlibs_row_does_not_stand_beside_another_market(
    results: Path, make_row: MakeRow, overrides: list[str], provenance: dict[str, object]
) -> None:
    cut = {"status": "finished", "epochs": 2, "best_epoch": 0, "parameters": 1}
    make_row("mine", overrides=["task.model.kwargs.n_epochs=2", *overrides], training=cut, **provenance)
    rows = rows_of(collect(results))
    text = formats.markdown(tables_of(rows))
    assert "educed" not in text
    assert [table.features for table in tables_of(rows) if not table.evidence] == ["Alpha360"]
    (table,) = formats.json_object(rows, file_of)["tables"]
    assert (table["is_reduced"], table["rows"][0]["reduced"]) == (False, [])


def test_titles_name_label_and_numerics_where_they_differ(results: Path, make_row: MakeRow) -> None:
    make_row("now")
    make_row("older", numerics=1)
    make_row("spaced", overrides=['data_handler_config.label=["Ref($close,-2)/Ref($close,-1)-1"]'])
    plain = "csi300 (cn), test 2017-01-01 to 2020-08-01, data `abababababab`"
    titles = [table.title for table in tables_of(rows_of(collect(results))) if table.evidence]
    assert titles == [f"{plain}, numerics 1", f"{plain}, numerics {NUMERICS}"]
    make_row("other", overrides=['data_handler_config.label=["Ref($close, -3) / Ref($close, -1) - 1"]'])
    tables = [table for table in tables_of(rows_of(collect(results))) if table.evidence]
    assert len(tables) == 3
    assert tables[2].title == f"{plain}, label `Ref($close,-3)/Ref($close,-1)-1`, numerics {NUMERICS}"


def test_one_seed_has_no_deviation(results: Path, make_row: MakeRow) -> None:
    make_row("alpha158", seeds=[4])
    rows = rows_of(collect(results))
    assert tables_of(rows)[0].lines[0][2] == f"{rows[0].results[0].metrics['IC']:.4f}"
    assert not rows[0].reductions


def test_markdown_names_the_evidence(rows: list[Row]) -> None:
    text = formats.markdown(tables_of(rows))
    assert "### Alpha158\n\ncsi300 (cn)" in text
    assert (
        "Evidence: [`results/leaderboard/alpha158.parquet`](results/leaderboard/alpha158.parquet)\n" in text
    )
    assert text.endswith("|\n")


def test_csv_and_json_have_all_digits(rows: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(formats.csv_text(rows))))
    assert [line["source"] for line in lines] == ["measured"] * 3 + ["published"] * 2
    assert float(lines[0]["IC mean"]) == rows[1].cell("IC").mean
    assert lines[1]["seeds_failed"] == "1"
    tables = json.loads(json.dumps(formats.json_object(rows, file_of), allow_nan=False))
    row = tables["tables"][0]["rows"][1]
    assert row["metrics"]["Rank IC"]["std"] == rows[0].cell("Rank IC").std
    assert row["seeds"] == {"complete": 3, "failed": 1, "diverged": 0, "missing": 0}
    assert tables["tables"][0]["evidence"] == ["results/leaderboard/alpha158.parquet"]
    assert len(tables["published"]) == 2


def test_latex_is_escaped(rows: list[Row]) -> None:
    text = formats.latex(tables_of(rows))
    assert r"n\_epochs" in text
    assert r"$\pm$" in text
    assert "`" not in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4


def test_without_rows_the_tables_are_qlibs() -> None:
    tables = tables_of([])
    assert [table.features for table in tables] == ["Alpha158", "Alpha360"]
    assert formats.markdown(tables).startswith("There is no row yet")


def test_qlibs_rows_are_no_reference_for_other_data(results: Path, make_row: MakeRow) -> None:
    make_row("made", "default", range(3), synthetic=True)
    make_row("small", "default", range(2), overrides=["data_handler_config.instruments=csi100"])
    rows = rows_of(collect(results))
    published = [table.features for table in tables_of(rows) if not table.evidence]
    assert published == ["Alpha360"]  # of which there is no row at all
    text = formats.csv_text(rows)
    assert [
        line["features"] for line in csv.DictReader(io.StringIO(text)) if line["source"] == "published"
    ] == published
    assert [row["features"] for row in formats.json_object(rows, file_of)["published"]] == published
    make_row("real", "default", range(2))
    assert len([table for table in tables_of(rows_of(collect(results))) if not table.evidence]) == 2


def test_two_seeds_have_a_deviation_and_no_interval(results: Path, make_row: MakeRow) -> None:
    make_row("two", "default", range(2))
    make_row("three", "default", range(3))
    lines = {
        line[0]: line[2] for line in tables_of(rows_of(collect(results)), Style(intervals=True))[0].lines
    }
    assert "±" in lines["LSTM, two/default"]
    assert "[" not in lines["LSTM, two/default"]
    assert "[" in lines["LSTM, three/default"]
