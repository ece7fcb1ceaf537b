"""Qlib's processors on a table.

A chain runs in order, each processor being fitted on what the one before it gave. What a processor learned is
returned beside the table, so that new days can be treated alike. Numbers are float32, as pandas and NumPy
compute them in Qlib; see ``qlib/data/dataset/processor.py`` for the definitions.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lstm_bench.config.processor import (
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
    MinMaxNormKwargs,
    NoKwargs,
    ProcessorConfig,
    RobustZScoreNormKwargs,
    ZScoreNormKwargs,
)
from lstm_bench.config.shown import came
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.features.columns import Columns, Fill, StandardiseColumns, StoredColumns
from lstm_bench.features.cross_section import day_means_for, day_ranks, day_robust_zscores, day_zscores
from lstm_bench.features.host import for_each
from lstm_bench.features.order_statistics import median_and_deviation
from lstm_bench.features.table import Table

__all__ = ["FittedStatistics", "missing_columns", "process", "surviving_columns"]

logger = logging.getLogger("lstm_bench")

Kernel = Callable[[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.int64]], npt.NDArray[Any]]
"""``(column [R], order, starts) -> column``; see :mod:`lstm_bench.features.cross_section`."""

_GROUPS: tuple[FieldsGroup, ...] = ("feature", "label")
_EPSILON = np.float32(1e-12)
_MAD_TO_STD = np.float32(1.4826)
_RANK_TO_STD = 3.46
_OUTLIER = 3.0


@dataclass(frozen=True, eq=False)
class FittedStatistics:
    """What one processor learned about one group of columns: ``x -> (x - center) / scale``.

    Attributes
    ----------
    processor : class name
    group : ``feature`` or ``label``
    columns : F names
    center, scale : ``[F]`` float32
    """

    processor: str
    group: FieldsGroup
    columns: tuple[str, ...]
    center: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """Give plain data, whatever the columns are kept as.

        Returns
        -------
        ``{"processor": name, "group": "feature" or "label", "columns": [F names], "center": [F], "scale": [F]}``
            Numbers are floats that are the float32 exactly; None where there is no statistic, as of a column
            without values.
        """
        return {
            "processor": self.processor,
            "group": self.group,
            "columns": list(self.columns),
            "center": [float(x) if np.isfinite(x) else None for x in self.center],
            "scale": [float(x) if np.isfinite(x) else None for x in self.scale],
        }

    @classmethod
    def from_json(cls, content: Any) -> FittedStatistics:
        """Read what :meth:`to_json` gave: None is NaN.

        Raises
        ------
        DataError
            Where it is not of that form.
        """
        form = {"processor": str, "group": str, "columns": list, "center": list, "scale": list}
        if not isinstance(content, dict):
            raise DataError(f"got {came(content)}, expected what a processor learned: {', '.join(form)}")
        for key, kind in form.items():
            if not isinstance(content.get(key), kind):
                there = f"got {came(content[key])}" if key in content else "missing"
                raise DataError(f"{key}: {there}, expected a {'text' if kind is str else 'list'}")
        columns, group, processor = tuple(content["columns"]), content["group"], content["processor"]
        numbers = [*content["center"], *content["scale"]]
        wrong = [
            entry for entry in numbers if isinstance(entry, bool) or not isinstance(entry, int | float | None)
        ]
        if wrong or not all(isinstance(name, str) for name in columns):
            raise DataError("expected names of columns, and numbers or null as center and scale")
        center, scale = (np.asarray(content[key], dtype=np.float32) for key in ("center", "scale"))
        if group not in _GROUPS or not center.shape == scale.shape == (len(columns),):
            raise DataError(
                f"statistics: got {counted(center.size, 'center')} and {counted(scale.size, 'scale')} of "
                f"{counted(len(columns), 'column')} "
                f"of group {group!r}, expected one each, and a group of {', '.join(_GROUPS)}"
            )
        return cls(processor, group, columns, center, scale)


def process(
    table: Table,
    chain: Iterable[ProcessorConfig],
    embargoed: npt.NDArray[np.bool_] | None = None,
    *,
    fitted: Sequence[FittedStatistics] | None = None,
) -> tuple[Table, tuple[FittedStatistics, ...]]:
    """Fit and apply the processors one after the other.

    Parameters
    ----------
    embargoed : ``[T]``, or None for no day
        Days on whose labels nothing is fitted.
    fitted
        What the same chain has learned before, in order: it is applied, and nothing is fitted.

    Returns
    -------
    The processed table, which shares what did not change, and what the processors learned, in order.

    Raises
    ------
    DataError
        Where no row lies in a processor's fit period, or ``fitted`` is of another chain or of other columns.
    ConfigError
        Where a processor drops the label or every feature.
    """
    known = None if fitted is None else deque(fitted)
    learned: list[FittedStatistics] = []
    for entry in chain:
        if isinstance(entry.kwargs, FittedKwargs):
            if known is None:
                found = _fit(table, entry.name, entry.kwargs, embargoed)
            else:
                found = _recall(table, entry, known)
            table = _standardise(table, entry.kwargs, found)
            learned.extend(found)
        else:
            table = _TRANSFORMS[type(entry.kwargs)](table, entry)
    if known:
        raise DataError(
            f"statistics: {known[0].processor} has some, but the configuration has no such processor"
        )
    return table, tuple(learned)


def surviving_columns(
    features: Sequence[str], label: str, chain: Sequence[ProcessorConfig]
) -> tuple[str, ...]:
    """Name the features that need to be computed, in the handler's order.

    A column that ``FilterCol`` or ``DropCol`` drops need not be, unless rows were dropped for its NaN before.
    """
    names = tuple(features)
    for entry in chain:
        match entry.kwargs:
            case FilterColKwargs() | DropColKwargs():
                names = _selected(names, label, entry)
                if missing := missing_columns(features, label, entry):
                    logger.warning("%s: the handler has no column %s", entry.name, _some(missing))
            case DropnaProcessorKwargs() | DropnaLabelKwargs() if entry.kwargs.fields_group != "label":
                return names
            case _:
                pass
    return names


def missing_columns(features: Sequence[str], label: str, entry: ProcessorConfig) -> tuple[str, ...]:
    """Name the columns that a ``FilterCol`` or ``DropCol`` names and the handler lacks; none of other processors."""
    if not isinstance(entry.kwargs, FilterColKwargs | DropColKwargs):
        return ()
    return tuple(sorted(set(entry.kwargs.col_list).difference(features, [label])))


def _selected(features: Sequence[str], label: str, entry: ProcessorConfig) -> tuple[str, ...]:
    """Features that a column processor keeps."""
    kwargs = cast(FilterColKwargs | DropColKwargs, entry.kwargs)
    named = set(kwargs.col_list)
    if isinstance(kwargs, DropColKwargs):
        kept, keeps_label = tuple(name for name in features if name not in named), label not in named
    elif kwargs.fields_group == "feature":
        kept, keeps_label = tuple(name for name in features if name in named), True
    elif kwargs.fields_group == "label":
        kept, keeps_label = tuple(features), label in named
    else:
        kept, keeps_label = tuple(name for name in features if name in named), label in named
    if not kept:
        missing = missing_columns(features, label, entry)
        reason = f"; there is no column {_some(missing)}" if missing else ""
        raise ConfigError(
            f"{entry.name}: its col_list leaves no feature of {_some(features)}{reason}; name columns of the feature "
            "set in col_list, or take the processor out"
        )
    if not keeps_label:
        raise ConfigError(
            f"{entry.name}: its col_list ({_some(sorted(named)) or 'nothing'}) drops the label {label!r}"
        )
    return kept


def _some(names: Sequence[str]) -> str:
    """Name the first few, and say how many there are."""
    if len(names) <= 8:
        return ", ".join(names)
    return f"{', '.join(names[:8])} and {len(names) - 8} more, {len(names)} in all"


def _groups(group: FieldsGroup | None) -> tuple[FieldsGroup, ...]:
    return _GROUPS if group is None else (group,)


def _fit(
    table: Table, name: str, kwargs: FittedKwargs, embargoed: npt.NDArray[np.bool_] | None
) -> list[FittedStatistics]:
    """Fit ``MinMaxNorm``, ``ZScoreNorm`` or ``RobustZScoreNorm`` to each of its groups."""
    fit_rows = _fit_rows(table, kwargs)
    known = fit_rows if embargoed is None else fit_rows[~embargoed[table.rows.days[fit_rows]]]
    fit = _FITS[type(kwargs)]
    learned = []
    for group in _groups(kwargs.fields_group):
        columns, rows = table.group(group), known if group == "label" else fit_rows

        def fit_column(
            column: int, columns: Columns = columns, rows: npt.NDArray[np.int64] = rows
        ) -> tuple[np.float32, np.float32]:
            return fit(columns.column(column, rows).astype(np.float32, copy=False))

        pairs = np.asarray(for_each(len(columns.names), fit_column), dtype=np.float32).reshape(-1, 2)
        center, scale = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        learned.append(FittedStatistics(name, group, columns.names, center, scale))
    return learned


def _recall(table: Table, entry: ProcessorConfig, known: deque[FittedStatistics]) -> list[FittedStatistics]:
    """Take what a processor learned before, and check that it is of these columns."""
    found = []
    for group in _groups(cast(FittedKwargs, entry.kwargs).fields_group):
        wanted = (entry.name, group, table.group(group).names)
        if not known or (known[0].processor, known[0].group, known[0].columns) != wanted:
            got = f"{known[0].processor} of group {known[0].group!r}" if known else "none"
            raise DataError(
                f"statistics: got {got}, expected those of {entry.name} of group {group!r} with the columns "
                f"{', '.join(wanted[2])}"
            )
        found.append(known.popleft())
    return found


def _standardise(table: Table, kwargs: FittedKwargs, learned: Iterable[FittedStatistics]) -> Table:
    """Put on what was learned."""
    limit = _OUTLIER if isinstance(kwargs, RobustZScoreNormKwargs) and kwargs.clip_outlier else None
    for found in learned:
        columns = table.group(found.group)
        column_map = StandardiseColumns(found.center, found.scale, limit)
        table = table.with_group(found.group, columns.mapped(column_map))
    return table


def _fit_rows(table: Table, kwargs: FittedKwargs) -> npt.NDArray[np.int64]:
    start, end = np.datetime64(kwargs.fit_start_time, "D"), np.datetime64(kwargs.fit_end_time, "D")
    begin = np.searchsorted(table.days, start, side="left")
    stop = np.searchsorted(table.days, end, side="right")
    rows = np.flatnonzero(table.kept & (table.rows.days >= begin) & (table.rows.days < stop))
    if len(rows) == 0:
        raise DataError(f"fit_start_time..fit_end_time: no row lies in {start}..{end}")
    return rows


def _fit_robust(values: npt.NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    center, deviation = median_and_deviation(values)
    return center, np.float32((deviation + _EPSILON) * _MAD_TO_STD)


def _fit_zscore(values: npt.NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.float32(np.nan), np.float32(np.nan)
    center = known.mean(dtype=np.float64).astype(np.float32)
    scale = np.sqrt(np.square(known - center, dtype=np.float64).mean()).astype(np.float32)
    return (np.float32(0), np.float32(1)) if scale == 0 else (center, scale)


def _fit_minmax(values: npt.NDArray[np.float32]) -> tuple[np.float32, np.float32]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.float32(np.nan), np.float32(np.nan)
    least, greatest = known.min(), known.max()
    return (np.float32(0), np.float32(1)) if least == greatest else (least, greatest - least)


_FITS: dict[type[FittedKwargs], Callable[[npt.NDArray[np.float32]], tuple[np.float32, np.float32]]] = {
    MinMaxNormKwargs: _fit_minmax,
    RobustZScoreNormKwargs: _fit_robust,
    ZScoreNormKwargs: _fit_zscore,
}


def _fill(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(FillnaKwargs, entry.kwargs)
    for group in _groups(kwargs.fields_group):
        table = table.with_group(group, table.group(group).mapped(Fill(kwargs.fill_value)))
    return table


def _select(table: Table, entry: ProcessorConfig) -> Table:
    names = _selected(table.feature.names, table.label.names[0], entry)
    return table.with_group("feature", table.feature.select(names))


def _drop_missing(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(DropnaProcessorKwargs | DropnaLabelKwargs, entry.kwargs)
    kept = table.kept
    for group in _groups(kwargs.fields_group):
        columns = table.group(group)

        def missing(column: int, columns: Columns = columns) -> npt.NDArray[np.bool_]:
            absent: npt.NDArray[np.bool_] = np.isnan(columns.column(column))
            return absent

        for absent in for_each(len(columns.names), missing):
            kept = kept & ~absent
    return dataclasses.replace(table, kept=kept)


def _by_day(
    table: Table,
    group: FieldsGroup,
    kernel: Kernel,
    dtype: type[np.floating[Any]] = np.float32,
) -> Table:
    """Replace a group's columns by what the kernel makes of each day's cross-section."""
    columns = table.group(group)
    order, starts = table.order_by_day
    values = np.empty((len(columns.names), len(table.rows)), dtype=dtype)

    def fill(column: int) -> None:
        values[column] = kernel(columns.column(column).astype(np.float32, copy=False), order, starts)

    for_each(len(columns.names), fill)
    return table.with_group(group, StoredColumns(columns.names, values))


def _rank(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(CSRankNormKwargs, entry.kwargs)
    for group in _groups(kwargs.fields_group):
        # Qlib's ranks are float64: a label keeps that, features are read as float32 by the model in any case
        table = _by_day(table, group, _scaled_ranks, np.float64 if group == "label" else np.float32)
    return table


def _scaled_ranks(
    column: npt.NDArray[np.float32], order: npt.NDArray[np.int64], starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    return (day_ranks(column, order, starts) - 0.5) * _RANK_TO_STD


def _zscore(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(CSZScoreNormKwargs, entry.kwargs)
    kernel = day_robust_zscores if kwargs.method == "robust" else day_zscores
    groups = kwargs.fields_group if isinstance(kwargs.fields_group, tuple) else _groups(kwargs.fields_group)
    for group in groups:
        table = _by_day(table, group, kernel)
    return table


def _fill_with_day_mean(table: Table, entry: ProcessorConfig) -> Table:
    kwargs = cast(CSZFillnaKwargs, entry.kwargs)
    for group in _groups(kwargs.fields_group):
        table = _by_day(table, group, partial(day_means_for, infinite=False))
    return table


def _replace_infinite(table: Table) -> Table:
    for group in _GROUPS:
        if table.group(group).may_be_infinite:
            table = _by_day(table, group, partial(day_means_for, infinite=True))
    return table


def _tanh(table: Table) -> Table:
    for group in _GROUPS:
        columns = table.group(group)
        squashed = ["LABEL" not in name for name in columns.names]
        if any(squashed):
            values = np.stack([columns.column(i) for i in range(len(columns.names))])
            values[squashed] = np.tanh(values[squashed] - np.float32(1))
            table = table.with_group(group, StoredColumns(columns.names, values))
    return table


def _transform(table: Table, entry: ProcessorConfig) -> Table:
    """``ProcessInf`` and ``TanhProcess``, which have nothing to set."""
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
