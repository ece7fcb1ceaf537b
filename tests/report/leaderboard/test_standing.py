"""Ties and skill within a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.report.leaderboard.test_tables import DRAWDOWN

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.rows import rows_of
from lstm_bench.report.leaderboard.standing import Standing

MakeRow = Callable[..., BenchRow]


@pytest.fixture
def standing_of(results: Path) -> Callable[[], Standing]:
    return lambda: group_rows(rows_of(collect(results)))[0].standing


Standings = Callable[[], Standing]


def test_skill_is_above_the_best_baseline_of_each_metric(make_row: MakeRow, standing_of: Standings) -> None:
    make_row("mine", "lstm", range(3), lift=0.05)
    make_row("mine", "ridge", [7], lift=0.01, model=ScoringModel("ridge"))
    make_row("mine", "momentum", [0], model=ScoringModel("momentum"))
    standing = standing_of()
    by_name = {row.label: row for row in standing.rows}
    for metric in ("IC", "Rank ICIR", DRAWDOWN):
        skill = standing.skill(by_name["lstm"], metric)
        assert skill is not None
        highest = max(by_name[name].cell(metric).mean for name in ("ridge", "momentum"))
        assert skill.value == pytest.approx(by_name["lstm"].cell(metric).mean - highest)
    assert standing.skill(by_name["ridge"], "IC") is None


def test_the_market_is_the_best_baseline_if_the_others_are_worse(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("mine", "lstm", range(3))
    make_row("mine", "reversal", [7], lift=-0.5, model=ScoringModel("reversal"))
    standing = standing_of()
    lstm = next(row for row in standing.rows if row.label == "lstm")
    skill = standing.skill(lstm, "IC")
    assert skill is not None
    assert skill.baseline is None
    assert skill.value == lstm.cell("IC").mean
    assert skill.interval == lstm.cell("IC").interval
    # a market that is held has no drawdown, which no portfolio beats
    drawdown = standing.skill(lstm, DRAWDOWN)
    assert drawdown is not None
    assert drawdown.baseline is not None


def test_without_baselines_there_is_no_skill(make_row: MakeRow, standing_of: Standings) -> None:
    make_row("mine", "lstm", range(3))
    make_row("mine", "theirs", [0], model=ScoringModel("scores"))
    standing = standing_of()
    assert [standing.skill(row, "IC") for row in standing.rows] == [None, None]


def test_a_difference_of_the_same_days_is_surer_than_its_sides(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("mine", "ensemble", [3], lift=0.01, model=ScoringModel("ensemble"))
    make_row("mine", "ridge", [3], model=ScoringModel("ridge"))  # the same series, lower
    standing = standing_of()
    ensemble, ridge = standing.rows
    skill = standing.skill(ensemble, "IC")
    assert skill is not None
    assert skill.interval.value == pytest.approx(0.01)
    assert skill.interval.high - skill.interval.low < 1e-6
    interval = ridge.cell("IC").interval
    assert interval.high - interval.low > 0.01


def test_the_best_are_marked_among_rows_with_an_interval(make_row: MakeRow, standing_of: Standings) -> None:
    make_row("a", seeds=range(3), lift=0.2)
    make_row("b", seeds=range(3, 6), lift=0.2)
    make_row("c", seeds=range(6, 9))
    make_row("few", seeds=range(2), lift=0.3)  # two seeds do not tell how far seeds differ
    standing = standing_of()
    assert standing.best["IC"] == {"a/default", "b/default"}
    assert standing.best[DRAWDOWN] == frozenset()


def test_one_row_is_not_marked(make_row: MakeRow, standing_of: Standings) -> None:
    make_row("a", seeds=range(3))
    assert not any(standing_of().best.values())


def test_the_same_rows_give_the_same_marks(make_row: MakeRow, standing_of: Standings) -> None:
    for k, study in enumerate("abcd"):
        make_row(study, seeds=range(3 * k, 3 * k + 3), lift=0.01 * k)
    assert standing_of().best == standing_of().best
    assert np.all([row.cell("IC").interval == standing_of().rows[k].cell("IC").interval
                   for k, row in enumerate(standing_of().rows)])  # fmt: skip
