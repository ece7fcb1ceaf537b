"""How often a row's test data were evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.report.conftest import MakeRow

from lstm_bench.record.ledger import enter, read_ledger
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.evaluations import Evaluations, evaluations_of
from lstm_bench.report.leaderboard.rows import rows_of


def test_every_row_on_the_same_test_days_counts(results: Path, make_row: MakeRow) -> None:
    make_row("a", seeds=[0, 1], data_used="1" * 64)
    make_row("b", seeds=[0], features="Alpha360")
    make_row("grown", seeds=[2], data="cd" * 32, data_used="1" * 64)
    make_row("elsewhere", seeds=[0, 1, 2, 3], overrides=["market=csi500"])
    make_row("later", seeds=[9], overrides=["task.dataset.kwargs.segments.test=[2019-01-01, 2020-08-01]"])
    rows = {row.study: row for row in rows_of(collect(results))}
    ledger = read_ledger(results)
    assert {name: evaluations_of(ledger, row) for name, row in rows.items()} == {
        "a": Evaluations(5, 2),
        "b": Evaluations(5, 1),
        "grown": Evaluations(5, 1),
        "elsewhere": Evaluations(4, 4),
        "later": Evaluations(5, 1),
    }
    enter(results, ledger.by_run[rows["a"].results[1].run_id or ""][0].run)  # computed again
    assert evaluations_of(read_ledger(results), rows["a"]) == Evaluations(6, 3)


def test_other_codes_and_filters_are_other_universes(results: Path, make_row: MakeRow) -> None:
    instruments = "data_handler_config.instruments"
    filtered = "{market: csi300, filter_pipe: [{filter_type: NameDFilter, name_rule_re: SH6}]}"
    make_row("market", seeds=[0, 1])
    make_row("filtered", seeds=[0], overrides=[f"{instruments}={filtered}"])
    make_row("codes", seeds=[0, 1, 2], overrides=[f"{instruments}=[SH600000, SH600001]"])
    make_row("same-codes", seeds=[3], overrides=[f"{instruments}=[SH600001, SH600000]"])
    make_row("others", seeds=[0], overrides=[f"{instruments}=[SH600002, SH600003]"])
    rows = {row.study: row for row in rows_of(collect(results))}
    ledger = read_ledger(results)
    assert {name: evaluations_of(ledger, row) for name, row in rows.items()} == {
        "market": Evaluations(2, 2),
        "filtered": Evaluations(1, 1),
        "codes": Evaluations(4, 3),
        "same-codes": Evaluations(4, 1),
        "others": Evaluations(1, 1),
    }


@pytest.mark.parametrize(
    ("total", "own", "text"),
    [
        (1, 1, "1 evaluation on these test data so far, one of them of this row"),
        (1200, 20, "1,200 evaluations on these test data so far, 20 of them of this row"),
    ],
)
def test_they_are_said_in_a_sentence(total: int, own: int, text: str) -> None:
    assert Evaluations(total, own).text == text
