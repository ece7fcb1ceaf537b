"""Element-wise operators: NumPy's functions, with NumPy's result types.

A field is float32, also after an operation with a plain number; a rolling result is float64; a comparison is bool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lstm_bench.core.errors import ExpressionError
from lstm_bench.data.arrays import Array, Ints
from lstm_bench.features.kernels.shift import blank
from lstm_bench.features.series import Series, Span, Value

__all__ = ["ELEMENTWISE", "apply"]


def _sign(x: Array) -> Array:
    return np.asarray(np.sign(x.astype(np.float32)))


def _truth(x: Any) -> Any:
    """Truth values as pandas converts them when it joins numbers with booleans; missing is False."""
    if not isinstance(x, np.ndarray):
        return bool(x)
    return (x == x) & (x != 0) if x.dtype.kind == "f" else x != 0


def _and(x: Any, y: Any) -> Array:
    return np.asarray(np.logical_and(_truth(x), _truth(y)))


def _or(x: Any, y: Any) -> Array:
    return np.asarray(np.logical_or(_truth(x), _truth(y)))


#: Operator -> function of arrays ``[N, T]`` and numbers.
ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Sign": _sign,
    "Log": np.log,
    "Not": np.bitwise_not,
    "Power": np.power,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Greater": np.maximum,
    "Less": np.minimum,
    "Gt": np.greater,
    "Ge": np.greater_equal,
    "Lt": np.less,
    "Le": np.less_equal,
    "Eq": np.equal,
    "Ne": np.not_equal,
    "And": _and,
    "Or": _or,
    "If": np.where,
}

# Their result can be a number although the input is missing: NaN ** 0 is 1, and a branch can be a plain number.
# The same holds for numbers computed from booleans, which have no NaN.
_FILLS_MISSING = ("Power", "If")


def apply(operator: str, operands: Sequence[Value]) -> Series:
    """Apply an operator on the rows that any operand has.

    Raises ExpressionError if NumPy does not define the operator for these operands: the difference of two booleans, a
    negative power of a whole number, the sum with a number beyond 64 bits.
    """
    series = [operand for operand in operands if isinstance(operand, Series)]
    span = series[0].span
    for operand in series[1:]:
        span = span.hull(operand.span)
    arguments = [_within(operand, span) for operand in operands]
    try:
        values = ELEMENTWISE[operator](*arguments)
    except (TypeError, ValueError, OverflowError) as error:
        raise ExpressionError(f"{operator} cannot be applied: {error}") from error
    fills_missing = operator in _FILLS_MISSING or any(operand.values.dtype.kind != "f" for operand in series)
    if fills_missing and values.dtype in (np.float32, np.float64):
        values = blank(values, *_broadcast(span, len(values)))
    return Series(values, span)


def _within(operand: Value, span: Span) -> Any:
    """Return the operand's values; booleans become floats if the operand lacks rows of ``span``."""
    if not isinstance(operand, Series):
        return operand
    return operand.values if operand.span.same_as(span) else operand.floats()


def _broadcast(span: Span, rows: int) -> tuple[Ints, Ints]:
    return (
        np.ascontiguousarray(np.broadcast_to(span.first, rows)),
        np.ascontiguousarray(np.broadcast_to(span.last, rows)),
    )
