"""Columns of a table, and the maps that processors add to them.

A processor such as ``RobustZScoreNorm`` maps each column separately. The map is not applied when it is fitted: a
column keeps its source and its maps, and they are applied when values are needed, to a copy of the column or to a
gathered batch. So Alpha360's 360 columns are stored as six fields.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Array, Floats32, Ints
from lstm_bench.features import host

__all__ = ["ColumnMap", "Columns", "Fill", "LaggedColumns", "StandardiseColumns", "StoredColumns"]

RowIndex = Ints

_BLOCK_VALUES = 1 << 16
"""Values processed at a time: a quarter of a megabyte fits into a processor's cache."""


@dataclass(frozen=True, eq=False)
class StandardiseColumns:
    """``x -> (x - center) / scale``, clipped to ``±limit`` unless it is None."""

    center: Floats32  # ``[F]`` float32
    scale: Floats32  # ``[F]`` float32
    limit: float | None = None

    def apply(self, x: Array, column: int | slice) -> None:
        """Map ``x`` in place: one column ``[R]``, or a block ``[F, R]`` for a slice of columns."""
        shape = (-1, 1) if isinstance(column, slice) else ()
        np.subtract(x, self.center[column].reshape(shape), out=x)
        np.divide(x, self.scale[column].reshape(shape), out=x)
        if self.limit is not None:
            np.clip(x, -self.limit, self.limit, out=x)

    def select(self, index: Sequence[int]) -> StandardiseColumns:
        """Keep the columns at ``index``."""
        return dataclasses.replace(self, center=self.center[index], scale=self.scale[index])


@dataclass(frozen=True)
class Fill:
    """``NaN -> value``."""

    value: float

    def apply(self, x: Array, _column: int | slice) -> None:
        """Map ``x`` in place: one column ``[R]``, or a block ``[F, R]``."""
        x[np.isnan(x)] = self.value

    def select(self, _index: Sequence[int]) -> Fill:
        """Keep the columns at ``index``."""
        return self


ColumnMap = StandardiseColumns | Fill


@dataclass(frozen=True, eq=False)
class Columns(ABC):
    """F named columns over R rows."""

    names: tuple[str, ...]  # F column names
    # maps to apply to the source, in order
    maps: tuple[ColumnMap, ...] = dataclasses.field(default=(), kw_only=True)

    @abstractmethod
    def source(self, column: int, rows: RowIndex | None = None) -> Array:
        """Return a new array of the column's values before the maps, ``[R]`` or at ``rows``."""

    @abstractmethod
    def select(self, names: Sequence[str]) -> Columns:
        """Keep the named columns."""

    @abstractmethod
    def stored(self) -> StoredColumns:
        """Return the columns as an array, with the maps applied."""

    @abstractmethod
    def for_windows(self) -> Floats32:
        """Arrange values so that each window is contiguous in memory."""

    @property
    def may_be_infinite(self) -> bool:
        """Whether a source value can be ±inf; False only if that is impossible."""
        return True

    def column(self, column: int, rows: RowIndex | None = None) -> Array:
        """Return a new array of the column's values, ``[R]`` or at ``rows``."""
        values = self.source(column, rows)
        for column_map in self.maps:
            column_map.apply(values, column)
        return values

    def mapped(self, column_map: ColumnMap) -> Columns:
        """Return the columns with one more map."""
        return dataclasses.replace(self, maps=(*self.maps, column_map))


