"""The nested interval against the nested bootstrap, drawn, and against the intervals that it contains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.statistics.test_stationary import draw

from lstm_bench.statistics.days import daily_interval
from lstm_bench.statistics.estimate import FEWEST_DAYS
from lstm_bench.statistics.nested import Nested, nested_difference, nested_interval
from lstm_bench.statistics.seed_interval import mean_interval
from lstm_bench.statistics.seed_part import SeedPart

Floats = npt.NDArray[np.float64]


def panel_of(
    seeds: int, days: int, *, seed: float = 1.0, day: float = 1.0, own: float = 1.0, number: int = 0
) -> Floats:
    """Draw a panel with these standard deviations of seeds, days and their interaction."""
    generator = np.random.default_rng(number)
    return np.asarray(
        0.5
        + seed * generator.normal(size=(seeds, 1))
        + day * generator.normal(size=(1, days))
        + own * generator.normal(size=(seeds, days))
    )


def test_the_variance_is_that_of_the_nested_bootstrap_without_what_it_counts_twice() -> None:
    panel = panel_of(4, 12, seed=0.2, number=1)
    found = nested_interval(panel)
    generator = np.random.default_rng(2)
    means = []
    for _ in range(15_000):
        drawn = draw(generator, 12, found.block)
        means.append(panel[generator.integers(0, 4, 4)][:, drawn].mean())
    (part,) = found.parts
    inflation = found.day_variance / _bootstrap_variance(panel.mean(axis=0), found.block)
    days, interaction = found.day_variance / inflation, part.interaction / inflation
    drawn_variance = 3 / 4 * part.between + days + 3 / 4 * interaction
    assert np.var(means) == pytest.approx(drawn_variance, rel=0.05)
    assert found.variance == pytest.approx(part.between + found.day_variance - part.interaction)


def _bootstrap_variance(series: Floats, block: float) -> float:
    deviations, days = series - series.mean(), len(series)
    total = 0.0
    for lag in range(days):
        circular = float(deviations @ np.roll(deviations, -lag)) / days
        total += (2 if lag else 1) * (1 - lag / days) * (1 - 1 / block) ** lag * circular / days
    return total


def test_known_components_are_found() -> None:
    found = [nested_interval(panel_of(10, 200, seed=0.05, day=0.5, own=1.0, number=k)) for k in range(200)]
    assert np.mean([one.seed for one in found]) == pytest.approx(0.05**2 / 10, rel=0.25)
    assert np.mean([one.day for one in found]) == pytest.approx(0.5**2 / 200, rel=0.1)
    assert np.mean([one.interaction for one in found]) == pytest.approx(1 / 2000, rel=0.1)
    errors = np.var([one.value for one in found])
    assert np.mean([one.variance for one in found]) == pytest.approx(errors, rel=0.25)


def test_the_value_is_the_mean_of_the_seeds_statistics() -> None:
    panel = panel_of(3, 50)
    panel[0, :4] = np.nan
    panel[:, 20] = np.nan
    assert nested_interval(panel).value == pytest.approx(np.nanmean(panel, axis=1).mean())
    assert nested_interval(panel).days == 49
    ratios = np.nanmean(panel, axis=1) / np.nanstd(panel, axis=1, ddof=1)
    assert nested_interval(panel, "ratio", scale=2.0).value == pytest.approx(2 * ratios.mean())


def test_without_days_it_is_the_interval_over_seeds() -> None:
    panel = np.repeat(np.array([[0.1], [0.2], [0.4]]), FEWEST_DAYS, axis=1)
    found, of_seeds = nested_interval(panel), mean_interval([0.1, 0.2, 0.4])
    assert (found.estimate.low, found.estimate.high) == pytest.approx((of_seeds.low, of_seeds.high))
    assert found.dominant == "seeds"
    assert [found.day, found.interaction] == pytest.approx([0.0, 0.0], abs=1e-30)
    assert found.days_to_halve is None
    # 3 to 3 + n seeds: Student's quantile falls too
    more = found.seeds_to_halve
    assert more is not None

    def width(n: int) -> float:
        return float(stats.t.ppf(0.975, n - 1) / np.sqrt(n))

    assert width(3 + more) <= width(3) / 2 < width(3 + more - 1)


def test_a_model_without_seeds_has_the_interval_of_its_days() -> None:
    series = panel_of(1, 100)[0]
    found = nested_interval(series[None])
    assert found.estimate == daily_interval(series)
    assert (found.dominant, found.seed, found.interaction, found.seeds_to_halve) == ("days", 0.0, 0.0, None)
    assert found.days_to_halve is not None
    assert 250 < found.days_to_halve < 310  # four times the days, less what their t quantile gains
    assert found.freedom < 99 / 3 + 1e-9  # the block is estimated from the same days
    independent = stats.ttest_1samp(series, 0.0)
    assert found.estimate.low == pytest.approx(independent.confidence_interval().low, abs=0.1)


def test_equal_seeds_are_one_seed() -> None:
    series = panel_of(1, 100)
    alike = nested_interval(np.repeat(series, 5, axis=0))
    assert alike.estimate.low == pytest.approx(nested_interval(series).estimate.low)
    assert alike.seeds_to_halve is None


@pytest.mark.parametrize(("seeds", "days"), [(2, 100), (3, FEWEST_DAYS - 1), (3, 0), (1, FEWEST_DAYS - 1)])
def test_too_few_seeds_or_days_have_no_interval(seeds: int, days: int) -> None:
    found = nested_interval(panel_of(seeds, days))
    assert not found.estimate.is_decided
    assert np.isnan([found.p_value, found.half_width(0.9)]).all()
    assert found.seeds_to_halve is None
    assert found.days_to_halve is None


def test_a_seed_without_a_statistic_leaves_no_interval() -> None:
    panel = panel_of(3, 50)
    panel[1] = 0.25  # no spread, so no ratio
    found = nested_interval(panel, "ratio")
    assert np.isnan(found.value)
    assert not found.estimate.is_decided


def test_the_p_value_is_the_level_at_which_the_interval_touches_zero() -> None:
    found = nested_interval(panel_of(5, 80, seed=0.5))
    touching = found.interval(1 - found.p_value)
    assert min(abs(touching.low), abs(touching.high)) == pytest.approx(0.0, abs=1e-9)
    zero = nested_interval(np.zeros((3, FEWEST_DAYS)))
    assert (zero.p_value, zero.estimate.low, zero.estimate.high) == (1.0, 0.0, 0.0)
    assert nested_interval(np.ones((3, FEWEST_DAYS))).p_value == 0.0


def test_equivalence_is_where_the_interval_of_both_one_sided_tests_touches_the_margin() -> None:
    found = nested_interval(panel_of(5, 100, seed=0.5))
    p = found.equivalence_p_value(2.0)
    touching = found.interval(1 - 2 * p)
    assert max(-touching.low, touching.high) == pytest.approx(2.0)
    assert found.equivalence_p_value(0.9 * abs(found.value)) > 0.5
    alike = nested_interval(np.ones((3, FEWEST_DAYS)))
    assert (alike.equivalence_p_value(2.0), alike.equivalence_p_value(1.0)) == (0.0, 1.0)
    assert np.isnan(nested_interval(panel_of(2, 100)).equivalence_p_value(1.0))


def test_a_difference_shares_the_days() -> None:
    a, b = (panel_of(5, 100, seed=0.1, day=day, number=k) for k, day in ((1, 5.0), (2, 0.0)))
    b += (a - a.mean(axis=1, keepdims=True)).mean(axis=0)  # the same days
    found = nested_difference(a, b)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.variance < nested_interval(a).variance / 3
    assert [part.seeds for part in found.parts] == [5, 5]


def test_common_seeds_are_paired() -> None:
    a, b = panel_of(6, 80, number=1), panel_of(5, 80, number=2)
    found = nested_difference(a, b, seeds=((1, 2, 3, 4, 5, 6), (9, 6, 2, 4, 8)))
    paired = a[[1, 3, 5]] - b[[2, 3, 1]]
    expected = nested_interval(paired)
    assert [part.seeds for part in found.parts] == [3]
    assert (found.value, found.variance) == pytest.approx((expected.value, expected.variance))
    unpaired = nested_difference(a, b, seeds=((1, 2, 3, 4, 5, 6), (9, 6, 2, 11, 8)))
    assert unpaired == nested_difference(a, b)
    assert unpaired.value == pytest.approx(a.mean() - b.mean())


def test_against_a_model_without_seeds() -> None:
    a, ridge = panel_of(5, 100, number=1), panel_of(1, 100, number=2)
    found = nested_difference(a, ridge, seeds=((0, 1, 2, 3, 4), (0,)))
    assert [part.seeds for part in found.parts] == [5, 1]
    assert found.estimate.is_decided
    # the same as subtracting the series from each seed
    assert found.variance == pytest.approx(nested_interval(a - ridge).variance)
    assert found.estimate.low == pytest.approx(nested_interval(a - ridge).estimate.low)
    two = nested_difference(ridge, panel_of(1, 100, number=3))
    assert (two.seed, two.dominant) == (0.0, "days")


@given(st.integers(0, 1000), st.sampled_from([1, 3, 4]), st.sampled_from([1, 3, 5]))
def test_a_difference_changes_its_sign_with_its_sides(number: int, k: int, m: int) -> None:
    a, b = panel_of(k, 80, number=number), panel_of(m, 80, number=number + 1)
    forth, back = nested_difference(a, b), nested_difference(b, a)
    assert forth.estimate.low == pytest.approx(-back.estimate.high)
    assert forth.p_value == pytest.approx(back.p_value)


@given(
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(3, 20), st.sampled_from(["seeds", "days"])
)
def test_more_seeds_or_days_until_half(seed: float, day: float, own: float, seeds: int, what: str) -> None:
    found = Nested(0.0, (SeedPart(seeds, seed + own, own),), 500, day + own, 400.0, 2.0)
    if found.variance == 0:
        return
    assert found.with_more().variance == pytest.approx(found.variance)
    more = found.seeds_to_halve if what == "seeds" else found.days_to_halve
    target = found.half_width(0.95) / 2
    if more is None:
        largest = found.with_more(**{what: 1_000_000})
        assert largest.half_width(0.95) > target
    else:
        assert found.with_more(**{what: more}).half_width(0.95) <= target
        assert found.with_more(**{what: more - 1}).half_width(0.95) > target


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match=r"panel: got the shape \(3,\); expected \[seeds, days\]"):
        nested_interval([0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="a has 10 days, b has 11; expected the same days"):
        nested_difference(panel_of(3, 10), panel_of(3, 11))
    with pytest.raises(ValueError, match="seeds: got 2 and 3; expected 3 and 3"):
        nested_difference(panel_of(3, 10), panel_of(3, 10), seeds=((0, 1), (0, 1, 2)))
