"""Handlers: they read bars, and return raw and processed tables."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm_bench.config.alpha360 import DAYS, FIELDS
from lstm_bench.config.sections.handler import HandlerConfig
from lstm_bench.config.sections.processor import FittedKwargs
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Bools
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.data.universe import Universe
from lstm_bench.dataset.universe import instruments_of, universe_of
from lstm_bench.features.column_selection import missing_columns, surviving_columns
from lstm_bench.features.columns import Columns, LaggedColumns, StoredColumns
from lstm_bench.features.evaluation import evaluate_rows
from lstm_bench.features.expression import Expression, extent, parse_columns
from lstm_bench.features.fitted import FittedStatistics
from lstm_bench.features.processors import process
from lstm_bench.features.table import Rows, Table

__all__ = [
    "HandlerColumns", "Processed", "last_fit_day", "missing_columns_hint", "needed_features",
    "process_infer", "process_table", "read_table",
]  # fmt: skip


@dataclass(frozen=True)
class HandlerColumns:
    """The columns of a handler."""

    features: Mapping[str, str]  # name -> expression, in the handler's order
    label: tuple[str, str]  # the label's name and expression
    lagged: bool  # whether the features are Alpha360's

    @classmethod
    def of(cls, config: HandlerConfig) -> HandlerColumns:
        """Look up a handler's columns."""
        label = (config.label.names[0], config.label.expressions[0])
        return cls(config.features, label, config.is_alpha360)

    @cached_property
    def parsed_label(self) -> Expression:
        """The label's expression."""
        return parse_columns(dict([self.label]), "label")[self.label[0]]

    @cached_property
    def parsed_features(self) -> Mapping[str, Expression]:
        """Name -> parsed expression."""
        return parse_columns(self.features, "feature")

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of all columns, needed or not: a row exists if any of them has a bar."""
        features = () if self.lagged else self.parsed_features.values()
        fields = {field for expression in (*features, self.parsed_label) for field in expression.fields}
        return tuple(sorted(fields.union(FIELDS if self.lagged else ())))


def read_table(
    config: HandlerConfig,
    provider: Provider,
    begin: int,
    end: int,
    names: Sequence[str],
    *,
    lagged: bool = False,
    rows_from: int | None = None,
) -> tuple[Table, tuple[str, ...]]:
    """Read bars and compute the raw table.

    Returns the table, and the codes of its N instruments. Raises DataError if no instrument has a row.

    Parameters
    ----------
    begin, end
        Calendar positions of the table's days, end exclusive. Bars around them are read as the expressions need.
    names : features to compute, in the handler's order
    lagged : keep Alpha360's columns as lagged bars
    rows_from : calendar position of the first day that has rows, ``begin`` by default. Values do not depend on it.
    """
    rows_from = begin if rows_from is None else rows_from
    columns = HandlerColumns.of(config)
    features = () if lagged else (columns.parsed_features[name] for name in names)
    expressions = [*features, columns.parsed_label]
    universe = universe_of(config, provider).between(provider.calendar[rows_from], provider.calendar[end - 1])
    panel = _read_bars(columns, universe, provider, begin, end, expressions, lagged=lagged)
    first = begin - panel.offset
    days = panel.days[first : first + end - begin]
    mask = universe.member(days, panel.instruments) & panel.has_row(first, len(days))
    mask[: rows_from - begin] = False
    rows = Rows.of(mask)
    if len(rows) == 0:
        raise DataError(
            f"instruments: {universe.name!r} has no bars in {days[rows_from - begin]}..{days[-1]}"
        )
    values = evaluate_rows(expressions, panel, first, rows)
    feature: Columns = StoredColumns(tuple(names), values[:-1])
    if lagged:
        feature = _lagged_columns(tuple(names), panel, first, rows)
    table = Table(
        rows=rows,
        days=days,
        kept=np.ones(len(rows), dtype=np.bool_),
        feature=feature,
        label=StoredColumns((columns.label[0],), values[-1:]),
    )
    return table, panel.instruments


def _read_bars(
    columns: HandlerColumns,
    universe: Universe,
    provider: Provider,
    begin: int,
    end: int,
    expressions: Sequence[Expression],
    *,
    lagged: bool,
) -> Panel:
    """Read the bars on ``begin..end``, and around it as far as expressions and lags reach."""
    left, right = extent(expressions)
    if lagged:
        left = max(left, DAYS - 1)
    first, stop = max(begin - left, 0), min(end + right, len(provider.calendar))
    # the values of other fields are not read: they only determine which rows exist
    needed = FIELDS if lagged else {field for expression in expressions for field in expression.fields}
    return provider.panel(instruments_of(universe, expressions), columns.fields, first, stop, needed=needed)


def _lagged_columns(names: tuple[str, ...], panel: Panel, first: int, rows: Rows) -> LaggedColumns:
    """Arrange bars ``[6, N, 59 + T]`` for Alpha360's columns."""
    T, N = rows.shape
    S = DAYS - 1
    before = min(S, first)
    bars = np.full((len(FIELDS), N, S + T), np.nan, dtype=np.float32)
    for i, field in enumerate(FIELDS):
        bars[i, :, S - before :] = panel.fields[field][first - before : first + T].T
    volume = FIELDS.index("volume")
    return LaggedColumns(
        names,
        fields=bars,
        bases=tuple(volume if i == volume else FIELDS.index("close") for i in range(len(FIELDS))),
        epsilon=np.asarray([1e-12 if i == volume else 0 for i in range(len(FIELDS))], dtype=np.float32),
        lags=tuple(range(S, -1, -1)),
        cells=rows.instruments.astype(np.int64) * (S + T) + S + rows.days,
    )


