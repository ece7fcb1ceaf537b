"""The seeds behind a row, and what its intervals are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.explanation import (
    VARIANCE_HEADER,
    explanation_object,
    explanation_text,
    seed_lines,
    variance_lines,
)
from lstm_bench.report.leaderboard.published import COLUMNS
from lstm_bench.report.leaderboard.rows import Row, rows_of


def test_the_seeds_behind_a_row(rows: list[Row]) -> None:
    lines = seed_lines(rows[0])
    assert [line[0] for line in lines] == ["0", "1", "2", "3", "mean", "std"]
    assert lines[3][1:3] == ("failed", "–")
    assert lines[3][-1] == "killed"
    values = [float(line[2]) for line in lines[:3]]
    assert float(lines[4][2]) == pytest.approx(np.mean(values), abs=1e-6)
    assert float(lines[5][2]) == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    explained = explanation_object(rows[0])
    assert explained["summary"]["IC"]["n"] == 3
    assert "seed" not in explained["config"]["task"]["model"]["kwargs"]


def test_the_configuration_of_a_row_runs(rows: list[Row], tmp_path: Path) -> None:
    from lstm_bench.config.workflow import load_workflow

    path = tmp_path / "row.json"
    path.write_text(json.dumps(explanation_object(rows[0])["config"]))
    config = load_workflow(path, [("qlib_init.provider_uri", "market"), ("task.model.kwargs.seed", 2)])
    assert config.identity() == rows[0].config.identity()
    assert config.seed == 2


def test_the_variance_of_each_metric_is_split(rows: list[Row]) -> None:
    lines = {line[0]: line for line in variance_lines(rows[0])}
    assert list(lines) == list(COLUMNS.values())
    assert all(len(line) == len(VARIANCE_HEADER) for line in lines.values())
    cell = rows[0].cell("Rank IC")
    nested, interval = cell.nested, cell.interval
    assert nested is not None
    parts = np.array([nested.seed, nested.day, nested.interaction])
    assert lines["Rank IC"][1:7] == (
        f"{cell.mean:.4f}",
        f"[{interval.low:.4f}, {interval.high:.4f}]",
        *(f"{share:.0%}" for share in parts / parts.sum()),
        nested.dominant,
    )
    more = [
        f"{n:,} more" if n is not None else "never" for n in (nested.seeds_to_halve, nested.days_to_halve)
    ]
    assert list(lines["Rank IC"][7:]) == more
    assert lines["Max Drawdown"][3:] == ("–",) * 6
    assert lines["Max Drawdown"][2].startswith("[")


def test_too_few_seeds_are_undecided(results: Path, make_row: Callable[..., object]) -> None:
    make_row("two", seeds=range(2))
    (row,) = rows_of(collect(results))
    assert {line[2] for line in variance_lines(row)} == {"undecided"}
    assert explanation_object(row)["summary"]["IC"]["low"] is None


def test_another_model_is_described(results: Path, make_row: Callable[..., object]) -> None:
    make_row("mine", "ridge", [0], model=ScoringModel("ridge", {"lambda": 1.0}))
    (row,) = rows_of(collect(results))
    assert explanation_object(row)["model"] == {"kind": "ridge", "settings": {"lambda": 1.0}}
    assert "Ridge" in explanation_text(row)
    line = variance_lines(row)[0]
    assert line[2].startswith("[")  # over days: it needs no seed
    assert line[6] == "days"
