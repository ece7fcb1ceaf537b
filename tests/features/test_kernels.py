"""Kernels against plain loops over each window."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.features.kernels.correlation import rolling_correlation
from lstm_bench.features.kernels.exponential import expanding_exponential, exponential_mean
from lstm_bench.features.kernels.extremes import rolling_extreme
from lstm_bench.features.kernels.order import rolling_order
from lstm_bench.features.kernels.regression import regress
from lstm_bench.features.kernels.rolling import (
    rolling_count,
    rolling_deviation,
    rolling_kurt,
    rolling_skew,
    rolling_sum,
    rolling_variance,
    rolling_wma,
)
from lstm_bench.features.kernels.shift import blank, first_value, shift

Floats = npt.NDArray[np.float64]
Case = tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64], int]

ROWS, DAYS = 3, 40
QUANTILES = np.array([0.0, 0.2, 0.5, 1.0])


@st.composite
def cases(draw: st.DrawFn, offset: bool = True) -> Case:
    """Values with ties and gaps, far from 0 for their spread at times, spans (one empty) and a window."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=(ROWS, DAYS))
    if draw(st.booleans()):
        values = np.round(values)
    values[rng.random(values.shape) < draw(st.sampled_from([0.0, 0.1, 0.7]))] = np.nan
    if offset and draw(st.booleans()):
        values = values * 1e-3 + 1e3
    first = np.array([0, draw(st.integers(1, DAYS - 1)), 9], np.int64)
    last = np.array([DAYS - 1, draw(st.integers(int(first[1]), DAYS - 1)), -1], np.int64)
    for row in range(ROWS):
        values[row, : first[row]] = np.nan
        values[row, last[row] + 1 :] = np.nan
    return values, first, last, draw(st.sampled_from([1, 2, 3, 7, 8, 20, DAYS + 1]))


def windowed(case: Case, statistic: Callable[[Floats], float], x: Floats | None = None) -> Floats:
    """The plain loop: a statistic of each window, missing days included."""
    values, first, last, window = case
    values = values if x is None else x
    out = np.full(case[0].shape, np.nan)
    for row in range(ROWS):
        for day in range(first[row], last[row] + 1):
            out[row, day] = statistic(values[row, max(first[row], day - window + 1) : day + 1])
    return out


def observed(least: int, statistic: Callable[[Floats], float]) -> Callable[[Floats], float]:
    def of_observations(values: Floats) -> float:
        kept = values[~np.isnan(values)]
        return statistic(kept) if len(kept) >= least else math.nan

    return of_observations


