"""The sequence against numerical integration, plain loops and its own promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from lstm_bench.statistics.sequence import (
    confidence_sequence,
    decided_after,
    pairs_to_decide,
    sequence_estimate,
    sequence_verdict,
)

Differences = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=1, max_size=20)


def integrated_e_value(x: np.ndarray, mean: float, c: float) -> float:
    """Integrate the likelihood over scales (density 1/scale) and effects (N(0, 1/c^2)), over that without an effect.

    The scale enters as its logarithm, in units of the root mean square of the differences.
    """
    unit = math.sqrt(float(np.mean((x - mean) ** 2)))

    def likelihood(log_scale: float, effect: float) -> float:
        scale = math.exp(log_scale) * unit
        return float(
            np.exp(stats.norm.logpdf(x, mean + effect * scale, scale).sum() + len(x) * math.log(unit))
        )

    def weighted(log_scale: float, effect: float) -> float:
        return likelihood(log_scale, effect) * float(stats.norm.pdf(effect, 0, 1 / c))

    above, _ = integrate.dblquad(weighted, -12 / c, 12 / c, -8, 8, epsabs=1e-12, epsrel=1e-7)
    below, _ = integrate.quad(likelihood, -8, 8, args=(0.0,), epsabs=1e-14, epsrel=1e-9)
    return float(above / below)


def log_e_value(x: list[float], mean: float, c: float = 1.0) -> float:
    """Return the log of ``M_n`` by its formula."""
    n = len(x)
    total = math.fsum(value - mean for value in x)
    whole = (n + c * c) * math.fsum((value - mean) ** 2 for value in x)
    return 0.5 * math.log(c * c / (n + c * c)) + n / 2 * math.log(whole / (whole - total**2))


@pytest.mark.parametrize(
    ("x", "c"), [([0.3, -0.1, 0.8, 0.4, 0.5, 0.2], 1.0), ([0.004, 0.001, 0.003, 0.002], 0.7)]
)
def test_the_ends_are_where_the_mixture_of_likelihood_ratios_reaches_twenty(x: list[float], c: float) -> None:
    for ends in confidence_sequence(x, c=c):
        assert np.isfinite(ends[-1])
        assert integrated_e_value(np.array(x), ends[-1], c) == pytest.approx(20, rel=1e-4)


@given(Differences)
@settings(max_examples=50)
def test_the_ends_are_where_the_formula_reaches_twenty(x: list[float]) -> None:
    lows, highs = confidence_sequence(x)
    for n in range(1, len(x) + 1):
        if not np.isfinite(lows[n - 1]):
            far = log_e_value(x[:n], 1e6)
            assert far < math.log(20) + 1e-6, "no mean has a large e-value where the interval is infinite"
        elif highs[n - 1] - lows[n - 1] > 1e-6:
            for end in (lows[n - 1], highs[n - 1]):
                assert log_e_value(x[:n], end) == pytest.approx(math.log(20), abs=1e-5)


@given(Differences, st.integers(1, 20))
def test_later_differences_change_no_bit_of_an_earlier_interval(x: list[float], n: int) -> None:
    whole, part = confidence_sequence(x), confidence_sequence(x[:n])
    for ends, of_part in zip(whole, part, strict=True):
        np.testing.assert_array_equal(ends[:n], of_part)
    stopped = decided_after(x, 0.1)
    if stopped is not None:
        assert decided_after(x[:stopped], 0.1) == stopped
        assert decided_after(x[: stopped - 1], 0.1) is None


@given(Differences, st.sampled_from([0.001, 7.0, -2.0]))
def test_the_unit_does_not_matter(x: list[float], unit: float) -> None:
    assume(np.std(x) > 1e-3)
    of_scaled = np.array(confidence_sequence([value * unit for value in x]))
    of_x = unit * np.array(confidence_sequence(x))
    np.testing.assert_allclose(of_scaled, np.sort(of_x, axis=0), rtol=1e-6, atol=1e-9)


def test_many_races_at_once_are_the_races_one_by_one() -> None:
    x = np.random.default_rng(0).normal(size=(3, 12))
    lows, _ = confidence_sequence(x)
    assert lows.shape == (3, 12)
    for k in range(3):
        np.testing.assert_array_equal(lows[k], confidence_sequence(x[k])[0])


@pytest.mark.parametrize("n", [0, 1, 4])
def test_few_pairs_have_no_interval_and_decide_nothing(n: int) -> None:
    assert np.isnan(sequence_estimate([0.5, 0.5001, 0.5002, 0.5003][:n]).low)
    assert n == 0 or decided_after([0.5, 0.5001, 0.5002, 0.5003][:n], 100.0) is None


def test_a_clear_difference_decides_from_the_fifth_pair_on() -> None:
    assert decided_after([0.5, 0.5001, 0.5002, 0.5003, 0.5004]) == 5
    assert decided_after([-0.5, -0.5001, -0.5002, -0.5003, -0.5004]) == 5


def test_equal_rows_are_equivalent_and_never_better() -> None:
    assert decided_after([0.0] * 64) is None
    assert decided_after([0.0] * 64, 0.002) == 5


def test_a_small_spread_about_zero_is_equivalent_only_with_a_margin() -> None:
    x = [0.001, -0.001] * 10
    assert decided_after(x) is None
    stopped = decided_after(x, 0.002)
    assert stopped is not None
    estimate = sequence_estimate(x[:stopped])
    assert -0.002 < estimate.low < 0 < estimate.high < 0.002


def test_what_is_missing_is_what_decides_at_the_same_mean_and_spread() -> None:
    x = np.random.default_rng(3).normal(0.3, 1.0, 10)
    more = pairs_to_decide(x)
    assert more is not None
    # the same moments on 10 + more pairs decide, on one pair less they do not
    mean, std = x.mean(), x.std()
    for n, expected in ((len(x) + more, True), (len(x) + more - 1, False)):
        z = np.random.default_rng(0).normal(size=n)
        same = mean + std * (z - z.mean()) / z.std()
        lows, highs = confidence_sequence(same)
        assert bool(lows[-1] > 0 or highs[-1] < 0) is expected
    assert pairs_to_decide([1.0, -1.0, 0.0]) is None


def test_the_verdict_is_of_the_pairs_that_decide() -> None:
    x = np.random.default_rng(0).normal(1.0, 1.0, 64)
    n = decided_after(x, 0.002)
    assert n is not None
    assert sequence_verdict(x[:n], 0.002).text == "A better"
    assert sequence_verdict(-x[:n], 0.002).text == "B better"
    assert sequence_verdict(x[: n - 1], 0.002).text.startswith("undecided (needs about ")
    assert sequence_verdict([0.001] * 5, 0.002).text == "equivalent within 0.002"
    assert sequence_verdict([0.001] * 5).text == "A better"
    assert sequence_verdict([]).text == "undecided"