@dataclass(frozen=True, eq=False)
class Processed:
    """A handler's processed tables."""

    # tables for prediction and for training, over the same rows
    infer: Table
    learn: Table
    # ``shared``, ``infer`` and ``learn`` -> statistics of their processors, in order
    fitted: Mapping[str, tuple[FittedStatistics, ...]]


def process_table(config: HandlerConfig, raw: Table, embargoed: Bools | None = None) -> Processed:
    """Run a handler's processors: shared, then infer, then learn, which starts from infer or from shared.

    ``embargoed``: ``[T]``, or None for no day: days whose labels are left out when fitting.
    """
    shared, shared_fitted = process(raw, config.shared_processors, embargoed)
    infer, infer_fitted = process(shared, config.infer_processors, embargoed)
    start = infer if config.kwargs.process_type == "append" else shared
    learn, learn_fitted = process(start, config.learn_processors, embargoed)
    return Processed(infer, learn, {"shared": shared_fitted, "infer": infer_fitted, "learn": learn_fitted})


def process_infer(
    config: HandlerConfig, raw: Table, fitted: Mapping[str, Sequence[FittedStatistics]]
) -> Table:
    """Run only the processors of the infer data, with statistics that were fitted earlier; see :class:`Processed`.

    Raises DataError if ``fitted`` belongs to other processors or columns.
    """
    shared, _ = process(raw, config.shared_processors, fitted=fitted.get("shared", ()))
    infer, _ = process(shared, config.infer_processors, fitted=fitted.get("infer", ()))
    return infer


def needed_features(config: HandlerConfig) -> tuple[str, ...]:
    """Names of the features that must be computed, in the handler's order; see :func:`surviving_columns`."""
    columns = HandlerColumns.of(config)
    names, label = tuple(columns.features), columns.label[0]
    needed = set(surviving_columns(names, label, (*config.shared_processors, *config.infer_processors)))
    if config.kwargs.process_type == "independent":
        needed |= set(surviving_columns(names, label, (*config.shared_processors, *config.learn_processors)))
    return tuple(name for name in names if name in needed)


def missing_columns_hint(config: HandlerConfig) -> str:
    """End of an error message about columns that processors name and the handler lacks; empty if there are none.

    A warning has already named the columns.
    """
    columns = HandlerColumns.of(config)
    names, label = tuple(columns.features), columns.label[0]
    chain = (*config.shared_processors, *config.infer_processors)
    missing_by_name = {entry.name: missing_columns(names, label, entry) for entry in chain}
    return "".join(
        f"; the handler lacks {len(missing)} of {name}'s columns: name columns of the feature set in col_list, or "
        "take the processor out"
        for name, missing in missing_by_name.items()
        if missing
    )


def last_fit_day(config: HandlerConfig) -> datetime.date | None:
    """Last day that any processor is fitted on, None if none is fitted."""
    ends = [
        entry.kwargs.fit_end_time for entry in config.processors if isinstance(entry.kwargs, FittedKwargs)
    ]
    return max((end for end in ends if end is not None), default=None)
