"""The rows of one symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lstm_bench.data.arrays import Bools, Days, Floats, Ints

__all__ = ["SymbolRows", "take_rows"]


def take_rows(columns: Mapping[str, Floats], rows: Bools | Ints | slice) -> dict[str, Floats]:
    """Take rows of each column."""
    return {name: column[rows] for name, column in columns.items()}


@dataclass(frozen=True)
class SymbolRows:
    """The rows of one symbol, by day."""

    symbol: str
    days: Days  # ``[n]`` datetime64[D], ascending, distinct
    # field -> ``[n]`` float64: prices, volume and ``adjusted_close`` are NaN on days without a bar. ``split`` (1
    # without a split) and ``factor`` are given on those days as well.
    values: Mapping[str, Floats]
    traded: Bools  # ``[n]`` bool, days with a bar
    # field -> ``[n]`` float64, what bars are judged by but not made of; NaN if missing
    evidence: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def bar_days(self) -> Days:
        """Days with a bar, ``[B]``."""
        return self.days[self.traded]

    @property
    def closes(self) -> Floats:
        """Closes of the bars, ``[B]``."""
        return self.values["close"][self.traded]

    def where(self, mask: Bools) -> SymbolRows:
        """Keep the rows of a mask."""
        values, evidence = take_rows(self.values, mask), take_rows(self.evidence, mask)
        return SymbolRows(self.symbol, self.days[mask], values, self.traded[mask], evidence)
