"""Windows gathered by index on the device, without a loader or per-sample work.

A sample is a pair (day, instrument). Features are stored on the device once, for all segments. A window source finds
the features of each sample.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lstm_bench.data.arrays import Floats32, Ints
from lstm_bench.features.columns import ColumnMap, Fill, LaggedColumns
from lstm_bench.features.table import Rows

__all__ = ["FoldedWindows", "LaggedWindows", "Resident", "RowWindows", "WindowMap", "WindowSource"]


class WindowSource(Protocol):
    """Gathers the windows of samples."""

    @property
    def step_len(self) -> int:
        """Days in a window, L."""

    @property
    def n_features(self) -> int:
        """Features per day, F."""

    def to(self, device: torch.device | str) -> WindowSource:
        """Return the source with its arrays on ``device``."""

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        """Gather windows ``[B, L, F]`` float32, contiguous; the window's last step is the sample's own day.

        ``days`` and ``instruments`` ``[B]`` int64 are positions in the dataset's, on the source's device.
        """


class Resident:
    """One array with one copy per device, shared by train, valid and test."""

    def __init__(self, array: Floats32) -> None:
        host = torch.from_numpy(array)
        self._copies = {host.device: host}

    def on(self, device: torch.device | str) -> Tensor:
        """Return the array on a device."""
        place = torch.device(device)
        if place not in self._copies:
            self._copies[place] = self._copies[torch.device("cpu")].to(place)
        return self._copies[place]


@dataclass(frozen=True, eq=False)
class RowWindows:
    """Windows of rows, as ``TSDatasetH`` makes them.

    A window covers the last L days on which the table of the data key has any row. If the sample's instrument has no
    row on one of them, the row before it in the window takes its place, or else the row after.
    """

    step_len: int  # L
    # ``[R, F]``, and the copy on the source's device
    features: Resident
    data: Tensor
    # ``[K]`` int32, positions in ``data`` of the rows that windows may see, sorted by instrument, then day
    rows: Tensor
    # ``[N, L + P]`` int32: position in ``rows`` of each instrument's last row at or before each of P days, preceded
    # by L entries for windows that begin before the first day
    last: Tensor
    place: Tensor  # ``[T]`` int64, positions of the dataset's days among the P days

    @classmethod
    def over(cls, features: Resident, rows: Rows, seen: Ints, step_len: int) -> RowWindows:
        """Make windows of the rows at ``seen [K]`` (ascending) of a table."""
        T, N = rows.shape
        days, instruments = rows.days[seen], rows.instruments[seen]
        present = np.zeros(T, dtype=np.bool_)
        present[days] = True
        place = np.cumsum(present) - 1
        count = np.zeros((N, step_len + int(present.sum())), dtype=np.int32)
        count[instruments, step_len + place[days]] = 1
        last = np.cumsum(count.ravel(), dtype=np.int32) - np.int32(1)
        return cls(
            step_len=step_len,
            features=features,
            data=features.on("cpu"),
            rows=torch.from_numpy(seen.astype(np.int32)),
            last=torch.from_numpy(last.reshape(count.shape)),
            place=torch.from_numpy(place),
        )

    @property
    def n_features(self) -> int:
        """F."""
        return self.data.shape[1]

    def to(self, device: torch.device | str) -> RowWindows:
        """Return the source with its arrays on ``device``."""
        return dataclasses.replace(
            self,
            data=self.features.on(device),
            rows=self.rows.to(device),
            last=self.last.to(device),
            place=self.place.to(device),
        )

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        """Gather windows ``[B, L, F]``."""
        L = self.step_len
        begin = instruments * self.last.shape[1] + self.place[days]
        steps = begin[:, None] + torch.arange(L + 1, device=begin.device)
        last = self.last.view(-1)[steps]  # [B, 1 + L]: for the day before the window, then for its days
        # [B, L]; a day without a row before it in the window takes the row after
        seen = torch.maximum(last[:, 1:], last[:, :1] + 1)
        return self.data.index_select(0, self.rows[seen.flatten()]).view(len(days), L, -1)


@dataclass(frozen=True, eq=False)
class LaggedWindows:
    """Windows of lagged fields, as ``DatasetH`` makes them of Alpha360's columns.

    A window is a slice of the bars, divided by its last day; then the columns' maps are applied.
    """

    step_len: int  # L
    # ``[N, D, F]`` bars, and the copy on the source's device
    fields: Resident
    data: Tensor
    history: int  # days of bars before the dataset's first
    bases: Tensor  # ``[F]`` int64, position of the field that each field is divided by
    epsilon: Tensor  # ``[F]`` float32, added to the divisor
    maps: tuple[WindowMap, ...]  # the columns' maps, with tensors ``[L, F]``

    @classmethod
    def over(cls, fields: Resident, columns: LaggedColumns, step_len: int) -> LaggedWindows:
        """Make windows of the last ``step_len`` lags of the columns; ``fields`` has their bars by day."""
        return cls(
            step_len=step_len,
            fields=fields,
            data=fields.on("cpu"),
            history=columns.history,
            bases=torch.tensor(columns.bases),
            epsilon=torch.from_numpy(columns.epsilon),
            maps=tuple(WindowMap.of(column_map, len(columns.bases), step_len) for column_map in columns.maps),
        )

    @property
    def n_features(self) -> int:
        """F."""
        return self.data.shape[2]

    def to(self, device: torch.device | str) -> LaggedWindows:
        """Return the source with its arrays on ``device``."""
        return dataclasses.replace(
            self,
            data=self.fields.on(device),
            bases=self.bases.to(device),
            epsilon=self.epsilon.to(device),
            maps=tuple(window_map.to(device) for window_map in self.maps),
        )

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        """Gather windows ``[B, L, F]``."""
        _, D, F = self.data.shape
        begin = instruments * D + days + (self.history + 1 - self.step_len)
        steps = begin[:, None] + torch.arange(self.step_len, device=begin.device)
        windows = self.data.view(-1, F).index_select(0, steps.flatten()).view(len(days), self.step_len, F)
        windows.div_(windows[:, -1:, self.bases] + self.epsilon)
        for window_map in self.maps:
            window_map.apply(windows)
        return windows


@dataclass(frozen=True, eq=False)
class WindowMap:
    """A column map for windows: standardise and clip, or fill."""

    center: Tensor | None = None  # ``[L, F]``, or None for a fill
    scale: Tensor | None = None  # ``[L, F]``, or None for a fill
    limit: float | None = None  # clip to ``±limit``, or None
    fill: float | None = None  # value for NaN, or None

    @classmethod
    def of(cls, column_map: ColumnMap, F: int, step_len: int) -> WindowMap:
        """Arrange a column map, whose columns are sorted by field, for the last ``step_len`` lags."""
        if isinstance(column_map, Fill):
            return cls(fill=column_map.value)
        center, scale = (
            torch.from_numpy(np.ascontiguousarray(values.reshape(F, -1)[:, -step_len:].T))
            for values in (column_map.center, column_map.scale)
        )
        return cls(center, scale, column_map.limit)

    def to(self, device: torch.device | str) -> WindowMap:
        """Return the map with its arrays on ``device``."""
        if self.center is None or self.scale is None:
            return self
        return dataclasses.replace(self, center=self.center.to(device), scale=self.scale.to(device))

    def apply(self, windows: Tensor) -> None:
        """Map ``windows [B, L, F]`` in place."""
        if self.center is not None and self.scale is not None:
            windows.sub_(self.center).div_(self.scale)
        if self.limit is not None:
            windows.clamp_(-self.limit, self.limit)
        if self.fill is not None:
            windows.masked_fill_(windows.isnan(), self.fill)


@dataclass(frozen=True, eq=False)
class FoldedWindows:
    """A row's columns folded into days, as Qlib's LSTM folds a row of ``DatasetH``: ``[F, days]`` transposed."""

    step_len: int  # L, number of last days that are used
    n_features: int  # F
    # ``[R, F * days]``, and the copy on the source's device
    features: Resident
    data: Tensor
    row_of: Tensor  # ``[N, T]`` int32, -1 if there is no row

    @classmethod
    def over(cls, features: Resident, rows: Rows, n_features: int, step_len: int) -> FoldedWindows:
        """Make windows of a table's rows."""
        T, N = rows.shape
        row_of = np.full((N, T), -1, dtype=np.int32)
        row_of[rows.instruments, rows.days] = np.arange(len(rows), dtype=np.int32)
        return cls(step_len, n_features, features, features.on("cpu"), torch.from_numpy(row_of))

    def to(self, device: torch.device | str) -> FoldedWindows:
        """Return the source with its arrays on ``device``."""
        return dataclasses.replace(self, data=self.features.on(device), row_of=self.row_of.to(device))

    def gather(self, days: Tensor, instruments: Tensor) -> Tensor:
        """Gather windows ``[B, L, F]``."""
        rows = self.data.index_select(0, self.row_of[instruments, days])
        folded = rows.view(len(days), self.n_features, -1)[:, :, -self.step_len :]
        return folded.transpose(1, 2).contiguous()
