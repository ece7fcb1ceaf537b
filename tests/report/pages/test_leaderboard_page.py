"""The leaderboard as a page: the evidence's numbers, links to reports, and pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_bench.record.evidence import read_evidence
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.published import COLUMNS, PUBLISHED
from lstm_bench.report.leaderboard.rows import Row, rows_of
from lstm_bench.report.pages.leaderboard_page import leaderboard_page, report_links
from lstm_bench.report.pages.page import Page, PageTable, render
from lstm_bench.statistics.ranks import probability_of_improvement


def page_of(results: Path, **more: Any) -> tuple[Page, list[Row]]:
    groups = group_rows(rows := rows_of(collect(results)))
    return leaderboard_page(groups, **more), rows


def tables(page: Page) -> dict[str, PageTable]:
    return {
        part.name: part for section in page.sections for part in section.parts if isinstance(part, PageTable)
    }


def test_cells_are_the_means_with_all_digits(results: Path, make_row: Any) -> None:
    make_row("a", seeds=range(4))
    make_row("b", seeds=range(4), lift=0.02)
    page, rows = page_of(results)
    shown = tables(page)["t0_rows"]
    by_name = {row.name: row for row in rows}
    for line in shown.lines[: len(rows)]:
        row = by_name[line[0].text]
        assert [cell.value for cell in line[1:8]] == [row.cell(metric).mean for metric in COLUMNS]
    published = next(one for one in PUBLISHED if one.features == "Alpha158")
    assert [cell.value for cell in shown.lines[-1][1:8]] == [mean for mean, _ in published.cells.values()]
    assert shown.is_sortable


def test_every_seed_is_drawn(results: Path, make_row: Any) -> None:
    make_row("a", seeds=range(4))
    page, (row,) = page_of(results)
    for metric, column in COLUMNS.items():
        figure = page.figures[f"t0_seeds_{column.lower().replace(' ', '_')}"]
        seeds, mean, published = figure.traces
        assert seeds["x"] == list(row.values(metric).values())
        assert seeds["customdata"] == [0, 1, 2, 3]
        assert mean["x"] == [row.cell(metric).mean]
        interval = row.cell(metric).interval
        assert mean["x"][0] + mean["error_x"]["array"][0] == pytest.approx(interval.high)
        assert mean["x"][0] - mean["error_x"]["arrayminus"][0] == pytest.approx(interval.low)
        assert len(published["x"]) == 1


def test_curves_are_means_over_seeds(results: Path, make_row: Any) -> None:
    make_row("a", seeds=range(3))
    page, _ = page_of(results)
    evidence = read_evidence(results)
    daily = [evidence["a"].daily["default", seed].series for seed in range(3)]
    ends = [np.nansum(one["return"] - one["bench"] - one["cost"]) for one in daily]
    least, greatest, mean = page.figures["t0_curve_excess"].traces
    assert mean["y"][-1] == pytest.approx(np.mean(ends), abs=1e-12)
    assert least["y"][-1] == pytest.approx(min(ends), abs=1e-12)
    assert greatest["y"][-1] == pytest.approx(max(ends), abs=1e-12)


def test_wins_of_a_pair(results: Path, make_row: Any) -> None:
    make_row("a", seeds=range(5))
    make_row("b", seeds=range(5), lift=0.02)
    page, (a, b) = page_of(results)
    shown = page.figures["wins0_ic"].traces[0]
    assert (shown["x"], shown["y"]) == (["a/default", "b/default"],) * 2
    chance = probability_of_improvement(list(a.values("IC").values()), list(b.values("IC").values()))
    assert shown["z"] == [[None, chance], [pytest.approx(1 - chance), None]]
    pairs = tables(page)["pairs0"]
    assert [line[2].text for line in pairs.lines] == list(COLUMNS.values())
    assert pairs.lines[0][-2].value == chance
    assert pairs.lines[2][-1].text == "B better"


def test_rows_that_cannot_be_compared_are_not(results: Path, make_row: Any) -> None:
    make_row("a", seeds=range(3))
    make_row("b", seeds=range(3), data="cd" * 32)
    page, _ = page_of(results)
    assert not [name for name in page.figures if name.startswith("wins")]
    assert len([name for name in tables(page) if name.endswith("_rows")]) == 2


def test_a_run_leads_to_its_report(results: Path, make_row: Any, tmp_path: Path) -> None:
    row = make_row("a", seeds=range(2))
    report = results / "a" / row.runs[1] / "report.html"
    report.write_text("a report")
    board = tmp_path / "pages" / "board.html"
    page, _ = page_of(results, links=report_links(results, board))
    cells = {line[1].text: line[2] for line in tables(page)["t0_results"].lines}
    assert cells["0"].href is None
    assert (board.parent / str(cells["1"].href)).resolve() == report.resolve()
    assert f'<a href="{cells["1"].href}">{row.runs[1]}</a>' in render(page)


def test_lost_seeds_are_named(results: Path, make_row: Any) -> None:
    make_row("a", seeds=range(4), failures={2: "no memory <b>"}, absent=[3])
    page, _ = page_of(results)
    line = tables(page)["t0_rows"].lines[0]
    assert (line[8].value, line[8].detail) == (2.0, "1 failed, 1 missing")
    text = render(page)
    assert "no memory &lt;b&gt;" in text
    assert "no memory <b>" not in text


@pytest.mark.parametrize(("seeds", "detail"), [(1, 0), (2, 1), (3, 2)])
def test_fewer_than_three_seeds_have_no_interval(
    results: Path, make_row: Any, seeds: int, detail: int
) -> None:
    make_row("a", seeds=range(seeds))
    page, _ = page_of(results)
    assert ("error_x" in page.figures["t0_seeds_ic"].traces[1]) == (seeds == 3)
    assert "if there are three seeds or more" in page.figures["t0_seeds_ic"].reading
    assert [trace["name"] for trace in page.figures["t0_curve_ic"].traces].count("least") == (seeds == 3)
    cell = tables(page)["t0_rows"].lines[0][1]
    assert len(cell.detail.splitlines()) == detail  # the deviation, then the interval
    assert "nan" not in cell.detail
    assert render(page)


def test_qlibs_row_stands_beside_its_own_market_alone(results: Path, make_row: Any) -> None:
    make_row("real", seeds=range(2))
    make_row("made", seeds=range(2), data="cd" * 32, synthetic=True)
    make_row("small", seeds=range(2), overrides=["data_handler_config.instruments=csi100"])
    page, rows = page_of(results)
    of_study = {
        row.study: [line[0].text for line in tables(page)[f"t{k}_rows"].lines]
        for k, group in enumerate(group_rows(rows))
        for row in group.rows
    }
    assert of_study == {
        "real": ["real/default", "LSTM, published by Qlib"], "made": ["made/default"], "small": ["small/default"]
    }  # fmt: skip
    labels = {k: page.figures[f"t{k}_seeds_ic"].layout["yaxis"]["ticktext"] for k in range(3)}
    assert sum("LSTM, published by Qlib" in texts for texts in labels.values()) == 1


def test_without_rows(results: Path) -> None:
    text = render(page_of(results)[0])
    assert "There is no row yet" in text
    assert "plotly.js v" not in text


@pytest.mark.parametrize("seeds", [1, 2])
def test_rows_of_fewer_than_three_seeds_are_undecided(results: Path, make_row: Any, seeds: int) -> None:
    make_row("a", seeds=range(seeds))
    make_row("b", seeds=range(seeds), lift=0.02)
    page, _ = page_of(results)
    for line in tables(page)["pairs0"].lines:
        assert [line[5].detail, line[6].text] == ["undecided"] * 2
    assert not [name for name in page.figures if name.startswith("wins")]


def test_names_may_break_where_their_parts_meet_and_texts_are_escaped(results: Path, make_row: Any) -> None:
    from lstm_bench.report.pages.page import render

    make_row("alpha158", "lr=0.01,hidden_size=32", range(3))
    html = render(page_of(results)[0])
    assert '<div class="name">alpha158/<wbr>lr=0.01,<wbr>hidden_<wbr>size=32<small>' in html.replace("\n", "")


def test_reasons_of_reduction_stand_above_the_table(results: Path, make_row: Any) -> None:
    short = ["task.dataset.kwargs.segments.train=[2013-01-01, 2014-12-31]"]
    make_row("one", overrides=short)
    make_row("two", overrides=short)
    (section,) = page_of(results)[0].sections[:1]
    note, table = section.parts[:2]
    assert "All rows: train 2013-01-01..2014-12-31 of 2008-01-02..2014-12-31." in note.text  # type: ignore[union-attr]
    assert table.lines[0][0].detail == "LSTM\nAlpha158 (20 columns)"  # type: ignore[union-attr]


def test_another_market_has_no_row_of_qlibs_and_no_word_of_reduction(results: Path, make_row: Any) -> None:
    make_row("mine", overrides=["market=sp500", "qlib_init.region=us", "task.model.kwargs.n_epochs=2"],
             training={"status": "finished", "epochs": 2, "best_epoch": 0, "parameters": 1})  # fmt: skip
    page, _ = page_of(results)
    section = page.sections[0]
    assert section.title == "Alpha158, sp500"
    assert "Another market than that of Qlib's benchmark." in section.parts[0].text  # type: ignore[union-attr]
    assert [line[0].text for line in section.parts[1].lines] == ["mine/default"]  # type: ignore[union-attr]


def test_models_marks_and_skill_are_shown(results: Path, make_row: Any) -> None:
    make_row("mine", "lstm", seeds=range(3), lift=0.3)
    make_row("mine", "ridge", seeds=[7], model=ScoringModel("ridge"))
    page, (lstm, ridge) = page_of(results)
    table = tables(page)["t0_rows"]
    names = ["mine/lstm", "mine/ridge", "Market", "LSTM, published by Qlib"]
    assert [line[0].text for line in table.lines] == names
    assert table.lines[1][0].detail == "Ridge\nAlpha158 (20 columns)"
    found = table.lines[0][1]
    difference = lstm.cell("IC").mean - ridge.cell("IC").mean
    assert f"skill +{difference:.4f}\n[" in found.detail
    assert "skill" not in table.lines[1][1].detail
    assert found.tint
    assert not table.lines[1][1].tint
    assert "Tinted means cannot be told from the best" in table.reading
    symbols = [trace["marker"].get("symbol") for trace in page.figures["t0_seeds_ic"].traces]
    assert symbols == [None, "diamond", None, "diamond-open", "x-thin-open"]
    assert "A filled diamond cannot be told from the best." in page.figures["t0_seeds_ic"].reading
    assert "A filled diamond" not in page.figures["t0_seeds_max_drawdown"].reading
    assert render(page)
