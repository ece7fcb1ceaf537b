"""Series: the value of a sub-expression on a block of instruments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_bench.data.arrays import Array, Ints
from lstm_bench.features.kernels.shift import blank

__all__ = ["Series", "Span", "Value"]

# after every day, and small enough to add days to without overflow
_NEVER = 1 << 40


@dataclass(frozen=True, eq=False)
class Span:
    """First and last row (inclusive) of each instrument, ``[N]`` int64.

    An instrument without rows starts after every day and ends on day -1; hulls then need no special case.
    """

    first: Ints
    last: Ints

    @classmethod
    def of(cls, first: Ints, last: Ints) -> Span:
        """Rows from ``first`` to ``last``; none if ``first > last``."""
        none = first > last
        return cls(np.where(none, _NEVER, first), np.where(none, -1, last))

    def cut(self, start: int, stop: int) -> Span:
        """Keep the rows from ``start`` to before ``stop``."""
        return Span.of(np.maximum(self.first, start), np.minimum(self.last, stop - 1))

    def hull(self, other: Span) -> Span:
        """Rows of either and those between, as pandas aligns two series."""
        if other is self:
            return self
        hull = Span(np.minimum(self.first, other.first), np.maximum(self.last, other.last))
        # spans are compared by identity first: keep this one if it has all rows
        return self if self.first.size == hull.first.size and self.same_as(hull) else hull

    def same_as(self, other: Span) -> bool:
        """Whether both have the same rows; a span of one instrument applies to all."""
        return self is other or bool(np.all(self.first == other.first) and np.all(self.last == other.last))


@dataclass(frozen=True, eq=False)
class Series:
    """Values of N instruments on T days."""

    # ``[N, T]``, one instrument per row, in C order; a single row if all instruments have the same values. Floats are
    # NaN outside the span.
    values: Array
    # the days that exist. A day inside can have a missing value; days outside are not part of the series.
    span: Span

    def floats(self) -> Array:
        """Return the values as floats, NaN outside the span; other types become float32."""
        if self.values.dtype in (np.float32, np.float64):
            return self.values
        return blank(self.values.astype(np.float32), self.span.first, self.span.last)


Value = Series | int | float
