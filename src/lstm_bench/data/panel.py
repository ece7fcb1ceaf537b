"""The panel: dense bars on one calendar and one instrument list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lstm_bench.data.arrays import Bools, Days, Ints

__all__ = ["Panel"]


@dataclass(frozen=True)
class Panel:
    """Bars of N instruments on T trading days.

    Attributes
    ----------
    days : ``[T]`` datetime64[D], trading days, ascending: a slice of the provider's calendar
    offset : position of ``days[0]`` in the provider's calendar
    instruments : N upper-case codes, sorted
    fields : name without ``$`` -> ``[T, N]`` float32
        NaN if there is no value. Memory is Fortran-ordered: one instrument's history is contiguous,
        because rolling work is a column operation.
    first, last : ``[N]`` int64
        Index into ``days`` of each instrument's first and last *row* (inclusive), clipped to the panel.
        A row exists for every day between an instrument's first and last bar, suspended days included. Outside,
        there is no row, which differs from NaN: rolling windows exclude these days.
        ``first > last`` if the instrument has no row.
    present : name without ``$`` -> ``[N]`` bool
        Whether the instrument has bars of the field at all. A missing field has no rows, which differs from rows of
        NaN. Fields without an entry exist for all instruments.
    """

    days: Days
    offset: int
    instruments: tuple[str, ...]
    fields: Mapping[str, npt.NDArray[np.float32]]
    first: Ints
    last: Ints
    present: Mapping[str, Bools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in ``present``."""
        everywhere = np.ones(len(self.instruments), dtype=np.bool_)
        object.__setattr__(
            self, "present", {name: self.present.get(name, everywhere) for name in self.fields}
        )

    @property
    def shape(self) -> tuple[int, int]:
        """``(T, N)``."""
        return len(self.days), len(self.instruments)

    def has_row(self, first: int, days: int) -> Bools:
        """Mark the cells ``[days, N]``, from day ``first`` on, between an instrument's first and last bar."""
        positions = np.arange(first, first + days)[:, None]
        inside: Bools = (self.first <= positions) & (positions <= self.last)
        return inside
