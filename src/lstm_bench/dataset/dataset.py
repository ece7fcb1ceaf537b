"""The dataset: processed tables cut into segments, and their samples with windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.arrays import Array, Bools, Days, Floats32, Ints
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import HandlerColumns, read_table
from lstm_bench.dataset.segments import Segment
from lstm_bench.dataset.windows import FoldedWindows, LaggedWindows, Resident, RowWindows, WindowSource
from lstm_bench.features.columns import LaggedColumns
from lstm_bench.features.fitted import FittedStatistics
from lstm_bench.features.table import Rows, Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DataKey", "Dataset", "SampleSet", "View", "window_shape"]

DataKey = Literal["infer", "learn"]
"""``infer`` data are for prediction, ``learn`` data for training and validation."""


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Samples of one segment and data key.

    ``TSDatasetH`` orders them by instrument, then day; ``DatasetH`` by day, then instrument.
    """

    segment: SegmentName
    key: DataKey
    # ``[S]`` int64, positions in the dataset's days and instruments
    days: Ints
    instruments: Ints
    # ``[S]`` float32, or float64 after ``CSRankNorm``, as in Qlib: processed labels of this data key
    labels: Array
    windows: WindowSource  # source of the samples' features
    embargoed: int = 0  # number of samples that the embargo left out

    def __len__(self) -> int:
        return len(self.days)


