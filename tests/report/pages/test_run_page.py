"""A run's report: the record's numbers, nothing loaded from outside, and notes on what is missing."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.record.record import Record
from lstm_bench.report.figures.predictions import residual_figure
from lstm_bench.report.pages.page import Note, Page, PageTable, render
from lstm_bench.report.pages.run_page import MAIN_FIGURES, run_page

WITH_COST = "1day.excess_return_with_cost"


@pytest.fixture(scope="module")
def page(recorded: Record) -> Page:
    return run_page(recorded)


@pytest.fixture
def older(recorded: Record, tmp_path: Path) -> Record:
    """The record as an earlier version left it: without the full evaluation."""
    path = Path(shutil.copytree(recorded.path, tmp_path / "older"))
    for name in (
        "analysis.json",
        "ic_decay.parquet",
        "ic_periods.parquet",
        "drawdowns.parquet",
        "holdings.parquet",
    ):
        (path / name).unlink()
    recorded.table("ic")[["ic", "rank_ic"]].to_parquet(path / "ic.parquet")
    return Record(path)


def trace(page: Page, figure: str, name: str) -> dict[str, Any]:
    return next(one for one in page.figures[figure].traces if one["name"] == name)


def numbers(values: list[float | None]) -> list[float]:
    return [np.nan if value is None else value for value in values]


def tables(page: Page) -> dict[str, PageTable]:
    return {
        part.name: part for section in page.sections for part in section.parts if isinstance(part, PageTable)
    }


def absences(page: Page) -> str:
    notes = (part for section in page.sections for part in section.parts if isinstance(part, Note))
    return " ".join(note.text for note in notes if note.is_absence)


@pytest.mark.parametrize(
    ("figure", "name", "table", "column"),
    [
        ("losses", "train", "epochs", "train_loss"),
        ("losses", "valid", "epochs", "valid_loss"),
        ("ic_series", "day", "ic", "ic"),
        ("rank_ic_series", "day", "ic", "rank_ic"),
        ("ic_decay", "IC", "ic_decay", "ic"),
        ("ic_decay", "Rank IC", "ic_decay", "rank_ic"),
        ("turnover", "day", "report", "turnover"),
    ],
)
def test_a_trace_is_the_column(
    recorded: Record, page: Page, figure: str, name: str, table: Any, column: str
) -> None:
    shown = trace(page, figure, name)
    np.testing.assert_array_equal(numbers(shown["y"]), recorded.table(table)[column].to_numpy())


def test_cumulated_traces_end_at_the_sums(recorded: Record, page: Page) -> None:
    report, ic = recorded.table("report"), recorded.table("ic")
    excess = report["return"] - report["bench"] - report["cost"]
    ends = {
        ("cumulative_return", "excess, with cost"): excess.sum(),
        ("cumulative_return", "benchmark"): report["bench"].sum(),
        ("growth", "account, with cost"): (1 + report["return"] - report["cost"]).prod(),
        ("cost", "cost"): report["cost"].sum(),
        ("ic_cumulative", "Rank IC"): ic["rank_ic"].sum(),
        ("groups", "group 1"): ic["group_1"].sum(),
        ("long_short", "best minus worst group"): ic["group_spread"].sum(),
    }
    for (figure, name), end in ends.items():
        assert trace(page, figure, name)["y"][-1] == pytest.approx(end, abs=1e-12), (figure, name)
    deepest = min(trace(page, "drawdown", "excess, with cost (summed)")["y"])
    assert deepest == pytest.approx(recorded.metrics()[f"{WITH_COST}.max_drawdown"], abs=1e-12)


def test_a_month_is_the_mean_of_its_days(recorded: Record, page: Page) -> None:
    shown = page.figures["ic_months"].traces[0]
    periods = recorded.table("ic_periods")
    months = periods[periods["span"] == "month"].set_index("period")["ic"]
    for row, year in enumerate(shown["y"]):
        for column, value in enumerate(shown["z"][row]):
            key = f"{year}-{column + 1:02d}"
            assert (value is None) == (key not in months.index)
            assert value is None or value == pytest.approx(months[key], abs=1e-12)


def test_moving_average(recorded: Record, page: Page) -> None:
    ic = recorded.table("ic")["ic"].to_numpy()
    shown = numbers(trace(page, "ic_series", "20-day mean")["y"])
    assert np.isnan(shown[:19]).all()
    for day in range(19, len(ic)):
        window = ic[day - 19 : day + 1]
        expected = np.nan if np.isnan(window).any() else window.mean()
        assert shown[day] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_density_counts_each_sample_on_the_axes(recorded: Record, page: Page) -> None:
    figure = page.figures["score_density"]
    pred, label = recorded.table("pred")["score"], recorded.table("label")["LABEL0"]
    known = (np.isfinite(pred) & np.isfinite(label)).to_numpy()
    x, y = pred.to_numpy(np.float64)[known], label.to_numpy(np.float64)[known]
    (x0, x1), (y0, y1) = figure.layout["xaxis"]["range"], figure.layout["yaxis"]["range"]
    inside = int(((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)).sum())
    cells = np.array(figure.traces[0]["customdata"])
    assert cells.sum() == inside
    shown = figure.traces[0]["z"]
    assert all(
        (cells[i, j] == 0) == (shown[i][j] is None) for i in range(len(cells)) for j in range(len(cells[0]))
    )
    assert f"{inside:,} of {len(x):,} samples" in figure.note
    points = figure.traces[1]
    assert {*zip(points["x"], points["y"], strict=True)} <= {*zip(x.tolist(), y.tolist(), strict=True)}


def test_a_residual_says_what_made_its_label(recorded: Record, page: Page) -> None:
    figure = page.figures["residuals"]
    assert "Label as trained on (DropnaLabel, CSRankNorm)" in figure.reading
    assert "scale" not in figure.note
    ranked = recorded.table("label")["LABEL0"].groupby(level="datetime").rank(pct=True)
    target = ((ranked - 0.5) * 3.46).to_numpy()
    square = np.nanmean((target - recorded.table("pred")["score"].to_numpy(np.float64)) ** 2)
    assert f"mean square {square:.4f} against" in figure.note


def test_residuals_that_a_record_does_not_give_are_left_out(recorded: Record, tmp_path: Path) -> None:
    path = Path(shutil.copytree(recorded.path, tmp_path / "unknown"))
    (path / "statistics.json").unlink()
    page = run_page(Record(path))
    assert "residuals" not in page.figures
    assert "There is no figure of residuals" in absences(page)


def test_residuals_of_a_loss_of_ranks_have_no_scale() -> None:
    values = np.linspace(-1, 1, 50)
    assert (
        "does not fix the scale of scores" in residual_figure(values, values / 2, "CSRankNorm", "rank").note
    )
    assert "scale" not in residual_figure(values, values / 2, "CSRankNorm", "huber").note


def test_headline_has_all_digits_of_the_metrics(recorded: Record, page: Page) -> None:
    metrics = recorded.metrics()
    tiles = {tile.label: tile.cell.value for tile in page.tiles}
    assert tiles["IC"] == metrics["IC"]
    assert tiles["Rank ICIR"] == metrics["Rank ICIR"]
    assert tiles["Excess return with cost"] == metrics[f"{WITH_COST}.annualized_return"]
    assert tiles["Information ratio"] == metrics[f"{WITH_COST}.information_ratio"]
    epochs, best = recorded.table("epochs"), recorded.provenance()["training"]["best_epoch"]
    assert tiles["Valid − train loss"] == epochs["valid_loss"][best] - epochs["train_loss"][best]


def test_risk_tables_hold_both_conventions(recorded: Record, page: Page) -> None:
    shown, returns = tables(page), recorded.analysis()["returns"]
    for convention in ("summed_238", "compounded_252"):
        table = shown[convention]
        column = list(table.header).index("Excess, with cost")
        found = {line[0].text: line[column].value for line in table.lines}
        expected = returns["excess_return_with_cost"][convention]
        assert found["Return a year"] == expected["annualized_return"]
        assert found["Max drawdown"] == expected["max_drawdown"]
    worst = recorded.table("drawdowns")
    excess = worst[(worst["series"] == "excess_return_with_cost") & (worst["accumulation"] == "summed")]
    depths = [
        line[2].value for line in shown["drawdowns"].lines if line[0].text == "Excess, with cost, summed"
    ]
    assert depths == excess.sort_values("rank")["depth"].tolist()


def test_month_table_compounds(recorded: Record, page: Page) -> None:
    report, table = recorded.table("report"), tables(page)["months"]
    for line in table.lines:
        year, who = line[0].text.split()
        series = report["bench"] if who == "benchmark" else report["return"] - report["cost"]
        whole = series[series.index.to_numpy().astype("datetime64[Y]").astype(str) == year]
        assert line[-1].value == pytest.approx((1 + whole).prod() - 1, abs=1e-12)


def test_an_older_record_says_what_it_lacks(older: Record) -> None:
    page = run_page(older)
    assert {"losses", "ic_series", "cumulative_return", "drawdown"} <= set(page.figures)
    assert not {"groups", "ic_decay", "autocorrelation"} & set(page.figures)
    notes_text = absences(page)
    for what in ("IC decay", "groups and stability", "worst periods", "compounded risk and tail risk"):
        assert f"has no {what}" in notes_text
    assert render(page)


def test_without_backtest_or_scores(recorded: Record, tmp_path: Path) -> None:
    path = Path(shutil.copytree(recorded.path, tmp_path / "less"))
    for name in ("report", "positions", "pred"):
        (path / f"{name}.parquet").unlink()
    page = run_page(Record(path))
    assert "cumulative_return" not in page.figures
    assert "requests no backtest" in absences(page)
    assert "has no scores" in absences(page)


def test_a_diverged_run_shows_its_losses(recorded: Record, tmp_path: Path) -> None:
    path = Path(shutil.copytree(recorded.path, tmp_path / "diverged"))
    for file in path.glob("*.parquet"):
        if file.stem != "epochs":
            file.unlink()
    (path / "metrics.json").write_text("{}")
    provenance = json.loads((path / "provenance.json").read_text())
    provenance["training"] |= {"status": "diverged", "best_epoch": -1}
    (path / "provenance.json").write_text(json.dumps(provenance))
    epochs = pd.DataFrame(
        {"train_loss": [np.nan], "valid_loss": [np.nan], "valid_score": [np.nan], "seconds": [1.0]},
        index=pd.Index([0], name="epoch"),
    )
    epochs.to_parquet(path / "epochs.parquet")
    page = run_page(Record(path))
    assert list(page.figures) == ["losses", "loss_gap"]
    assert any("diverged in its first epoch" in flag for flag in page.flags)
    assert not page.tiles
    assert render(page)


def test_the_page_needs_no_network(page: Page) -> None:
    text = render(page)
    own = re.sub(r"<script>\s*/\*\*\n\* plotly\.js.*?</script>", "", text, flags=re.DOTALL)
    assert len(own) < len(text) - 10**6  # plotly.js was cut out, and is in the page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(|fetch\(""", own)
    assert len(text) < 8e6
    figures = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.DOTALL)
    assert figures is not None
    assert set(json.loads(figures[1])) == set(page.figures)


