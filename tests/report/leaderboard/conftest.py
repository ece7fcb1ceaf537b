"""Rows that the tests of the leaderboard share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.report.conftest import MakeRow

from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.rows import Row, rows_of


@pytest.fixture(scope="package")
def rows(tmp_path_factory: pytest.TempPathFactory, rows_below: Callable[[Path], MakeRow]) -> list[Row]:
    results = tmp_path_factory.mktemp("leaderboard")
    make_row = rows_below(results)
    make_row("alpha158", "default", range(4), failures={3: "killed"})
    make_row("alpha158", "tuned", range(3), lift=0.01, overrides=["task.model.kwargs.hidden_size=32"])
    make_row("alpha360", "default", range(2), features="Alpha360")
    return rows_of(collect(results))
