"""Build datasets: read bars, compute and process columns, cut segments."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.arrays import Bools
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import DataKey, Dataset, View, window_shape
from lstm_bench.dataset.guards import embargoed_days
from lstm_bench.dataset.handler import (
    HandlerColumns,
    Processed,
    last_fit_day,
    needed_features,
    process_infer,
    process_table,
    read_table,
)
from lstm_bench.dataset.segments import Segment, locate_segments, span_of
from lstm_bench.dataset.windows import Resident
from lstm_bench.features.columns import LaggedColumns
from lstm_bench.features.fitted import FittedStatistics
from lstm_bench.features.table import Table

__all__ = [
    "build_dataset",
    "build_inference_dataset",
    "first_position",
    "refuse_unseen_fit",
    "requested_segments",
]

logger = logging.getLogger("lstm_bench")

_ALPHA360_FIELDS = 6


def build_dataset(
    config: DatasetConfig,
    provider: Provider,
    segments: Sequence[SegmentName] | None = None,
    *,
    d_feat: int = _ALPHA360_FIELDS,
    embargo: int = 0,
) -> Dataset:
    """Build the dataset of a workflow file's segments.

    Raises ConfigError if the embargo leaves no day of a segment; if processors are fitted on days of a later segment
    that is not prepared; if they leave different columns for training and prediction; or if columns do not fit
    ``d_feat`` or ``step_len``. Raises DataError if a segment has no day, no bar or no label.

    Parameters
    ----------
    segments
        Segments to prepare, all by default. Nothing of a later segment is read, except the bars that the labels of
        the last days before it need.
    d_feat
        Features per day that ``DatasetH`` folds its columns into. ``TSDatasetH`` ignores it: every column is a
        feature.
    embargo
        Trading days before the next segment that are excluded from learning, both as samples of train and valid
        and in a processor's statistics; see :func:`lstm_bench.dataset.guards.embargo_days`.
    """
    handler = config.kwargs.handler
    columns = HandlerColumns.of(handler)
    names = needed_features(handler)
    begin, end, located = _spans(config, provider, segments)
    barred = embargoed_days(config, located, provider, embargo)[begin:end]
    raw, instruments = read_table(
        handler, provider, begin, end, names, lagged=_keeps_bars(config, names, d_feat)
    )
    if np.isnan(raw.label.column(0)).all():
        raise DataError(f"label: {columns.label[1]!r} has no value on any of {counted(len(raw.rows), 'row')}")
    processed = process_table(handler, raw, barred)
    _check_columns(handler, processed)
    return _assemble(
        config,
        provider,
        d_feat,
        raw,
        instruments,
        {"infer": processed.infer, "learn": processed.learn},
        fitted=processed.fitted,
        segments=located,
        offset=begin,
        embargo=embargo,
        embargoed=barred,
    )


def build_inference_dataset(
    config: DatasetConfig,
    provider: Provider,
    fitted: Mapping[str, tuple[FittedStatistics, ...]],
    begin: int,
    end: int,
    *,
    d_feat: int,
) -> Dataset:
    """Build the infer data of other days than a run's own, with the fitted statistics of the run's processors.

    It needs no labels and no fit period. Features are those of a table that begins on the handler's first day, as in
    the run: expanding values depend on that day, and so do the last digits of rolling ones. Rows begin as many days
    before ``begin`` as the window of ``begin`` covers.

    The dataset has one segment, ``test``, of the days ``begin..end``, and one data key, ``infer``. Raises ConfigError
    if columns do not fit ``d_feat`` or ``step_len``. Raises DataError if there is no row, or ``fitted`` belongs to
    other processors or columns.

    ``fitted`` holds the statistics that the run's processors learned, of ``shared`` and ``infer``, in order.
    ``begin`` is not before the handler's first day, ``end`` is exclusive.
    """
    handler = config.kwargs.handler
    start = first_position(handler, provider)
    raw, instruments = _read_with_windows(config, provider, start, begin, end, d_feat)
    infer = process_infer(handler, raw, fitted)
    return _assemble(
        config,
        provider,
        d_feat,
        raw,
        instruments,
        {"infer": infer},
        fitted=fitted,
        segments={"test": Segment("test", begin, end)},
        offset=start,
        embargo=0,
        embargoed=np.zeros(len(raw.days), dtype=np.bool_),
    )


def first_position(config: HandlerConfig, provider: Provider) -> int:
    """Calendar position of the first day that a handler's table can have, even if the calendar is shorter."""
    return span_of(provider.calendar, config.kwargs.start_time, None)[0]


def requested_segments(segments: Sequence[SegmentName] | None) -> tuple[SegmentName, ...]:
    """Names of the segments to prepare, in order; all of them for None."""
    return tuple(name for name in get_args(SegmentName) if segments is None or name in segments)


