"""Computation of a plan's steps by NumPy and compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_bench.data.arrays import Array
from lstm_bench.features import elementwise
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
from lstm_bench.features.kernels.shift import first_value, shift
from lstm_bench.features.plan import Apply
from lstm_bench.features.series import Series, Value

__all__ = ["compute"]


# Qlib drops a correlation or an R squared if a standard deviation is at most this, in the series' own unit.
_STEADY = 2e-5

_WINDOW_KERNELS = {
    "Count": rolling_count,
    "Skew": rolling_skew,
    "Kurt": rolling_kurt,
    "Mad": rolling_deviation,
    "WMA": rolling_wma,
}


def compute(steps: Sequence[Apply], operands: Sequence[Value]) -> tuple[Series, ...]:
    """Compute steps that share their operands, window and pass over it.

    Raises ExpressionError if an operator is not defined for its operands.
    """
    step = steps[0]
    if step.operator in elementwise.ELEMENTWISE:
        return (elementwise.apply(step.operator, operands),)
    series = [operand for operand in operands if isinstance(operand, Series)]
    x = series[0]
    match step.operator:
        case "Double" | "Finite":
            return (_as_double(x, finite=step.operator == "Finite"),)
        case "Unsteady":
            steady = series[1].values <= _STEADY
            return (Series(np.where(steady, np.nan, x.values), x.span),)
        case "Ref" | "Delta":
            return (_other_day(x, step),)
        case "Corr" | "Cov":
            return (_correlation(x, series[1], step),)
        case "Max" | "IdxMax" | "Min" | "IdxMin" | "Quantile" | "Rank" | "Med" | "Slope" | "Rsquare" | "Resi":
            return tuple(Series(values, x.span) for values in _together(steps, x))
        case _:
            return (Series(_alone(step, x), x.span),)


def _as_double(x: Series, *, finite: bool) -> Series:
    values = x.floats().astype(np.float64)
    if finite:
        values[np.isinf(values)] = np.nan
    return Series(values, x.span)


def _other_day(x: Series, step: Apply) -> Series:
    """``Ref`` and ``Delta``: whole days, or the first day for N = 0."""
    values, first, last = x.floats(), x.span.first, x.span.last
    other = shift(values, first, last, int(step.window)) if step.window else first_value(values, first, last)
    return Series(other if step.operator == "Ref" else values - other, x.span)


def _correlation(x: Series, y: Series, step: Apply) -> Series:
    span = x.span.hull(y.span)
    shape = np.broadcast_shapes(x.values.shape, y.values.shape)
    left, right = (np.ascontiguousarray(np.broadcast_to(side.values, shape)) for side in (x, y))
    covariance = step.operator == "Cov"
    values = rolling_correlation(left, right, span.first, span.last, _days(step, x), covariance, _STEADY)
    return Series(values, span)


def _together(steps: Sequence[Apply], x: Series) -> list[Array]:
    """Several results of one pass."""
    names = [step.operator for step in steps]
    arguments = x.values, x.span.first, x.span.last
    window = _days(steps[0], x)
    if names[0] in ("Slope", "Rsquare", "Resi"):
        results = regress(
            *arguments, int(steps[0].window or 0), "Slope" in names, "Rsquare" in names, "Resi" in names
        )
        return [results[("Slope", "Rsquare", "Resi").index(name)] for name in names]
    if names[0] in ("Max", "IdxMax", "Min", "IdxMin"):
        extreme, place = rolling_extreme(*arguments, window, names[0] in ("Max", "IdxMax"))
        return [place if name.startswith("Idx") else extreme for name in names]
    quantiles = [step.quantile for step in steps if step.operator == "Quantile"]
    order = rolling_order(
        *arguments, window, np.array(quantiles, np.float64), "Rank" in names, "Med" in names
    )
    places = {"Rank": len(quantiles), "Med": -1}
    return [
        order[quantiles.index(step.quantile) if step.operator == "Quantile" else places[step.operator]]
        for step in steps
    ]


def _alone(step: Apply, x: Series) -> Array:
    """One result of one series."""
    arguments = x.values, x.span.first, x.span.last
    window = _days(step, x)
    match step.operator:
        case "Mean" | "Sum":
            return rolling_sum(*arguments, window, step.operator == "Mean")
        case "Std" | "Var":
            return rolling_variance(*arguments, window, step.operator == "Std")
        case "Exponential":
            return exponential_mean(*arguments, float(step.window or 0))
        case "EMA":
            return expanding_exponential(*arguments)
        case _:
            return _WINDOW_KERNELS[step.operator](*arguments, window)


def _days(step: Apply, x: Series) -> int:
    """Days in the window; longer than the history for N = 0."""
    return int(step.window or x.values.shape[1] + 1)
