"""Values of an expression that looks back only, on the days and instruments of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_bench.data.arrays import Floats32
from lstm_bench.data.provider import Provider
from lstm_bench.features.evaluation import evaluate
from lstm_bench.features.expression import extent, parse

__all__ = ["trailing_values"]


def trailing_values(
    provider: Provider, instruments: Sequence[str], begin: int, days: int, text: str
) -> Floats32:
    """Evaluate an expression with the data that are known at each day's close.

    Bars before ``begin`` are read as the expression needs. The N ``instruments`` are sorted, ``begin`` is a calendar
    position, and T is ``days``. Returns ``[T, N]`` float32, NaN without a value. Raises ExpressionError if the text is
    not an expression. Raises ValueError if it looks ahead.
    """
    expression = parse(text)
    left, right = extent([expression])
    if right:
        raise ValueError(f"expression {text!r}: it looks {right} days ahead, expected none")
    first = max(begin - left, 0)
    panel = provider.panel(instruments, expression.fields, first, begin + days)
    values: Floats32 = evaluate([expression], panel, begin - first, begin - first + days)[0]
    return values
