"""Signal figures against exact rational arithmetic, for scores and labels of any magnitude."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.evaluate import exact

from lstm_bench.evaluate.moments import ROUNDING, moments
from lstm_bench.evaluate.signal.decay import ic_decay
from lstm_bench.evaluate.signal.groups import group_returns
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.signal.precision import precision
from lstm_bench.evaluate.signal.stability import stability

NAN, TINY, HUGE = math.nan, 5e-324, 1.7e308
MAGNITUDES = st.sampled_from([1e-320, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e307])
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),  # any magnitude in one day
    st.sampled_from([0.0, -0.0, 1.0, 1.0 + 2**-52, 0.1, TINY, -TINY, HUGE, -HUGE]),
    st.integers(-5, 5).map(float),
    st.just(NAN),
)
DAY = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=9)
COARSE = st.lists(
    st.tuples(
        st.integers(-4, 4).map(float) | st.just(NAN),
        st.integers(-32, 32).map(lambda n: n / 64) | st.just(NAN),
    ),
    min_size=1,
    max_size=14,
)
"""Scores with ties and labels whose sums are exact."""


def assert_is(got: float, wanted: float, tolerance: float = 1e-12) -> None:
    assert got == pytest.approx(wanted, abs=tolerance, rel=tolerance, nan_ok=True)


@given(DAY)
@example([(1e308, 1.0), (-1e308, 2.0), (1e-308, 3.0)])
@example([(TINY, 1.0), (2 * TINY, 2.0), (3 * TINY, 2.5)])
@example([(1e200, 1e-200), (2e200, 2e-200), (3e200, 4e-200)])
@example([(1.0, 0.1), (1.0 + 2**-52, 0.2), (1.0 + 2**-51, 0.3)])
@example([(0.1, 0.1), (0.1, 0.2), (0.1, 0.3)])
@settings(max_examples=200)
def test_ic_and_rank_ic(day: list[tuple[float, float]]) -> None:
    score, label = np.array(day).T[:, None, :]
    got, later = signal_metrics(score, label), ic_decay(score, label, lags=0)
    known = [(a, b) for a, b in day if not (math.isnan(a) or math.isnan(b))]
    x, y = (exact.exact(side) for side in zip(*known, strict=True)) if known else ([], [])
    for ic in (got.ic[0], later.ic[0, 0]):
        assert_is(ic, exact.correlation(x, y))
        assert not abs(ic) > 1
    for rank_ic in (got.rank_ic[0], later.rank_ic[0, 0]):
        assert_is(rank_ic, exact.correlation(exact.ranks(x), exact.ranks(y)))


@given(DAY, DAY)
@settings(max_examples=50)
def test_autocorrelation(one: list[tuple[float, float]], other: list[tuple[float, float]]) -> None:
    n = min(len(one), len(other))
    score = np.array([[a for a, _ in day[:n]] for day in (one, other)])
    pairs = [(a, b) for a, b in score.T.tolist() if not (math.isnan(a) or math.isnan(b))]
    x, y = (exact.exact(side) for side in zip(*pairs, strict=True)) if pairs else ([], [])
    assert_is(stability(score).autocorrelation[1], exact.correlation(x, y))


@given(COARSE)
@settings(max_examples=100)
def test_precision_groups_and_long_short(day: list[tuple[float, float]]) -> None:
    rows = [(a, b) for a, b in day if not (math.isnan(a) and math.isnan(b))]
    if not rows:
        return
    score, label = np.array(rows).T[:, None, :]
    fifth = int(len(rows) * 0.2)
    best, worst = (
        [b for a, b in sorted(rows, key=lambda row: (math.isnan(row[0]), sign * row[0]))[:fifth]]
        for sign in (-1, 1)
    )
    average = exact_mean([b for _, b in rows])
    shares = precision(score, label)
    for got, side, sign, middle in (
        (shares.long, best, 1, Fraction(0)),
        (shares.short, worst, -1, Fraction(0)),
        (shares.long_excess, best, 1, average),
        (shares.short_excess, worst, -1, average),
    ):
        known = exact.exact(b for b in side if not math.isnan(b))
        right = [sign * b > sign * middle for b in known if middle is not None]
        assert_is(got[0], sum(right) / len(right) if right else NAN)

    scored = sorted((row for row in rows if not math.isnan(row[0])), key=lambda row: -row[0])
    size = len(scored) // 5
    wanted = [exact_mean([b for _, b in scored[i * size : (i + 1) * size]]) for i in range(5)]
    groups = group_returns(score, label)
    for got, one in zip(groups.groups[:, 0], wanted, strict=True):
        assert_is(got, plain(one))
    assert_is(groups.spread[0], plain(difference(wanted[0], wanted[-1])))
    assert_is(groups.excess[0], plain(difference(wanted[0], average)))

    portfolio = signal_metrics(score, label, long_short=True)
    assert portfolio.long_short is not None
    assert portfolio.long_average is not None
    spread = difference(exact_mean(best), exact_mean(worst))
    assert_is(portfolio.long_short[0], NAN if spread is None else float(spread / 2))
    assert_is(portfolio.long_average[0], plain(average))


def exact_mean(values: list[float]) -> Fraction | None:
    known = exact.exact(value for value in values if not math.isnan(value))
    return exact.mean(known) if known else None


def difference(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a - b


def plain(value: Fraction | None) -> float:
    return NAN if value is None else float(value)


@given(st.lists(st.floats(-1, 1) | st.just(NAN), max_size=12), MAGNITUDES)
@example([0.01] * 30, 1.0)
@example([1.0, 1.0 + 2**-52, 1.0], 1.0)
@example([1.0, 1.0 + 2**-30, 1.0], 1e200)
@settings(max_examples=100)
def test_moments(days: list[float], magnitude: float) -> None:
    series = np.array(days, dtype=np.float64) * magnitude
    got = moments(series)
    known = exact.exact(series[~np.isnan(series)])
    largest = max(map(abs, known), default=Fraction(0))
    slack = float(largest) * 1e-15 + TINY
    assert got.mean == pytest.approx(
        float(exact.mean(known)) if known else NAN, rel=1e-12, abs=slack, nan_ok=True
    )
    if len(known) < 2:
        assert math.isnan(got.std)
        assert math.isnan(got.ratio)
        return
    deviation = exact.variance(known)
    assert got.std == pytest.approx(exact.root(deviation) if deviation else 0.0, rel=1e-9, abs=TINY)
    spread = max(known) - min(known)
    if spread > 2 * Fraction(ROUNDING) * largest:
        wanted = math.copysign(exact.root(exact.mean(known) ** 2 / deviation), got.mean)
        assert got.ratio == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    elif spread <= Fraction(ROUNDING) * largest / 2:
        assert math.isnan(got.ratio)


@pytest.mark.parametrize("factor", [1e-320, 1e-200, 1e200, 1e305])
def test_figures_of_scores_have_no_scale(factor: float) -> None:
    rng = np.random.default_rng(0)
    score, label = rng.integers(-(2**20), 2**20, (2, 6, 30)).astype(np.float64) / 2**12
    rounded = np.round(score * 2**-8) if factor < 1e-300 else score
    a, b = (signal_metrics(rounded * scale, label).summary() for scale in (1.0, factor))
    assert a == pytest.approx(b, rel=1e-9)
    before, after = (stability(rounded * scale) for scale in (1.0, factor))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_a_power_of_two_changes_no_bit() -> None:
    score, label = np.random.default_rng(1).normal(size=(2, 8, 40))
    one, other = signal_metrics(score, label), signal_metrics(score * 2.0**700, label * 2.0**-700)
    np.testing.assert_array_equal(one.ic, other.ic)
    one_decay, other_decay = ic_decay(score, label, lags=2), ic_decay(score * 2.0**-700, label, lags=2)
    np.testing.assert_array_equal(one_decay.ic, other_decay.ic)


def test_infinite_scores_have_an_order_and_no_ic() -> None:
    score, label = np.array([[np.inf, 1.0, -np.inf, 0.0]]), np.array([[4.0, 3.0, 1.0, 2.0]])
    got, later = signal_metrics(score, label), ic_decay(score, label, lags=0)
    assert np.isnan(
        [got.ic[0], later.ic[0, 0], stability(np.vstack([score, score])).autocorrelation[1]]
    ).all()
    assert got.rank_ic[0] == later.rank_ic[0, 0] == 1.0


def test_infinite_labels() -> None:
    score, label = np.arange(10.0)[None], np.arange(10.0)[None].copy()
    label[0, [0, 9]] = -np.inf, np.inf
    got = group_returns(score, label)
    assert (got.groups[0, 0], got.groups[-1, 0], got.spread[0]) == (np.inf, -np.inf, np.inf)
    assert np.isnan(got.excess[0])  # the mean of all holds both infinities
    assert np.isnan(got.summary()["group_1"]["sharpe"])
    assert np.isnan(signal_metrics(score, label).ic[0])


def test_labels_near_the_end_of_float64_have_a_mean() -> None:
    label = np.full((1, 10), 1.5e308)
    label[0, ::2] = 1.7e308
    got = group_returns(np.arange(10.0)[None], label)
    np.testing.assert_allclose(got.groups[:, 0], 1.6e308)


def test_equal_labels_are_neither_above_nor_below_their_mean() -> None:
    got = precision(np.arange(15.0)[None], np.full((1, 15), 0.1))
    assert (got.long[0], got.short[0]) == (1.0, 0.0)
    assert (got.long_excess[0], got.short_excess[0]) == (0.0, 0.0)


def test_a_constant_ic_has_no_ratio() -> None:
    label = np.random.default_rng(2).normal(0, 0.02, size=(7, 12))
    summary = signal_metrics(3 * label + 0.1, label).summary()
    assert summary["IC"] == pytest.approx(1.0)
    assert np.isnan(summary["ICIR"])
    assert np.isnan(summary["Rank ICIR"])
