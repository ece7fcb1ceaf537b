"""Two rows against each other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.core.errors import InputError
from lstm_bench.record.evidence import Evidence
from lstm_bench.record.identity import NUMERICS
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.comparison import compare_rows
from lstm_bench.report.leaderboard.comparison_tables import (
    comparison_markdown,
    comparison_object,
    daily_lines,
    heading,
    seed_lines,
)

MakeRow = Callable[..., object]


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, rows_below: Callable[[Path], MakeRow]
) -> dict[str, Evidence]:
    results = tmp_path_factory.mktemp("comparison")
    make_row = rows_below(results)
    make_row("alpha158", seeds=range(6), lift=0.02)
    make_row("alpha360", seeds=range(2, 9), features="Alpha360")
    make_row("other_data", data="cd" * 32)
    make_row("later", seeds=[30])
    make_row("short_test", overrides=["task.dataset.kwargs.segments.test=[2018-01-01, 2020-08-01]"])
    make_row("older", numerics=1)
    make_row("other_label", overrides=['data_handler_config.label=["Ref($close, -3) / Ref($close, -1) - 1"]'])
    make_row("one", seeds=[2])
    make_row("nothing", absent=range(3))
    return collect(results)


@pytest.fixture
def evidence(shared: dict[str, Evidence]) -> dict[str, Evidence]:
    return copy.deepcopy(shared)


def test_a_lift_is_found_by_every_measure(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "alpha360/default")
    assert found.seeds == (2, 3, 4, 5)
    ic = found.metrics[0]
    # the records of a seed differ by the lift alone
    assert ic.difference.value == pytest.approx(0.02)
    assert ic.difference.low == pytest.approx(0.02)
    assert ic.p_value == pytest.approx(2 / 2**4)
    of_a, of_b = (
        [result.metrics["IC"] for result in evidence[study].results] for study in ("alpha158", "alpha360")
    )
    pairs = [(a > b) + 0.5 * (a == b) for a in of_a for b in of_b]
    assert ic.improvement == pytest.approx(np.mean(pairs))
    assert ic.mean_a == pytest.approx(np.mean(of_a[2:]))
    assert ic.mean_b == pytest.approx(np.mean(of_b[:4]))
    assert [daily.series for daily in found.daily] == ["IC", "Rank IC", "net return"]
    for daily in found.daily:
        assert daily.days == 60
        assert daily.difference.value == pytest.approx(0.02)


def test_the_daily_difference_is_of_seed_means(evidence: dict[str, Evidence]) -> None:
    expected = np.mean(
        [
            evidence["alpha158"].daily["default", seed].series["ic"]
            - evidence["alpha360"].daily["default", seed].series["ic"]
            for seed in (2, 3, 4, 5)
        ]
    )
    assert compare_rows(evidence, "alpha158", "alpha360").daily[0].difference.value == pytest.approx(expected)


def test_metrics_can_be_chosen(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "alpha360", ["Max Drawdown", "1day.ffr"])
    assert [metric.metric for metric in found.metrics] == [
        "1day.excess_return_with_cost.max_drawdown",
        "1day.ffr",
    ]
    assert found.metrics[1].p_value == 1.0
    assert found.metrics[1].improvement == 0.5
    with pytest.raises(InputError, match="did you mean 'Rank IC'"):
        compare_rows(evidence, "alpha158", "alpha360", ["RankIC"])
    for name in ("1day.excess_return_with_cost.std", "Long-Avg Ann Return"):
        with pytest.raises(InputError, match=f"got '{name}', of which higher is not better"):
            compare_rows(evidence, "alpha158", "alpha360", [name])


def test_one_seed_is_no_plural(evidence: dict[str, Evidence]) -> None:
    text = comparison_markdown(compare_rows(evidence, "alpha158", "one"))
    assert "6 seeds), B is one/default (Alpha158 (20 columns), 1 seed); 1 common seed; csi300" in text


def test_one_common_seed_decides_nothing(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "one")
    assert "Fewer than three common seeds give no interval: their differences are undecided." in heading(
        found
    )
    for line in seed_lines(found):
        assert line[3].endswith(" (undecided)")
        assert line[4] == "undecided"
        assert "undecided" not in line[5]  # it describes the seeds at hand
    assert "(undecided)" not in daily_lines(found)[0][3]  # days there are
    ic = comparison_object(found)["metrics"]["IC"]
    assert ic["wilcoxon_p"] is None
    assert ic["difference"]["low"] is None
    assert "undecided" not in comparison_markdown(compare_rows(evidence, "alpha158", "alpha360"))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("other_data", "differ in data: abababababab and cdcdcdcdcdcd; bench both on the same"),
        ("later", "has the seeds 0, 1, 2, 3, 4, 5, later/default 30; none is common"),
        ("short_test", r"differ in test segment: 2017-01-01\.\.2020-08-01 and 2018-01-01\.\.2020-08-01"),
        ("older", f"differ in numerics: {NUMERICS} and 1"),
        ("other_label", r"differ in label: Ref\(.close,-2\)/.* and Ref\(.close,-3\)/"),
        ("nothing", "no seed of nothing/default is complete"),
        ("alpha158", "both are alpha158/default"),
        ("alhpa360", "did you mean 'alpha360/default'"),
    ],
)
def test_what_cannot_be_compared_is_refused(evidence: dict[str, Evidence], other: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare_rows(evidence, "alpha158", other)


def test_a_day_counts_with_the_seeds_that_have_it(evidence: dict[str, Evidence]) -> None:
    evidence["alpha158"].daily["default", 2].series["ic"][5] = np.nan
    for seed in range(6):
        evidence["alpha158"].daily["default", seed].series["ic"][9] = np.nan
    ic = compare_rows(evidence, "alpha158", "alpha360").daily[0]
    assert ic.days == 59
    assert np.isfinite(ic.difference.value)


def test_as_markdown_and_json(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "alpha360")
    text = comparison_markdown(found)
    assert text.startswith(
        "A is alpha158/default (Alpha158 (20 columns), 6 seeds), B is alpha360/default (Alpha360, 7 seeds); "
        "4 common seeds; csi300, test 2017-01-01 to 2020-08-01, data abababababab.\n"
    )
    assert "| +0.0200 [+0.0200, +0.0200] | 0.1250 |" in text
    assert "| net return | 60 | 1.0 days | +0.020000 [" in text
    assert comparison_markdown(compare_rows(evidence, "alpha158", "alpha360")) == text
    plain = json.loads(json.dumps(comparison_object(found), allow_nan=False))
    assert plain["seeds"] == [2, 3, 4, 5]
    assert plain["daily"]["IC"]["days"] == 60
