"""Element-wise operators: numpy's own functions, hence numpy's types.

A field is float32 and stays so beside a plain number; a rolling result is float64; a comparison is bool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import ExpressionError
from lstm_bench.features.kernels.shift import blank
from lstm_bench.features.series import Series, Span, Value

__all__ = ["ELEMENTWISE", "apply"]

Array = npt.NDArray[Any]


def _sign(x: Array) -> Array:
    return np.asarray(np.sign(x.astype(np.float32)))


def _truth(x: Any) -> Any:
    """Truth of numbers where pandas joins them with booleans; missing is False."""
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

# These can make a number of nothing: NaN ** 0 is 1, and a branch may be a plain number. So can whatever makes
# numbers of booleans, which have no NaN.
_MAKES_NUMBERS = ("Power", "If")


def apply(operator: str, operands: Sequence[Value]) -> Series:
    """Apply an operator where any operand has rows.

    Raises
    ------
    ExpressionError
        Where numpy does not define the operator for these operands: the difference of two booleans, a negative
        power of a whole number, a number beyond 64 bits added to one.
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
    invents = operator in _MAKES_NUMBERS or any(operand.values.dtype.kind != "f" for operand in series)
    if invents and values.dtype in (np.float32, np.float64):
        values = blank(values, *_broadcast(span, len(values)))
    return Series(values, span)


def _within(operand: Value, span: Span) -> Any:
    """Give the operand's values; booleans become numbers where some rows of ``span`` lack them."""
    if not isinstance(operand, Series):
        return operand
    return operand.values if operand.span.same_as(span) else operand.floats()


def _broadcast(span: Span, rows: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return (
        np.ascontiguousarray(np.broadcast_to(span.first, rows)),
        np.ascontiguousarray(np.broadcast_to(span.last, rows)),
    )
