"""Rows found by the names that users type."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.report.conftest import MakeRow

from lstm_bench.core.errors import InputError
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.find_row import find_row
from lstm_bench.report.leaderboard.rows import Row, rows_of


def test_rows_are_found_by_name(rows: list[Row]) -> None:
    assert find_row(rows, "alpha158/tuned").label == "tuned"
    assert find_row(rows, "alpha360").name == "alpha360/default"
    with pytest.raises(InputError, match="'alpha158' has 2; choices: alpha158/default, alpha158/tuned"):
        find_row(rows, "alpha158")
    with pytest.raises(InputError, match="did you mean 'alpha158/tuned'"):
        find_row(rows, "alpha158/tunde")
    with pytest.raises(InputError, match="and no other row"):
        find_row([], "alpha158")


@pytest.mark.parametrize("name", ["s/trial-3", "S/TRIAL_3", "s/trial-3-(x", "trial-3-x", "s/b", "best"])
def test_a_name_needs_no_quotes_nor_its_end(results: Path, make_row: MakeRow, name: str) -> None:
    for i, label in enumerate(("trial 3", "trial 31", "trial 3 [x]", "best of all", "best")):
        make_row("s" if i < 4 else "t", label, [0], overrides=[f"task.model.kwargs.hidden_size={i + 5}"])
    rows = rows_of(collect(results))
    expected = {"s/b": "s/best of all", "best": "t/best"}.get(
        name, "s/trial 3" if name[-1] == "3" else "s/trial 3 [x]"
    )
    assert find_row(rows, name).name == expected
    with pytest.raises(
        InputError, match=r"row: 's/tri' fits 3; choices: s/trial 3, s/trial 3 \[x\], s/trial 31"
    ):
        find_row(rows, "s/tri")
    with pytest.raises(InputError, match="did you mean 's/trial 31'"):
        find_row(rows, "s/trail-31")
    with pytest.raises(InputError, match="there is no ''"):
        find_row(rows, "")
