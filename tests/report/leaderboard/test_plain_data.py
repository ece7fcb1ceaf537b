"""The leaderboard as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.report.leaderboard.test_tables import DRAWDOWN, file_of

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.plain_data import csv_text, json_object
from lstm_bench.report.leaderboard.rows import Row, rows_of

MakeRow = Callable[..., BenchRow]


def test_csv_and_json_have_all_digits(rows: list[Row]) -> None:
    groups = group_rows(rows)
    lines = list(csv.DictReader(io.StringIO(csv_text(groups))))
    assert [line["source"] for line in lines] == [
        "measured",
        "measured",
        "reference",
        "measured",
        "reference",
    ]
    assert float(lines[0]["IC mean"]) == rows[1].cell("IC").mean
    assert float(lines[0]["IC low"]) == rows[1].cell("IC").interval.low
    assert (lines[2]["model"], lines[2]["IC mean"]) == ("LSTM, published by Qlib", "0.0318")
    assert lines[1]["seeds_failed"] == "1"
    tables = json.loads(json.dumps(json_object(groups, file_of), allow_nan=False))["tables"]
    row = tables[0]["rows"][1]
    assert row["metrics"]["Rank IC"]["std"] == rows[0].cell("Rank IC").std
    assert row["seeds"] == {"complete": 3, "failed": 1, "diverged": 0, "missing": 0}
    assert tables[0]["evidence"] == ["results/leaderboard/alpha158.parquet"]
    assert [one["name"] for one in tables[0]["references"]] == ["LSTM, published by Qlib"]


def test_json_says_what_an_interval_is_made_of(rows: list[Row]) -> None:
    row = json_object(group_rows(rows[:1]), file_of)["tables"][0]["rows"][0]
    nested = rows[0].cell("IC").nested
    assert nested is not None
    found = row["metrics"]["IC"]
    assert found["basis"] == "days and seeds"
    assert found["variance"] == {"seeds": nested.seed, "days": nested.day, "interaction": nested.interaction}
    assert found["dominant"] == nested.dominant
    assert (found["seeds_to_halve"], found["days_to_halve"]) == (nested.seeds_to_halve, nested.days_to_halve)
    assert found["is_best"] is None  # it has no other row to be compared with
    drawdown = row["metrics"][DRAWDOWN]
    assert (drawdown["basis"], drawdown["variance"], drawdown["dominant"]) == ("seeds", None, None)
    assert drawdown["low"] < drawdown["mean"] < drawdown["high"] <= 0


def test_json_has_the_skill_with_its_interval(results: Path, make_row: MakeRow) -> None:
    make_row("mine", "lstm", range(3), lift=0.05)
    make_row("mine", "ridge", [7], model=ScoringModel("ridge"))
    groups = group_rows(rows_of(collect(results)))
    (table,) = json.loads(json.dumps(json_object(groups, file_of), allow_nan=False))["tables"]
    lstm, ridge = table["rows"]
    assert (lstm["model"], ridge["model"], ridge["n_epochs"]) == ("LSTM", "Ridge", None)
    assert table["baselines"] == ["mine/ridge"]
    assert [one["name"] for one in table["references"]] == ["Market", "LSTM, published by Qlib"]
    skill = lstm["metrics"]["IC"]["skill"]
    assert skill["baseline"] == "mine/ridge"
    assert skill["value"] == pytest.approx(lstm["metrics"]["IC"]["mean"] - ridge["metrics"]["IC"]["mean"])
    assert skill["low"] < skill["value"] < skill["high"]
    assert ridge["metrics"]["IC"]["skill"] is None
    assert ridge["metrics"]["IC"]["basis"] == "days"
    line = next(csv.DictReader(io.StringIO(csv_text(groups))))
    assert (line["IC baseline"], float(line["IC skill low"])) == ("mine/ridge", skill["low"])
