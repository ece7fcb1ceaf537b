"""The seeds behind a row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.report.leaderboard.explanation import explanation_lines, explanation_object
from lstm_bench.report.leaderboard.rows import Row


def test_the_seeds_behind_a_row(rows: list[Row]) -> None:
    lines = explanation_lines(rows[0])
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
