"""The rows of one symbol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lstm_bench.data.arrays import Bools, Days, Floats

__all__ = ["SymbolRows"]


@dataclass(frozen=True)
class SymbolRows:
    """The rows of one symbol, by day.

    Attributes
    ----------
    days : ``[n]`` datetime64[D], ascending, distinct
    values : field -> ``[n]`` float64
        Prices, volume and ``adjusted_close`` are NaN on days without a bar. ``split`` (1 without a split) and
        ``factor`` are given on those days as well.
    traded : ``[n]`` bool
        Days with a bar.
    evidence : field -> ``[n]`` float64
        Fields that are only evidence about the bars; NaN if missing.
    """

    symbol: str
    days: Days
    values: Mapping[str, Floats]
    traded: Bools
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
        values, evidence = (
            {name: column[mask] for name, column in columns.items()}
            for columns in (self.values, self.evidence)
        )
        return SymbolRows(self.symbol, self.days[mask], values, self.traded[mask], evidence)
