"""Rows share a table only if they can be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.core.errors import InputError
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.rows import rows_of
from lstm_bench.report.leaderboard.setting import parse_kind

MakeRow = Callable[..., BenchRow]


def make_all_kinds(make_row: MakeRow) -> None:
    make_row("full")
    make_row("other_data", data="cd" * 32)
    make_row("us", overrides=["market=csi500"])
    make_row("short", overrides=["task.dataset.kwargs.segments.train=[2013-01-01, 2014-12-31]"])
    make_row("synthetic", synthetic=True, data="ef" * 32)
    make_row("none", absent=range(3))


def test_what_cannot_be_compared_is_not_in_one_table(results: Path, make_row: MakeRow) -> None:
    make_all_kinds(make_row)
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


def test_tables_of_some_kinds(results: Path, make_row: MakeRow) -> None:
    make_all_kinds(make_row)
    rows = rows_of(collect(results))
    shown = [row.study for group in group_rows(rows, ("reduced", "own")) for row in group.rows]
    assert shown == ["short", "us"]


def test_a_kind_that_does_not_exist_is_named() -> None:
    assert parse_kind("reduced") == "reduced"
    with pytest.raises(InputError, match=r"--kind: got 'reducd'; did you mean 'reduced'"):
        parse_kind("reducd")
