"""Bars of a universe, and a table of features computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.features.evaluation import evaluate_rows
from lstm_bench.features.expression import extent, parse
from lstm_bench.features.table import Rows

__all__ = ["Bars", "feature_table"]


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of a universe over a span of days.

    They are read when features are computed, with as many days around the span as the expressions need.

    Attributes
    ----------
    provider : the Qlib folder
    universe : instruments that have rows, by day
    begin, end : calendar positions of the span, end exclusive
    """

    provider: Provider
    universe: Universe
    begin: int
    end: int

    @property
    def days(self) -> npt.NDArray[np.datetime64]:
        """Trading days of the span, ``[T]`` datetime64[D]."""
        return self.provider.calendar[self.begin : self.end]

    @property
    def instruments(self) -> tuple[str, ...]:
        """Codes that belong to the universe on some day of the span, sorted."""
        return self.universe.instruments

    def __repr__(self) -> str:
        days = self.days
        return (
            f"<Bars of {self.universe.name}: {len(self.instruments):,} instruments on {len(days):,} days, "
            f"{days[0]} to {days[-1]}>"
        )


def feature_table(bars: Bars, expressions: Mapping[str, str], columns: Sequence[str]) -> pd.DataFrame:
    """Compute columns of a feature set.

    ``expressions`` are those of the whole set: their fields decide from which day on an instrument has bars. Returns
    ``[R, F]`` float32 by (datetime, instrument), sorted. Raises ExpressionError if an expression is not in Qlib's
    language. Raises DataError if there is no row.
    """
    parsed = [parse(expressions[name]) for name in columns]
    left, right = extent(parsed)
    fields = sorted({field for text in expressions.values() for field in parse(text).fields})
    elsewhere = {code for expression in parsed for code in expression.instruments}
    begin, end = max(bars.begin - left, 0), min(bars.end + right, len(bars.provider.calendar))
    panel = bars.provider.panel(sorted({*bars.instruments, *elsewhere}), fields, begin, end)

    first = bars.begin - panel.offset
    rows = Rows.of(panel.has_row(first, len(bars.days)) & bars.universe.member(bars.days, panel.instruments))
    if len(rows) == 0:
        raise DataError(f"{bars.universe.name!r} has no bars on {bars.days[0]}..{bars.days[-1]}")
    values = evaluate_rows(parsed, panel, first, rows)  # [F, R]
    order, _ = rows.by_day(np.ones(len(rows), dtype=np.bool_))

    days = pd.DatetimeIndex(bars.days.astype("datetime64[ns]"))
    codes = pd.Index(panel.instruments, dtype="str")
    levels = [days[rows.days[order]], codes[rows.instruments[order]]]
    index = pd.MultiIndex.from_arrays(levels, names=["datetime", "instrument"])
    return pd.DataFrame(values[:, order].T, index=index, columns=list(columns))