@dataclass(frozen=True, eq=False)
class StoredColumns(Columns):
    """Columns held as an array.

    ``values``: ``[F, R]`` float32 (float64 for ranks, as in Qlib).
    """

    values: Array

    def source(self, column: int, rows: RowIndex | None = None) -> Array:
        """Copy a column."""
        values: Array = self.values[column]
        return values.copy() if rows is None else values[rows]

    def select(self, names: Sequence[str]) -> StoredColumns:
        """Keep the named columns."""
        if tuple(names) == self.names:
            return self
        index = [self.names.index(name) for name in names]
        return StoredColumns(tuple(names), self.values[index], maps=tuple(m.select(index) for m in self.maps))

    def stored(self) -> StoredColumns:
        """Return the columns as an array, with the maps applied."""
        if not self.maps:
            return self
        values = np.stack([self.column(i) for i in range(len(self.names))])
        return StoredColumns(self.names, values)

    def for_windows(self) -> Floats32:
        """Arrange values by row, ``[R, F]`` float32, with the maps applied."""
        F, R = self.values.shape
        out = host.empty((R, F))
        step = max(16, _BLOCK_VALUES // F)

        def fill(block: int) -> None:
            rows = slice(block * step, (block + 1) * step)
            values = self.values[:, rows].copy()
            for column_map in self.maps:
                column_map.apply(values, slice(None))
            out[rows] = values.T

        host.for_each(-(-R // step), fill)
        return out


@dataclass(frozen=True, eq=False)
class LaggedColumns(Columns):
    """Columns ``Ref(field, lag) / base`` of a few fields, computed on demand."""

    # ``[f, N, S + T]`` float32: bars, with S days of history (NaN if there are none) before the T days of the table
    fields: Floats32
    # f positions in ``fields``: the field that each field is divided by, on the last day
    bases: tuple[int, ...]
    epsilon: Floats32  # ``[f]`` float32, added to the base
    lags: tuple[int, ...]  # days of lag in a column, first to last; names are grouped by field, in this order
    cells: Ints  # ``[R]`` int64, position of each row's day in a flat ``[N, S + T]``

    @property
    def history(self) -> int:
        """Days of bars before the table's first day, S."""
        return max(self.lags)

    @property
    def may_be_infinite(self) -> bool:
        """Whether a quotient can be ±inf, by the extremes of fields and bases."""
        if self.maps:
            return True
        for field, (base, epsilon) in enumerate(zip(self.bases, self.epsilon, strict=True)):
            greatest, least = _extremes(self.fields[field].ravel(), self.fields[base].ravel(), epsilon)
            if not greatest < np.float64(least) * np.finfo(np.float32).max:
                return True
        return False

    def source(self, column: int, rows: RowIndex | None = None) -> Floats32:
        """Divide one lagged field by its base."""
        field, lag = column // len(self.lags), self.lags[column % len(self.lags)]
        bars, base = self.fields[field].ravel(), self.fields[self.bases[field]].ravel()
        if rows is None:
            return _quotients(bars, base, self.epsilon[field], lag, self.cells)
        return _quotients_at(bars, base, self.epsilon[field], lag, self.cells, rows)

    def select(self, names: Sequence[str]) -> Columns:
        """Keep the named columns; a selection of fewer than all is stored."""
        return self if tuple(names) == self.names else self.stored().select(names)

    def stored(self) -> StoredColumns:
        """Compute every column, with the maps applied."""
        values = host.empty((len(self.names), len(self.cells)))

        def fill(column: int) -> None:
            values[column] = self.column(column)

        host.for_each(len(self.names), fill)
        return StoredColumns(self.names, values)

    def for_windows(self) -> Floats32:
        """Arrange bars by day, ``[N, S + T, f]`` float32; windows apply quotients and maps."""
        return np.ascontiguousarray(np.moveaxis(self.fields, 0, 2))


@kernel(error_model="numpy")
def _quotients(bars: Floats32, base: Floats32, epsilon: np.float32, lag: int, cells: Ints) -> Floats32:
    """``Ref(bars, lag) / (base + epsilon)`` in float32, for each row."""
    out = np.empty(len(cells), dtype=np.float32)
    for i in range(len(cells)):
        out[i] = bars[cells[i] - lag] / np.float32(base[cells[i]] + epsilon)
    return out


@kernel(error_model="numpy")
def _quotients_at(
    bars: Floats32, base: Floats32, epsilon: np.float32, lag: int, cells: Ints, rows: RowIndex
) -> Floats32:
    """``Ref(bars, lag) / (base + epsilon)`` in float32, for the rows at ``rows``."""
    out = np.empty(len(rows), dtype=np.float32)
    for i in range(len(rows)):
        cell = cells[rows[i]]
        out[i] = bars[cell - lag] / np.float32(base[cell] + epsilon)
    return out


@kernel()
def _extremes(field: Floats32, base: Floats32, epsilon: np.float32) -> tuple[np.float32, np.float32]:
    """Greatest magnitude of the field and least magnitude of the base, without NaN."""
    greatest, least = np.float32(0), np.float32(np.inf)
    for i in range(len(field)):
        if not np.isnan(field[i]):
            greatest = max(greatest, abs(field[i]))
        if not np.isnan(base[i]):
            least = min(least, abs(np.float32(base[i] + epsilon)))
    return greatest, least
