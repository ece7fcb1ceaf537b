"""Two rows against each other."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.report.conftest import LONG

from lstm_bench.core.errors import InputError
from lstm_bench.evaluate.measures import MEASURES
from lstm_bench.record.evidence import Evidence
from lstm_bench.record.identity import NUMERICS
from lstm_bench.record.scoring_model import ModelKind, ScoringModel
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.leaderboard.comparison import Terms, compare_rows
from lstm_bench.report.leaderboard.comparison_tables import (
    comparison_lines,
    comparison_markdown,
    comparison_object,
    heading,
    note,
    source_text,
)
from lstm_bench.statistics.multiple import holm
from lstm_bench.statistics.nested import nested_difference

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
    make_row("later", seeds=range(30, 33))
    make_row("noisy", seeds=range(6), noise=1)
    make_row("short_test", overrides=["task.dataset.kwargs.segments.test=[2018-01-01, 2020-08-01]"])
    make_row("older", numerics=1)
    make_row("other_label", overrides=['data_handler_config.label=["Ref($close, -3) / Ref($close, -1) - 1"]'])
    make_row("one", seeds=[2])
    make_row("whole", seeds=range(2, 9), features="Alpha360", days=LONG)
    make_row("half", seeds=range(6), days=LONG, present=slice(104))
    make_row("late", days=LONG, present=slice(102, None))
    make_row("single", seeds=[2], days=LONG)
    make_row("nothing", absent=range(3))
    return collect(results)


@pytest.fixture
def evidence(shared: dict[str, Evidence]) -> dict[str, Evidence]:
    return copy.deepcopy(shared)


def test_a_lift_is_found(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "alpha360/default")
    assert found.seeds == (2, 3, 4, 5)
    ic = found.metrics[0]
    # the records of a seed differ by the lift alone
    assert ic.difference.estimate.value == pytest.approx(0.02)
    assert ic.difference.estimate.low == pytest.approx(0.02)
    assert ic.difference.p_value < 1e-6
    of_a, of_b = (
        [result.metrics["IC"] for result in evidence[study].results] for study in ("alpha158", "alpha360")
    )
    pairs = [(a > b) + 0.5 * (a == b) for a in of_a for b in of_b]
    assert ic.difference.improvement == pytest.approx(np.mean(pairs))
    assert ic.difference.mean_a == pytest.approx(np.mean(of_a[2:]))
    assert ic.difference.mean_b == pytest.approx(np.mean(of_b[:4]))
    assert found.primary.metric == "Rank IC"
    assert found.primary.verdict.text == "A better"
    turned = compare_rows(evidence, "alpha360", "alpha158")
    assert turned.primary.verdict.text == "B better"


@pytest.mark.parametrize("metric", sorted(MEASURES))
def test_the_difference_over_days_is_that_of_the_metrics(evidence: dict[str, Evidence], metric: str) -> None:
    found = compare_rows(evidence, "noisy", "alpha360", Terms.of([metric])).primary
    of_a, of_b = (
        np.array([r.metrics[metric] for r in evidence[study].results if r.seed in range(2, 6)])
        for study in ("noisy", "alpha360")
    )
    assert found.difference.nested is not None
    assert found.difference.estimate.value == pytest.approx((of_a - of_b).mean(), rel=1e-9)
    assert found.difference.mean_a - found.difference.mean_b == pytest.approx((of_a - of_b).mean())


def test_the_interval_is_nested_over_the_common_days(evidence: dict[str, Evidence]) -> None:
    first = evidence["noisy"].daily["default", 2]
    first.series["rank_ic"][:3] = np.nan
    seeds = range(2, 6)
    left, right = (
        np.array([evidence[study].daily["default", seed].series["rank_ic"] for seed in seeds])
        for study in ("noisy", "alpha360")
    )
    expected = nested_difference(left, right, seeds=(seeds, seeds))
    found = compare_rows(evidence, "noisy", "alpha360").primary.difference
    assert found.estimate == expected.estimate
    assert found.p_value == expected.p_value


def test_p_values_are_corrected_over_the_metrics(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "noisy", "alpha360")
    plain = [one.difference.p_value for one in found.metrics]
    assert [one.p_value for one in found.metrics] == pytest.approx(holm(plain))
    alone = compare_rows(evidence, "noisy", "alpha360", Terms.of(["Rank IC"])).primary
    assert alone.p_value == alone.difference.p_value
    assert found.primary.p_value > alone.p_value
    assert "p is by Holm over the 7 metrics" in note(found)


def test_metrics_that_do_not_follow_from_days_are_over_seeds(evidence: dict[str, Evidence]) -> None:
    terms = Terms.of(["Max Drawdown", "1day.ffr"])
    found = compare_rows(evidence, "noisy", "alpha360", terms)
    drawdown, ffr = found.metrics
    of_a, of_b = (
        np.array([r.metrics[drawdown.metric] for r in evidence[study].results if r.seed in range(2, 6)])
        for study in ("noisy", "alpha360")
    )
    expected = stats.ttest_rel(of_a, of_b)
    assert drawdown.difference.nested is None
    assert drawdown.difference.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (drawdown.difference.estimate.low, drawdown.difference.estimate.high) == pytest.approx(
        (interval.low, interval.high)
    )
    assert (ffr.difference.p_value, ffr.difference.improvement) == (1.0, 0.5)
    assert comparison_lines(found)[0][0] == "Max Drawdown *"
    assert "other days are not allowed for" in note(found)
    assert comparison_object(found)["metrics"][drawdown.metric]["interval"] == "seeds"


def test_a_metric_must_be_known_and_higher_be_better() -> None:
    assert Terms.of(["rank ic", "MAX DRAWDOWN", "rank IC"]).metrics == (
        "Rank IC",
        "1day.excess_return_with_cost.max_drawdown",
    )
    with pytest.raises(InputError, match="did you mean 'Rank IC'"):
        Terms.of(["RankIC"])
    for name in ("1day.excess_return_with_cost.std", "Long-Avg Ann Return"):
        with pytest.raises(InputError, match=f"got '{name}', of which higher is not better"):
            Terms.of([name])
    with pytest.raises(InputError, match=r"--margin: got -0\.1, expected a positive number"):
        Terms.of([], -0.1)


def test_margins_are_of_the_named_metrics() -> None:
    excess = "1day.excess_return_with_cost.annualized_return"
    assert (Terms().margin_of("IC"), Terms().margin_of("ICIR"), Terms().primary) == (0.002, None, "Rank IC")
    assert (Terms.of([], 0.01).margin_of("Rank IC"), Terms.of([], 0.01).margin_of(excess)) == (0.01, None)
    named = Terms.of(["Annualized Return", "IC"], 0.01)
    assert (named.primary, named.margin_of(excess), named.margin_of("IC")) == (excess, 0.01, 0.01)
    assert Terms.of(["ICIR"]).margin_of("ICIR") is None


def test_equivalence_is_corrected_over_the_metrics_with_a_margin(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "noisy", "alpha360", Terms.of([], 0.03))
    of_ic = [one for one in found.metrics if one.margin is not None]
    assert [one.metric for one in of_ic] == ["IC", "Rank IC"]
    own = [one.difference.nested.equivalence_p_value(0.03) for one in of_ic if one.difference.nested]
    assert [one.equivalence_p_value for one in of_ic] == pytest.approx(holm(own))
    assert of_ic[0].equivalence_p_value > own[0] or of_ic[1].equivalence_p_value > own[1]
    assert (
        "a difference of the margin, ±0.03 for IC and Rank IC, with p < 0.05 by Holm over these 2."
        in note(found)
    )
    assert all(np.isnan(one.equivalence_p_value) for one in found.metrics if one.margin is None)
    alone = compare_rows(evidence, "noisy", "alpha360", Terms.of(["Rank IC"], 0.03))
    assert alone.primary.equivalence_p_value == min(own[1], 1.0)
    assert "±0.03 for Rank IC: the 90 % interval is inside." in note(alone)
    plain = comparison_object(found)["metrics"]
    assert plain["IC"]["equivalence_p_value_holm"] == of_ic[0].equivalence_p_value
    assert plain["ICIR"]["equivalence_p_value_holm"] is None


def test_rows_within_the_margin_are_equivalent(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "alpha360", Terms.of(["IC"], 0.03))
    assert found.primary.verdict.text == "equivalent within 0.03"
    assert comparison_markdown(found).endswith("\nVerdict by IC: **equivalent within 0.03**\n")


def test_an_undecided_comparison_says_what_it_needs(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "noisy", "alpha360", Terms.of(["Rank IC"]))
    assert found.primary.verdict.text.startswith("undecided")
    assert re.search(
        r"The variance of A − B in Rank IC comes to \d+ % from seeds, \d+ % from days, \d+ % from their inter",
        source_text(found),
    )
    plain = comparison_object(found)["metrics"]["Rank IC"]
    told = found.primary.verdict
    assert (plain["more_seeds"], plain["more_days"]) == (told.more_seeds, told.more_days) != (None, None)


def test_one_seed_is_no_plural(evidence: dict[str, Evidence]) -> None:
    text = comparison_markdown(compare_rows(evidence, "alpha158", "one"))
    assert "6 seeds), B is one/default (Alpha158 (20 columns), 1 seed); 1 common seed; csi300" in text


def test_one_seed_of_an_lstm_decides_nothing(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "one")
    assert (
        "Fewer than three seeds of one/default give no interval: the differences are undecided."
        in heading(found)
    )
    for line in comparison_lines(found):
        needed = "three common seeds" if line[0] == "Max Drawdown" else "three seeds and 60 days"
        assert line[3].endswith(" (undecided)")
        assert (line[4], line[6]) == ("undecided", f"undecided (an interval needs {needed})")
    ic = comparison_object(found)["metrics"]["IC"]
    assert (ic["p_value"], ic["p_value_holm"], ic["difference"]["low"], ic["interval"]) == (None,) * 4


def test_rows_without_common_seeds_are_compared_unpaired(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "later")
    assert found.seeds == ()
    assert heading(found).endswith("Seeds are not paired.")
    rank_ic, drawdown = found.primary.difference, found.metrics[-1].difference
    assert rank_ic.nested is not None
    assert rank_ic.mean_a == pytest.approx(evidence_mean(evidence, "alpha158"))
    assert rank_ic.mean_b == pytest.approx(evidence_mean(evidence, "later"))
    assert np.isnan(drawdown.p_value)  # neither paired nor of days


def test_seeds_that_are_not_common_are_not_paired(evidence: dict[str, Evidence]) -> None:
    three = evidence["alpha158"]
    evidence["alpha158"] = Evidence.of("alpha158", three.results[:3], three.daily)
    drawdown = compare_rows(evidence, "alpha158", "later").metrics[-1]
    assert drawdown.difference.pairs == ()
    assert np.isnan(drawdown.difference.p_value)
    assert drawdown.verdict.text == "undecided (an interval needs three common seeds)"


def evidence_mean(evidence: dict[str, Evidence], study: str) -> float:
    return float(np.mean([one.metrics["Rank IC"] for one in evidence[study].results]))


def test_a_model_without_seeds_is_compared_with_every_seed(evidence: dict[str, Evidence]) -> None:
    ridge = ScoringModel("ridge").text()
    only = [replace(one, model=ridge) for one in evidence["one"].results]
    evidence["one"] = Evidence.of("one", only, evidence["one"].daily)
    found = compare_rows(evidence, "alpha158", "one")
    assert "give no interval" not in heading(found)
    assert found.primary.difference.estimate.is_decided
    values = [
        one.metrics["1day.excess_return_with_cost.max_drawdown"] for one in evidence["alpha158"].results
    ]
    own = only[0].metrics["1day.excess_return_with_cost.max_drawdown"]
    drawdown = found.metrics[-1].difference
    assert drawdown.p_value == pytest.approx(stats.ttest_1samp(values, own).pvalue)


@pytest.mark.parametrize("metric", sorted(MEASURES))
def test_all_figures_are_of_the_days_that_both_rows_have(evidence: dict[str, Evidence], metric: str) -> None:
    # the same series, of which one row has the first half
    found = compare_rows(evidence, "half", "whole", Terms.of([metric])).primary.difference
    assert found.mean_a == pytest.approx(found.mean_b)
    assert found.mean_a == pytest.approx(
        np.mean([one.metrics[metric] for one in evidence["half"].results if one.seed in range(2, 6)])
    )
    assert (found.estimate.value, found.estimate.low) == pytest.approx((0.0, 0.0), abs=1e-9)
    for a, b in (("half", "single"), ("single", "half")):  # without an interval too
        few = compare_rows(evidence, a, b, Terms.of([metric])).primary.difference
        assert not few.estimate.is_decided
        assert few.mean_a - few.mean_b == pytest.approx(few.estimate.value)
        of_one = few.mean_b if b == "single" else few.mean_a
        (own,) = (one.metrics[metric] for one in evidence["half"].results if one.seed == 2)
        assert of_one == pytest.approx(own)


def test_metrics_that_do_not_follow_from_days_need_the_same_days(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "half", "whole")
    assert {one.metric for one in found.metrics} == set(MEASURES)
    assert "half/default has 52 % of days: metrics are of the days of both, others are left out." in heading(
        found
    )
    with pytest.raises(InputError, match=r"half/default and whole/default share too few days for '1day\.exc"):
        compare_rows(evidence, "half", "whole", Terms.of(["Max Drawdown"]))


def test_rows_with_hardly_a_common_day_are_refused(evidence: dict[str, Evidence]) -> None:
    with pytest.raises(InputError, match="half/default and late/default share too few days for 'Rank IC'"):
        compare_rows(evidence, "half", "late")


@pytest.mark.parametrize("kind", ["lightgbm", "scores"])
def test_one_seed_of_a_model_with_seeds_decides_nothing(
    evidence: dict[str, Evidence], kind: ModelKind
) -> None:
    only = [replace(one, model=ScoringModel(kind).text()) for one in evidence["one"].results]
    evidence["one"] = Evidence.of("one", only, evidence["one"].daily)
    found = compare_rows(evidence, "alpha158", "one")
    assert "Fewer than three seeds of one/default give no interval" in heading(found)
    assert not any(one.difference.estimate.is_decided for one in found.metrics)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("other_data", "differ in data: abababababab and cdcdcdcdcdcd; bench both on the same"),
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


def test_a_row_without_the_metric_of_the_verdict_is_refused(evidence: dict[str, Evidence]) -> None:
    with pytest.raises(InputError, match="no seed of alpha158/default has 'Long Precision'; name another"):
        compare_rows(evidence, "alpha158", "alpha360", Terms.of(["Long Precision", "IC"]))


def test_as_markdown_and_json(evidence: dict[str, Evidence]) -> None:
    found = compare_rows(evidence, "alpha158", "alpha360")
    text = comparison_markdown(found)
    assert text.startswith(
        "A is alpha158/default (Alpha158 (20 columns), 6 seeds), B is alpha360/default (Alpha360, 7 seeds); "
        "4 common seeds; csi300, test 2017-01-01 to 2020-08-01, data abababababab.\n"
    )
    assert "| +0.0200 [+0.0200, +0.0200] | 0.0000 |" in text
    assert text.endswith("\nVerdict by Rank IC: **A better**\n")
    assert comparison_markdown(compare_rows(evidence, "alpha158", "alpha360")) == text
    plain = json.loads(json.dumps(comparison_object(found), allow_nan=False))
    assert (plain["seeds"], plain["paired"]) == ([2, 3, 4, 5], True)
    assert (plain["primary"], plain["verdict"]) == ("Rank IC", "A better")
    assert plain["metrics"]["IC"]["interval"] == "seeds and days"
