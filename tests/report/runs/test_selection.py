"""Runs chosen by their figures, days, seeds and names, and put in an order."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.core.errors import ConfigError
from lstm_bench.record.catalogue import CatalogueEntry
from lstm_bench.report.runs.selection import Condition, Selection, figure_of, find_figure

NET = "1day.excess_return_with_cost.annualized_return"


def run(name: str = "0" * 16, experiment: str = "demo", **more: Any) -> CatalogueEntry:
    defaults: dict[str, Any] = {
        "features": "Alpha158",
        "seed": 0,
        "started": datetime(2026, 3, 4, 12, tzinfo=UTC),
    }
    return CatalogueEntry(Path(experiment) / name, **(defaults | more))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("IC", "IC"), ("ic", "IC"), ("rank_ic", "Rank IC"), ("RankICIR", "Rank ICIR"), (NET, NET),
        ("Annualized Return", NET), ("annualized-return", NET), ("best epoch", "best epoch"), ("EPOCHS", "epochs"),
    ],
)  # fmt: skip
def test_a_figure_goes_by_several_names(text: str, name: str) -> None:
    assert find_figure(text) == name


def test_an_unknown_figure_gets_its_near_match() -> None:
    with pytest.raises(ValueError, match="got 'Rank ICC'; did you mean 'Rank IC'"):
        find_figure("Rank ICC")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IC>0.03", ("IC", ">", 0.03)),
        ("Rank IC >= 5e-2", ("Rank IC", ">=", 0.05)),
        (" seconds<60 ", ("seconds", "<", 60.0)),
        ("max drawdown <= -0.1", ("1day.excess_return_with_cost.max_drawdown", "<=", -0.1)),
        ("epochs!=3", ("epochs", "!=", 3.0)),
    ],
)
def test_a_condition_is_read(text: str, expected: tuple[str, str, float]) -> None:
    condition = Condition.parse(text)
    assert (condition.figure, condition.operator, condition.bound) == expected


@pytest.mark.parametrize("text", ["", "IC", "IC>", ">0.3", "IC>high", "IC>nan", "IC=>0.3", "0.03<IC"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="got "):
        Condition.parse(text)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_conditions_hold_as_numbers_compare(value: float, bound: float) -> None:
    entry = run(metrics={"IC": value})
    held = {sign: Condition("IC", sign, bound).holds(entry) for sign in ("<", "<=", "=", "!=", ">=", ">")}
    assert held == {
        "<": value < bound, "<=": value <= bound, "=": value == bound, "!=": value != bound, ">=": value >= bound,
        ">": value > bound,
    }  # fmt: skip


@pytest.mark.parametrize("metrics", [None, {}, {"IC": math.nan}])
def test_a_run_without_the_figure_meets_no_condition_and_comes_last(metrics: dict[str, float] | None) -> None:
    without, low, high = run("1" * 16, metrics=metrics), run(metrics={"IC": -9.0}), run(metrics={"IC": 9.0})
    assert math.isnan(figure_of(without, "IC"))
    assert not any(Condition("IC", sign, 0.0).holds(without) for sign in ("<", ">", "!="))
    for is_reversed, expected in ((False, [high, low, without]), (True, [low, high, without])):
        assert Selection(sort="IC", is_reversed=is_reversed).of([without, low, high]) == expected


def test_choices_are_met_together() -> None:
    wanted = run(experiment="a", seed=1, metrics={"IC": 0.05})
    others = [
        run(experiment="b", seed=1, metrics={"IC": 0.05}), run(experiment="a", seed=2, metrics={"IC": 0.05}),
        run(experiment="a", seed=1, metrics={"IC": 0.01}),
        run(experiment="a", seed=1, metrics={"IC": 0.05}, features="Alpha360"),
    ]  # fmt: skip
    selection = Selection(
        experiments=("a",), features=("alpha158",), seeds=(1, 3), conditions=(Condition.parse("IC>0.03"),)
    )
    assert selection.of([*others, wanted]) == [wanted]


def test_days_are_inclusive_and_local() -> None:
    noon = datetime(2026, 3, 4, 12).astimezone()
    entries = [run(str(k) * 16, started=noon + timedelta(days=k)) for k in range(4)]
    chosen = Selection(since=date(2026, 3, 5), until=date(2026, 3, 6)).of([*entries, run(started=None)])
    assert [entry.id[0] for entry in chosen] == ["2", "1"], "the newest first"


def test_the_limit_comes_last() -> None:
    entries = [run(str(k) * 16, metrics={"IC": k / 10}) for k in range(5)]
    assert [entry.id[0] for entry in Selection(sort="IC", limit=2).of(entries)] == ["4", "3"]


@pytest.mark.parametrize(("field", "option"), [("experiments", "--experiment"), ("features", "--features")])
def test_a_name_that_no_run_has_is_refused_with_a_near_match(field: str, option: str) -> None:
    entries = [run(experiment="momentum", features="momentum")]
    with pytest.raises(ConfigError, match=f"{option}: no run has 'momentun'; did you mean 'momentum'"):
        Selection(**{field: ("momentun",)}).of(entries)  # type: ignore[arg-type]