def check(got: Floats, expected: Floats, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@settings(max_examples=60)
@given(cases())
def test_sums_means_and_counts(case: Case) -> None:
    check(rolling_sum(*case, False), windowed(case, observed(1, np.sum)))
    check(rolling_sum(*case, True), windowed(case, observed(1, np.mean)))
    check(rolling_count(*case), windowed(case, observed(0, len)))
    check(rolling_deviation(*case), windowed(case, observed(1, lambda x: float(np.abs(x - x.mean()).mean()))))


def spread(values: Floats) -> float:
    return float(np.var(values, ddof=1)) if np.ptp(values) > 0 else 0.0


@settings(max_examples=60)
@given(cases())
def test_variances(case: Case) -> None:
    expected = windowed(case, observed(2, spread))
    check(rolling_variance(*case, False), expected)
    check(rolling_variance(*case, True), np.sqrt(expected), 1e-6)


def test_a_variance_forgets_a_huge_value_and_knows_equal_ones() -> None:
    values = np.array([[1.0, 2.0, 1e9, 3.0, 4.0, 5.0, 7.0, 7.0, 7.0]])
    span = np.array([0], np.int64), np.array([8], np.int64)
    got = rolling_variance(values, *span, 3, False)[0]
    np.testing.assert_allclose(got[5:], [1.0, 7.0 / 3.0, 4.0 / 3.0, 0.0], rtol=1e-9)
    assert got[-1] == 0.0


def skew(x: Floats) -> float:
    gaps = x - x.mean()
    if np.ptp(x) == 0:
        return math.nan
    n = len(x)
    return float(math.sqrt(n * (n - 1)) / (n - 2) * (gaps**3).mean() / (gaps**2).mean() ** 1.5)


def kurt(x: Floats) -> float:
    gaps = x - x.mean()
    if np.ptp(x) == 0:
        return math.nan
    n = len(x)
    fourth = (gaps**4).mean() / (gaps**2).mean() ** 2
    return float((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * fourth - 3 * (n - 1)))


@settings(max_examples=40)
@given(cases())
def test_skewness_and_kurtosis(case: Case) -> None:
    check(rolling_skew(*case), windowed(case, observed(3, skew)), 1e-6)
    check(rolling_kurt(*case), windowed(case, observed(4, kurt)), 1e-6)


def weighted(x: Floats) -> float:
    weights = np.arange(1.0, len(x) + 1)
    products = weights / weights.sum() * x
    return float(np.nanmean(products)) if not np.isnan(x).all() else math.nan


@settings(max_examples=40)
@given(cases())
def test_weighted_means(case: Case) -> None:
    check(rolling_wma(*case), windowed(case, weighted))


def place_of(find: Callable[[Floats], np.intp]) -> Callable[[Floats], float]:
    return lambda x: math.nan if np.isnan(x).all() else float(find(x) + 1)


@settings(max_examples=60)
@given(cases(), st.booleans())
def test_extremes_and_their_places(case: Case, largest: bool) -> None:
    values, places = rolling_extreme(*case, largest)
    check(values, windowed(case, observed(1, np.max if largest else np.min)))
    check(places, windowed(case, place_of(np.argmax if largest else np.argmin)))


def percentile(x: Floats) -> float:
    last = x[-1]
    kept = x[~np.isnan(x)]
    if np.isnan(last):
        return math.nan
    return float((np.sum(kept < last) + (np.sum(kept == last) + 1) / 2) / len(kept))


@settings(max_examples=60)
@given(cases())
def test_order_statistics(case: Case) -> None:
    got = rolling_order(*case, QUANTILES, True, True)
    for position, quantile in enumerate(QUANTILES):
        check(got[position], windowed(case, observed(1, lambda x, q=quantile: float(np.quantile(x, q)))))  # type: ignore[misc]
    check(got[-2], windowed(case, percentile))
    check(got[-1], windowed(case, observed(1, np.median)))


def line(x: Floats) -> tuple[float, float, float]:
    """Slope, R squared and last residual of a window, by their definitions."""
    days = np.arange(len(x), dtype=float)
    kept = ~np.isnan(x)
    if kept.sum() < 2:
        return math.nan, math.nan, math.nan
    dx = days[kept] - days[kept].mean()
    dy = x[kept] - x[kept].mean()
    slope = (dx * dy).sum() / (dx * dx).sum()
    square = (dx * dy).sum() ** 2 / (dx * dx).sum() / (dy * dy).sum() if np.ptp(x[kept]) > 0 else math.nan
    return slope, square, x[-1] - x[kept].mean() - slope * (days[-1] - days[kept].mean())


@settings(max_examples=60)
@given(cases(offset=False), st.booleans())
def test_regressions(case: Case, expanding: bool) -> None:
    values, first, last, window = case
    case = values, first, last, DAYS + 1 if expanding else window
    got = regress(values, first, last, 0 if expanding else window, True, True, True)
    for position, result in enumerate(got):
        expected = windowed(case, lambda x, k=position: line(x)[k])  # type: ignore[misc]
        # where the true value is undefined, rounding decides what Qlib's sums give
        check(np.where(np.isnan(expected), np.nan, result), expected, 1e-4)
    none = regress(values, first, last, window, False, True, False)
    assert [len(part) for part in none] == [0, ROWS, 0]


@settings(max_examples=60)
@given(cases(), st.integers(0, 2**32 - 1))
def test_correlations(case: Case, seed: int) -> None:
    x, first, last, window = case
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(x.shape) < 0.1, np.nan, 0.5 * x + rng.normal(size=x.shape))
    for covariance in (False, True):
        got = rolling_correlation(x, y, first, last, window, covariance, 0.0)
        for row in range(ROWS):
            for day in range(DAYS):
                start = max(first[row], day - window + 1)
                pair = np.array([x[row, start : day + 1], y[row, start : day + 1]])
                pair = pair[:, ~np.isnan(pair).any(axis=0)]
                inside = first[row] <= day <= last[row] and pair.shape[1] >= 2
                flat = inside and np.ptp(pair, axis=1).min() == 0
                expected = math.nan
                if inside and covariance:
                    expected = 0.0 if flat else float(np.cov(pair)[0, 1])
                elif inside and not flat:
                    expected = float(np.corrcoef(pair)[0, 1])
                assert got[row, day] == pytest.approx(expected, rel=1e-6, abs=1e-6, nan_ok=True)


@settings(max_examples=40)
@given(cases(), st.sampled_from([0.1, 0.5, 0.9]))
def test_exponential_means(case: Case, alpha: float) -> None:
    values, first, last, _ = case
    case = values, first, last, DAYS + 1

    def mean(x: Floats) -> float:
        if np.isnan(x).all():
            return math.nan
        weights = (1 - alpha) ** np.arange(len(x) - 1.0, -1.0, -1.0)
        return float(np.nansum(weights * x) / weights[~np.isnan(x)].sum())

    def slowing(x: Floats) -> float:
        if np.isnan(x).all():
            return math.nan
        weights = (1 - 2 / (1 + len(x))) ** np.arange(len(x) - 1.0, -1.0, -1.0)
        return float(np.nansum(weights * x) / weights.sum())

    check(exponential_mean(values, first, last, alpha), windowed(case, mean))
    check(expanding_exponential(values, first, last), windowed(case, slowing))


@settings(max_examples=40)
@given(cases(), st.integers(-5, 5))
def test_other_days(case: Case, days: int) -> None:
    values, first, last, _ = case
    expected = np.full(values.shape, np.nan)
    for row in range(ROWS):
        for day in range(first[row], last[row] + 1):
            if first[row] <= day - days <= last[row]:
                expected[row, day] = values[row, day - days]
    check(shift(values, first, last, days), expected)
    check(first_value(values, first, last), windowed((values, first, last, DAYS + 1), lambda x: float(x[0])))
    check(blank(np.nan_to_num(values), first, last), windowed(case, lambda x: float(np.nan_to_num(x[-1]))))
