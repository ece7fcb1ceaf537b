"""Ties and skill within a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.report.conftest import LONG
from tests.report.leaderboard.test_tables import DRAWDOWN

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.record.evidence import Daily
from lstm_bench.record.scoring_model import ModelKind, ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.rows import Row, rows_of
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
    assert skill.value == pytest.approx(lstm.cell("IC").mean)
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


def test_marks_belong_to_rows_in_any_order(make_row: MakeRow, standing_of: Standings) -> None:
    lifts = {"a": -0.1, "b": 0.2, "c": 0.0, "d": 0.21}
    for k, (study, lift) in enumerate(lifts.items()):
        make_row(study, seeds=range(3 * k, 3 * k + 3), lift=lift)
    rows = standing_of().rows
    for ordered in (rows, rows[::-1], (rows[2], rows[0], rows[3], rows[1])):
        best = Standing(ordered).best
        assert best["IC"] == {"b/default", "d/default"}
        assert best["Rank IC"] == {"d/default"}


def without_days(row: Row, label: str, positions: Iterable[int]) -> Row:
    """Copy a row of one seed without some of its days."""
    ((seed, daily),) = row.daily.items()
    days = np.delete(daily.days, list(positions))
    series = {name: np.delete(values, list(positions)) for name, values in daily.series.items()}
    return replace(row, label=label, daily={seed: Daily(days, series)})


def test_a_row_that_lacks_days_does_not_change_the_marks_of_others(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("a", seeds=range(3), lift=0.2)
    make_row("b", seeds=range(3, 6), lift=0.2)
    make_row("c", seeds=range(6, 9))
    before = standing_of().best
    make_row("lucky", seeds=range(9, 12), lift=0.5, present=slice(8))
    standing = standing_of()
    by_study = {row.study: row for row in standing.rows}
    assert standing.best == before
    assert before["IC"] == {"a/default", "b/default"}
    assert {study: standing.lack(row) for study, row in by_study.items()} == {
        **dict.fromkeys("abc", ""),
        "lucky": "13 % of days",
    }


def test_of_seeds_with_different_days_the_one_with_the_fewest_counts(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("a", seeds=range(3))
    (row,) = standing_of().rows
    short = without_days(replace(row, daily={0: row.daily[0]}), "short", range(6)).daily[0]
    torn = replace(row, label="torn", daily={**row.daily, 0: short})
    standing = Standing((row, torn))
    assert (standing.lack(row), standing.lack(torn)) == ("", "90 % of days")
    assert standing.best["IC"] == frozenset()


def test_a_row_that_lacks_days_has_no_skill_and_is_no_baseline(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("mine", "lstm", range(3))
    make_row("mine", "ridge", [7], lift=-0.01, model=ScoringModel("ridge"))
    make_row("mine", "momentum", [8], lift=0.5, model=ScoringModel("momentum"), present=slice(30))
    make_row("mine", "theirs", range(3), lift=0.5, model=ScoringModel("scores"), present=slice(56))
    standing = standing_of()
    by_label = {row.label: row for row in standing.rows}
    assert standing.baselines == (by_label["ridge"],)
    for metric in ("IC", DRAWDOWN):
        assert standing.skill(by_label["theirs"], metric) is None
        skill = standing.skill(by_label["lstm"], metric)
        assert skill is not None
        assert skill.baseline is by_label["ridge"]


@pytest.mark.parametrize("metric", sorted(MEASURES))
def test_skill_is_of_the_days_that_both_rows_have(
    make_row: MakeRow, standing_of: Standings, metric: str
) -> None:
    make_row("mine", "ridge", [3], lift=0.05, model=ScoringModel("ridge"), days=LONG)
    (ridge,) = standing_of().rows
    daily = ridge.daily[3]
    worst = np.argsort(daily.series["ic" if "IC" in metric else "return"])[:10]
    same = replace(
        without_days(ridge, "same", worst),
        results=tuple(
            replace(one, model=ScoringModel("ensemble").text(), metrics=dict.fromkeys(one.metrics, 1.0))
            for one in ridge.results
        ),
    )
    standing = Standing((ridge, same))
    assert not standing.lack(same)
    skill = standing.skill(same, metric)
    assert skill is not None
    # on the days of both it is ridge
    assert (skill.value, skill.interval.low, skill.interval.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


def test_no_row_is_marked_if_they_have_too_few_days_in_common(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("mine", "ridge", [3], model=ScoringModel("ridge"), days=LONG)
    (ridge,) = standing_of().rows
    rows = tuple(without_days(ridge, f"without-{at}", range(at, at + 10)) for at in range(0, 200, 10))
    standing = Standing(rows)
    assert not any(standing.lack(row) for row in rows)
    assert not any(standing.best.values())
    assert Standing(rows[:10]).best["IC"] == {row.name for row in rows[:10]}


@pytest.mark.parametrize(
    ("kind", "intervals"),
    [
        ("reversal", [True, True, True]),
        ("momentum", [True, True, True]),
        ("ridge", [True, True, True]),
        ("ensemble", [True, True, True]),
        ("lightgbm", [False, False, True]),
        ("scores", [False, False, True]),
    ],
)
def test_a_model_with_seeds_needs_three_of_them(
    make_row: MakeRow, standing_of: Standings, kind: ModelKind, intervals: list[bool]
) -> None:
    for n in (1, 2, 3):
        make_row(f"n{n}", seeds=range(n), model=ScoringModel(kind))
    standing = standing_of()
    by_study = {row.study: row.cell("IC") for row in standing.rows}
    found = [by_study[f"n{n}"] for n in (1, 2, 3)]
    assert [cell.interval.is_decided for cell in found] == intervals
    with_seeds = kind in ("lightgbm", "scores")
    assert [cell.basis for cell in found] == ([None, None, "days and seeds"] if with_seeds else ["days"] * 3)
    marked = {name for best in standing.best.values() for name in best}
    assert marked == (set() if with_seeds else {f"n{n}/default" for n in (1, 2, 3)})
    drawdowns = [row.cell(DRAWDOWN).interval.is_decided for row in standing.rows]
    assert sum(drawdowns) == (1 if with_seeds else 0)


def test_lightgbm_with_one_seed_is_a_baseline_whose_skill_has_no_interval(
    make_row: MakeRow, standing_of: Standings
) -> None:
    make_row("mine", "lstm", range(3), lift=0.05)
    make_row("mine", "lightgbm", [7], model=ScoringModel("lightgbm"))
    standing = standing_of()
    lstm, lightgbm = standing.rows
    skill = standing.skill(lstm, "IC")
    assert skill is not None
    assert skill.baseline is lightgbm
    assert skill.value == pytest.approx(lstm.cell("IC").mean - lightgbm.cell("IC").mean)
    assert not skill.interval.is_decided