@dataclass(frozen=True, eq=False)
class View:
    """Processed rows of one data key."""

    kept: Bools  # ``[R]`` bool, rows that the processors did not drop
    labels: Array  # ``[R]``, processed
    features: Resident  # rows ``[R, C]`` float32, or bars ``[N, D, F]`` if the columns are lagged
    lagged: LaggedColumns | None  # the columns on those bars, None if they are stored

    @classmethod
    def of(cls, table: Table, features: Resident) -> View:
        """View a processed table with its columns in ``features``."""
        lagged = table.feature if isinstance(table.feature, LaggedColumns) else None
        return cls(table.kept, table.label.column(0), features, lagged)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Segments of a handler's processed tables.

    Attributes
    ----------
    provider : the data folder; None for a dataset that was opened without bars
    days : ``[T]`` datetime64[D]
    instruments : N codes, sorted
    feature_names : the columns that a model sees, in order
    label_name : the label's column
    step_len, n_features : shape ``[L, F]`` of a window
    rows : the raw table's rows
    raw_labels : ``[R]`` float32, before any processor
    fitted : ``shared``, ``infer`` and ``learn`` -> statistics of the processors, in order
    segments : the prepared segments
    offset : calendar position of the first day
    views : processed rows of each data key
    embargo : trading days before the next segment that train and valid do not learn from
    embargoed : ``[T]`` bool, these days
    original : the dataset with the true labels, if those of train and valid are permuted; it keeps arrays of the cache
        in use
    """

    config: DatasetConfig
    provider: Provider | None
    days: Days
    instruments: tuple[str, ...]
    feature_names: tuple[str, ...]
    label_name: str
    step_len: int
    n_features: int
    rows: Rows
    raw_labels: Floats32
    fitted: Mapping[str, tuple[FittedStatistics, ...]]
    segments: Mapping[SegmentName, Segment]
    offset: int
    views: Mapping[DataKey, View]
    embargo: int
    embargoed: Bools
    original: Dataset | None = None

    def __repr__(self) -> str:
        return (
            f"<Dataset: {len(self.rows):,} rows of {len(self.instruments):,} instruments on {len(self.days):,} days, "
            f"{self.days[0]} to {self.days[-1]}, windows [{self.step_len}, {self.n_features}], "
            f"segments {', '.join(self.segments)}>"
        )

    @cached_property
    def member(self) -> Bools:
        """Cells ``[T, N]`` that are rows of the raw table."""
        return self._panel(np.ones(len(self.rows), dtype=np.bool_), False)

    @cached_property
    def raw_label(self) -> Floats32:
        """The label before any processor, ``[T, N]`` float32; predictions are evaluated against it."""
        return self._panel(self.raw_labels, np.nan)

    def samples(self, segment: SegmentName, key: DataKey) -> SampleSet:
        """Return the samples of a segment; of the learn data, only those outside the embargo.

        Raises
        ------
        ConfigError
            If the segment was not prepared.
        DataError
            If it has no sample.
        """
        begin, end = self._span(segment)
        view, rows = self.views[key], self.rows
        inside = view.kept & (rows.days >= begin) & (rows.days < end)
        barred = inside & self.embargoed[rows.days] if key == "learn" else np.zeros_like(inside)
        inside &= ~barred
        if self.config.is_time_series:
            selected = np.flatnonzero(inside)
            seen = view.kept & (rows.days >= self._window_begin(begin)) & (rows.days < end)
            windows: WindowSource = RowWindows.over(view.features, rows, np.flatnonzero(seen), self.step_len)
        else:
            selected, _ = rows.by_day(inside)
            if view.lagged is not None:
                windows = LaggedWindows.over(view.features, view.lagged, self.step_len)
            else:
                windows = FoldedWindows.over(view.features, rows, self.n_features, self.step_len)
        if len(selected) == 0:
            raise DataError(
                f"segment {segment!r}: no {key} row is left in {self.days[begin]}..{self.days[end - 1]}; "
                "the market has none, or the processors dropped all of them"
            )
        return SampleSet(
            segment=segment,
            key=key,
            days=rows.days[selected].astype(np.int64),
            instruments=rows.instruments[selected].astype(np.int64),
            labels=view.labels[selected],
            windows=windows,
            embargoed=int(barred.sum()),
        )

    def windows(self, segment: SegmentName, key: DataKey) -> tuple[pd.MultiIndex, Floats32, Array]:
        """Return a segment's samples as arrays: index (datetime, instrument), ``X [S, L, F]``, ``y [S]``."""
        samples = self.samples(segment, key)
        X = np.empty((len(samples), self.step_len, self.n_features), dtype=np.float32)
        for begin in range(0, len(samples), 8192):
            part = slice(begin, begin + 8192)
            days, instruments = (torch.from_numpy(a[part]) for a in (samples.days, samples.instruments))
            X[part] = samples.windows.gather(days, instruments).numpy()
        return self.index(samples.days, samples.instruments), X, samples.labels

    def scores_to_panel(self, samples: SampleSet, scores: Floats32) -> Floats32:
        """Arrange scores ``[S]`` of samples as ``[T, N]``, NaN if there is none."""
        panel = np.full((len(self.days), len(self.instruments)), np.nan, dtype=np.float32)
        panel[samples.days, samples.instruments] = scores
        return panel

    def rows_of(self, samples: SampleSet) -> tuple[slice, Bools]:
        """Return the span of the samples' days, and the mask of the samples in it, ``[D, N]``."""
        span = slice(int(samples.days.min()), int(samples.days.max()) + 1)
        rows = np.zeros((span.stop - span.start, len(self.instruments)), dtype=np.bool_)
        rows[samples.days - span.start, samples.instruments] = True
        return span, rows

    def index(self, days: Array, instruments: Array) -> pd.MultiIndex:
        """Make Qlib's index ``(datetime, instrument)`` of positions of days and instruments."""
        import pandas as pd

        calendar = pd.DatetimeIndex(self.days.astype("datetime64[ns]"))
        codes = pd.Index(self.instruments, dtype="str")
        names = ["datetime", "instrument"]
        return pd.MultiIndex.from_arrays([calendar[days], codes[instruments]], names=names)

    def table(self, key: Literal["raw", "infer", "learn"]) -> pd.DataFrame:
        """Return a handler's table in Qlib's form: rows by (datetime, instrument), columns by (group, name).

        The raw table is computed anew, with all of the handler's columns.

        Raises
        ------
        DataError
            If the raw table is requested of a dataset without a provider.
        """
        import pandas as pd

        if key == "raw":
            if self.provider is None:
                raise DataError(
                    "table: got 'raw', which is computed from bars, but this dataset has no provider; "
                    "choices: infer, learn"
                )
            columns = HandlerColumns.of(self.config.kwargs.handler)
            names = tuple(columns.features)
            begin, end = self.offset, self.offset + len(self.days)
            raw, _ = read_table(self.config.kwargs.handler, self.provider, begin, end, names)
            order, _ = self.rows.by_day(raw.kept)
            values, labels = raw.feature.stored().values.T, self.raw_labels
        else:
            view, names = self.views[key], self.feature_names
            order, _ = self.rows.by_day(view.kept)
            labels = view.labels
            if view.lagged is not None:
                values = view.lagged.stored().values.T
            else:
                values = view.features.on("cpu").numpy()
        index = self.index(self.rows.days[order], self.rows.instruments[order])
        features = pd.DataFrame(values[order], index=index, columns=list(names))
        label = pd.DataFrame(labels[order], index=index, columns=[self.label_name])
        return pd.concat({"feature": features, "label": label}, axis=1)

    def _span(self, segment: SegmentName) -> tuple[int, int]:
        """Positions of a segment in ``days``, end exclusive."""
        if segment not in self.segments:
            raise ConfigError(f"segment {segment!r} was not prepared, only {', '.join(self.segments)}")
        located = self.segments[segment]
        return located.begin - self.offset, located.end - self.offset

    def _window_begin(self, begin: int) -> int:
        """First day that a segment's windows may see: L days with raw rows before the segment's first."""
        days = np.unique(self.rows.days)
        return int(days[max(0, int(np.searchsorted(days, begin)) - self.step_len)])

    def _panel(self, values: Array, empty: Any) -> Array:
        """Arrange values ``[R]`` of the raw rows as ``[T, N]``."""
        T, N = self.rows.shape
        panel = np.full(N * T, empty, dtype=values.dtype)
        panel[self.rows.cells] = values
        return panel.reshape(N, T).T


def window_shape(config: DatasetConfig, C: int, d_feat: int) -> tuple[int, int]:
    """Shape ``(L, F)`` of a window over C columns.

    Raises ConfigError if columns do not fit ``d_feat`` or ``step_len``.
    """
    n_features = C if config.is_time_series else d_feat
    if C % n_features:
        raise ConfigError(
            f"d_feat: got {d_feat}, but the dataset's {counted(C, 'column')} are not a multiple of it"
        )
    days = C // n_features
    step_len = days if config.step_len is None else config.step_len
    if config.is_time_series:
        return step_len, C
    if step_len > days:
        raise ConfigError(
            f"step_len: got {step_len}, but {counted(C, 'column')} hold {counted(days, 'day')} of "
            f"{counted(d_feat, 'feature')}"
        )
    return step_len, d_feat
