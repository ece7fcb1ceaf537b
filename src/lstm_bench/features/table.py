"""The table: the rows of a universe, their features and their label.

It is Qlib's long table with rows sorted by instrument, then day: a stock's history is contiguous, as windows need it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm_bench.config.sections.processor import FieldsGroup
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Bools, Days, Ints, Ints32
from lstm_bench.features.columns import Columns

__all__ = ["GROUPS", "Rows", "Table", "groups_of"]


@dataclass(frozen=True, eq=False)
class Rows:
    """R rows, sorted by instrument, then day."""

    # ``[R]`` int32, positions of the row's day and instrument in a panel
    days: Ints32
    instruments: Ints32
    shape: tuple[int, int]  # ``(T, N)`` of that panel

    @classmethod
    def of(cls, mask: Bools) -> Rows:
        """Make a row of each true cell of a ``[T, N]`` mask."""
        T, N = mask.shape
        cells = np.flatnonzero(mask.T)
        instruments, days = np.divmod(cells, T)
        return cls(days.astype(np.int32), instruments.astype(np.int32), (T, N))

    def __len__(self) -> int:
        return len(self.days)

    @cached_property
    def cells(self) -> Ints:
        """Positions of the rows in a flat instrument-major panel, ``[R]``: ``panel.T.ravel()[cells]``."""
        return self.instruments.astype(np.int64) * self.shape[0] + self.days

    def by_day(self, kept: Bools) -> tuple[Ints, Ints]:
        """Return the kept rows day by day, and where each day begins: ``[K]``, ``[T + 1]`` int64."""
        return _by_day(self.days, kept, self.shape[0])


@kernel()
def _by_day(days: Ints32, kept: Bools, T: int) -> tuple[Ints, Ints]:
    starts = np.zeros(T + 1, dtype=np.int64)
    for row in range(len(days)):
        if kept[row]:
            starts[days[row] + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(starts[-1], dtype=np.int64)
    place = starts[:-1].copy()
    for row in range(len(days)):
        if kept[row]:
            order[place[days[row]]] = row
            place[days[row]] += 1
    return order, starts


GROUPS: tuple[FieldsGroup, ...] = ("feature", "label")


def groups_of(fields_group: FieldsGroup | None) -> tuple[FieldsGroup, ...]:
    """Return the groups of columns that a processor's ``fields_group`` names; all for None."""
    return GROUPS if fields_group is None else (fields_group,)


@dataclass(frozen=True, eq=False)
class Table:
    """Features and label of the rows."""

    rows: Rows  # all rows of the handler
    days: Days  # ``[T]`` datetime64[D]
    kept: Bools  # ``[R]`` bool, False if a processor dropped the row
    feature: Columns
    label: Columns  # one column

    def group(self, name: FieldsGroup) -> Columns:
        """Columns of a group."""
        return self.feature if name == "feature" else self.label

    def with_group(self, name: FieldsGroup, columns: Columns) -> Table:
        """Replace the columns of a group."""
        if name == "feature":
            return dataclasses.replace(self, feature=columns)
        return dataclasses.replace(self, label=columns)

    @cached_property
    def order_by_day(self) -> tuple[Ints, Ints]:
        """Kept rows day by day, and where each day begins."""
        return self.rows.by_day(self.kept)