def refuse_unseen_fit(config: DatasetConfig, seen: Sequence[SegmentName]) -> None:
    """Refuse processors that are fitted on days of a segment that must not be seen.

    Raises ConfigError if the fit period reaches into a segment that is not in ``seen``.
    """
    fit_end = last_fit_day(config.kwargs.handler)
    for name in get_args(SegmentName):
        start = getattr(config.kwargs.segments, name)[0]
        if fit_end is not None and name not in seen and start <= fit_end:
            raise ConfigError(
                f"fit_end_time: {fit_end} reaches into segment {name!r}, which begins on {start} "
                "and must not be seen"
            )


def _keeps_bars(config: DatasetConfig, names: Sequence[str], d_feat: int) -> bool:
    """Whether features stay Alpha360's bars until windows are gathered; ``names`` are the needed features."""
    columns = HandlerColumns.of(config.kwargs.handler)
    return (
        columns.lagged
        and not config.is_time_series
        and d_feat == _ALPHA360_FIELDS
        and tuple(names) == tuple(columns.features)
    )


def _spans(
    config: DatasetConfig, provider: Provider, segments: Sequence[SegmentName] | None
) -> tuple[int, int, dict[SegmentName, Segment]]:
    """Calendar positions of the table's days (end exclusive), and the segments."""
    handler = config.kwargs.handler
    span = provider.locate(handler.kwargs.start_time, handler.kwargs.end_time, "start_time..end_time")
    located = locate_segments(config.kwargs.segments, requested_segments(segments), provider, span)
    if segments is None:
        return *span, located
    refuse_unseen_fit(config, tuple(located))
    end = max(segment.end for segment in located.values())
    fit_end = last_fit_day(handler)
    if fit_end is not None:
        end = max(end, min(span_of(provider.calendar, None, fit_end)[1], span[1]))
    return span[0], end, located


def _assemble(
    config: DatasetConfig,
    provider: Provider,
    d_feat: int,
    raw: Table,
    instruments: tuple[str, ...],
    processed: Mapping[DataKey, Table],
    *,
    fitted: Mapping[str, tuple[FittedStatistics, ...]],
    segments: Mapping[SegmentName, Segment],
    offset: int,
    embargo: int,
    embargoed: Bools,
) -> Dataset:
    """Make a dataset of the raw table and the processed ones."""
    feature_names = processed["infer"].feature.names
    step_len, n_features = window_shape(config, len(feature_names), d_feat)
    return Dataset(
        config=config,
        provider=provider,
        days=raw.days,
        instruments=instruments,
        feature_names=feature_names,
        label_name=raw.label.names[0],
        step_len=step_len,
        n_features=n_features,
        rows=raw.rows,
        raw_labels=raw.label.column(0),
        fitted=fitted,
        segments=segments,
        offset=offset,
        views=_views(processed),
        embargo=embargo,
        embargoed=embargoed,
    )


def _check_columns(handler: HandlerConfig, processed: Processed) -> None:
    """Refuse different columns for training and prediction, and log if Alpha360's columns must be stored."""
    columns = processed.infer.feature
    if columns.names != processed.learn.feature.names:
        raise ConfigError("infer_processors and learn_processors leave different columns")
    if handler.is_alpha360 and not isinstance(columns, LaggedColumns):
        stored = counted(len(columns.names), "column")
        logger.info("%s: %s stored, not gathered from bars", handler.name, stored)


def _read_with_windows(
    config: DatasetConfig, provider: Provider, start: int, begin: int, end: int, d_feat: int
) -> tuple[Table, tuple[str, ...]]:
    """Read the raw table from ``start``, with rows on ``begin..end`` and on the days that windows need before."""
    handler = config.kwargs.handler
    names = needed_features(handler)
    lagged = _keeps_bars(config, names, d_feat)

    def read(rows_from: int) -> tuple[Table, tuple[str, ...]]:
        return read_table(handler, provider, start, end, names, lagged=lagged, rows_from=rows_from)

    back = (config.step_len or 0) if config.is_time_series else 0
    rows_from = max(start, begin - back)
    raw, instruments = read(rows_from)
    if start < rows_from and len(np.unique(raw.rows.days[raw.rows.days < begin - start])) < back:
        return read(start)  # some of these days have no row at all: windows reach further back
    return raw, instruments


def _views(tables: Mapping[DataKey, Table]) -> dict[DataKey, View]:
    """Make a view of each processed table; tables with the same feature columns share one array."""
    residents: dict[int, Resident] = {}
    views: dict[DataKey, View] = {}
    for key, table in tables.items():
        columns = id(table.feature)
        if columns not in residents:
            residents[columns] = Resident(table.feature.for_windows())
        views[key] = View.of(table, residents[columns])
    return views
