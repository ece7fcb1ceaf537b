"""Qlib's processors on a table.

A chain runs in order, and each processor is fitted on the output of the one before it. The fitted statistics
are returned with the table, so that new days can be processed in the same way. Numbers are float32, as pandas and NumPy
compute them in Qlib; see ``qlib/data/dataset/processor.py`` for the definitions.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from lstm_bench.config.sections.processor import (
    CSRankNormKwargs,
    CSZFillnaKwargs,
    CSZScoreNormKwargs,
    DropColKwargs,
    DropnaLabelKwargs,
    DropnaProcessorKwargs,
    FieldsGroup,
    FillnaKwargs,
    FilterColKwargs,
    FittedKwargs,
    NoKwargs,
    ProcessorConfig,
)
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Array, Bools, Floats, Floats32, Ints
from lstm_bench.features.column_selection import selected_columns
from lstm_bench.features.columns import Columns, Fill, StoredColumns
from lstm_bench.features.cross_section import day_means_for, day_ranks, day_robust_zscores, day_zscores
from lstm_bench.features.fitted import FittedStatistics, fit, recall, standardise
from lstm_bench.features.host import for_each
from lstm_bench.features.table import GROUPS, Table, groups_of

__all__ = ["process"]

Kernel = Callable[[Floats32, Ints, Ints], Array]
"""``(column [R], order, starts) -> column``; see :mod:`lstm_bench.features.cross_section`."""

_RANK_TO_STD = 3.46


def process(
    table: Table,
    chain: Iterable[ProcessorConfig],
    embargoed: Bools | None = None,
    *,
    fitted: Sequence[FittedStatistics] | None = None,
) -> tuple[Table, tuple[FittedStatistics, ...]]:
    """Fit and apply the processors one after the other.

    Returns the processed table, which shares unchanged columns with ``table``, and the statistics of all processors,
    in order. Raises DataError if a processor's fit period has no row, or ``fitted`` belongs to another chain or to
    other columns. Raises ConfigError if a processor drops the label or every feature.

    Parameters
    ----------
    embargoed : ``[T]``, or None for no day: days whose labels are left out when fitting
    fitted : statistics that the same chain learned earlier, in order. They are applied, and nothing is fitted.
    """
    known = None if fitted is None else deque(fitted)
    learned: list[FittedStatistics] = []
    for entry in chain:
        if isinstance(entry.kwargs, FittedKwargs):
            if known is None:
                statistics = fit(table, entry.name, entry.kwargs, embargoed)
            else:
                statistics = recall(table, entry.name, entry.kwargs, known)
            table = standardise(table, entry.kwargs, statistics)
            learned.extend(statistics)
        else:
            table = _TRANSFORMS[type(entry.kwargs)](table, entry)
    if known:
        raise DataError(
            f"statistics: {known[0].processor} has some, but the configuration has no such processor"
        )
    return table, tuple(learned)


def _fill(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(FillnaKwargs, entry.kwargs)
    for group in groups_of(kwargs.fields_group):
        table = table.with_group(group, table.group(group).mapped(Fill(kwargs.fill_value)))
    return table


def _select(table: Table, entry: ProcessorConfig) -> Table:
    names = selected_columns(table.feature.names, table.label.names[0], entry)
    return table.with_group("feature", table.feature.select(names))


def _drop_missing(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(DropnaProcessorKwargs | DropnaLabelKwargs, entry.kwargs)
    kept = table.kept
    for group in groups_of(kwargs.fields_group):
        columns = table.group(group)

        def missing(column: int, columns: Columns = columns) -> Bools:
            absent: Bools = np.isnan(columns.column(column))
            return absent

        for absent in for_each(len(columns.names), missing):
            kept = kept & ~absent
    return dataclasses.replace(table, kept=kept)


def _by_day(
    table: Table, group: FieldsGroup, kernel: Kernel, dtype: type[np.floating[Any]] = np.float32
) -> Table:
    """Apply a kernel to each day's cross-section of a group's columns."""
    columns = table.group(group)
    order, starts = table.order_by_day
    values = np.empty((len(columns.names), len(table.rows)), dtype=dtype)

    def fill(column: int) -> None:
        values[column] = kernel(columns.column(column).astype(np.float32, copy=False), order, starts)

    for_each(len(columns.names), fill)
    return table.with_group(group, StoredColumns(columns.names, values))


def _rank(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(CSRankNormKwargs, entry.kwargs)
    for group in groups_of(kwargs.fields_group):
        # Qlib's ranks are float64: labels stay so, while the model reads features as float32 in any case
        table = _by_day(table, group, _scaled_ranks, np.float64 if group == "label" else np.float32)
    return table


def _scaled_ranks(column: Floats32, order: Ints, starts: Ints) -> Floats:
    return (day_ranks(column, order, starts) - 0.5) * _RANK_TO_STD


def _zscore(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(CSZScoreNormKwargs, entry.kwargs)
    kernel = day_robust_zscores if kwargs.method == "robust" else day_zscores
    groups = kwargs.fields_group if isinstance(kwargs.fields_group, tuple) else groups_of(kwargs.fields_group)
    for group in groups:
        table = _by_day(table, group, kernel)
    return table


def _fill_with_day_mean(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(CSZFillnaKwargs, entry.kwargs)
    for group in groups_of(kwargs.fields_group):
        table = _by_day(table, group, partial(day_means_for, infinite=False))
    return table


def _replace_infinite(table: Table) -> Table:
    for group in GROUPS:
        if table.group(group).may_be_infinite:
            table = _by_day(table, group, partial(day_means_for, infinite=True))
    return table


def _tanh(table: Table) -> Table:
    for group in GROUPS:
        columns = table.group(group)
        squashed = ["LABEL" not in name for name in columns.names]
        if any(squashed):
            values = np.stack([columns.column(i) for i in range(len(columns.names))])
            values[squashed] = np.tanh(values[squashed] - np.float32(1))
            table = table.with_group(group, StoredColumns(columns.names, values))
    return table


def _transform(table: Table, entry: ProcessorConfig) -> Table:
    """``ProcessInf`` or ``TanhProcess``, which have no options."""
    return _replace_infinite(table) if entry.name == "ProcessInf" else _tanh(table)


_TRANSFORMS: dict[type, Callable[[Table, ProcessorConfig], Table]] = {
    CSRankNormKwargs: _rank,
    CSZFillnaKwargs: _fill_with_day_mean,
    CSZScoreNormKwargs: _zscore,
    DropColKwargs: _select,
    DropnaLabelKwargs: _drop_missing,
    DropnaProcessorKwargs: _drop_missing,
    FillnaKwargs: _fill,
    FilterColKwargs: _select,
    NoKwargs: _transform,
}