def test_texts_are_escaped(recorded: Record, tmp_path: Path) -> None:
    path = tmp_path / "<b>x & y" / "run"
    shutil.copytree(recorded.path, path)
    (path / "config.yaml").write_text(
        (path / "config.yaml").read_text() + "# </script><script>alert(1)</script>\n"
    )
    text = render(run_page(Record(path)))
    assert "<b>x" not in text
    assert "&lt;b&gt;x &amp; y" in text
    assert "<script>alert" not in text


def test_main_figures_are_there(page: Page) -> None:
    assert set(MAIN_FIGURES) - {"capacity"} <= set(page.figures)  # that of a run with controls


def test_a_broken_record_is_refused(recorded: Record, tmp_path: Path) -> None:
    path = Path(shutil.copytree(recorded.path, tmp_path / "broken"))
    (path / "metrics.json").write_text("{")
    with pytest.raises(DataError, match=r"metrics\.json: cannot be read"):
        run_page(Record(path))


def test_a_changing_learning_rate_and_another_score_are_drawn(
    recorded: Record, page: Page, tmp_path: Path
) -> None:
    assert not {"learning_rate", "valid_score"} & set(page.figures)
    path = Path(shutil.copytree(recorded.path, tmp_path / "scheduled"))
    epochs = recorded.table("epochs").assign(lr=[1e-3, 5e-4, 1e-4], valid_score=[0.01, 0.03, 0.02])
    epochs.to_parquet(path / "epochs.parquet")
    shown = run_page(Record(path)).figures
    assert shown["learning_rate"].traces[0]["y"] == [1e-3, 5e-4, 1e-4]
    assert shown["valid_score"].traces[0]["y"] == [0.01, 0.03, 0.02]


def test_an_own_feature_set_is_named(recorded: Record, page: Page, tmp_path: Path) -> None:
    assert dict(page.facts)["Features"] == "Alpha158, 20 columns, 5 days"
    path = Path(shutil.copytree(recorded.path, tmp_path / "own"))
    text = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(
        text.replace("lstm_bench:\n", "lstm_bench:\n  features: {name: momentum}\n")
    )
    own = run_page(Record(path))
    assert dict(own.facts)["Features"] == "momentum, 20 columns, 5 days"
    assert tables(own)["configuration"].lines[0][1].text.startswith("momentum, 20 columns a day")


def test_provenance_is_in_words(recorded: Record, page: Page) -> None:
    found = {line[0].text: line[1].text for line in tables(page)["origin"].lines}
    training, bars = recorded.provenance()["training"], recorded.provenance()["bars"]
    best = f"{training['best_score']:.6f}".replace("-", "−")
    assert found["Training"].endswith(f"best score {best} at epoch {training['best_epoch']}")
    assert found["Bars"] == f"{bars['start']} to {bars['through']}, SHA-256 {bars['sha256']}"
    assert found["Training path"] == "reference (compat: qlib keeps each detail of torch's own training)"
    assert "Pack" not in found
