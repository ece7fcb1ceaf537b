"""Fitted processors: the statistics of each column, and how they are fitted, stored and checked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_bench.config.sections.processor import (
    FieldsGroup,
    FittedKwargs,
    MinMaxNormKwargs,
    RobustZScoreNormKwargs,
    ZScoreNormKwargs,
)
from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Bools, Floats32, Ints
from lstm_bench.features.columns import Columns, StandardiseColumns
from lstm_bench.features.host import for_each
from lstm_bench.features.order_statistics import median_and_deviation
from lstm_bench.features.table import GROUPS, Table, groups_of

__all__ = ["FittedStatistics", "fit", "recall", "standardise"]

_EPSILON = np.float32(1e-12)
_MAD_TO_STD = np.float32(1.4826)
_OUTLIER = 3.0


@dataclass(frozen=True, eq=False)
class FittedStatistics:
    """Statistics that one processor fitted to one group of columns, for ``x -> (x - center) / scale``."""

    processor: str  # class name
    group: FieldsGroup  # ``feature`` or ``label``
    columns: tuple[str, ...]  # F names
    center: Floats32  # ``[F]`` float32
    scale: Floats32  # ``[F]`` float32

    def to_json(self) -> dict[str, Any]:
        """Return plain data for JSON.

        Returns ``{"processor": name, "group": "feature" or "label", "columns": [F names], "center": [F], "scale":
        [F]}``: numbers are floats that equal the float32 exactly; None for a column without a statistic, such as one
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
        """Read the output of :meth:`to_json`; None becomes NaN.

        Raises DataError if the content has another form.
        """
        form = {"processor": str, "group": str, "columns": list, "center": list, "scale": list}
        if not isinstance(content, dict):
            raise DataError(
                f"got {value_with_kind(content)}, expected what a processor learned: {', '.join(form)}"
            )
        for key, kind in form.items():
            if not isinstance(content.get(key), kind):
                got = f"got {value_with_kind(content[key])}" if key in content else "missing"
                raise DataError(f"{key}: {got}, expected a {'text' if kind is str else 'list'}")
        columns, group, processor = tuple(content["columns"]), content["group"], content["processor"]
        numbers = [*content["center"], *content["scale"]]
        wrong = [
            entry for entry in numbers if isinstance(entry, bool) or not isinstance(entry, int | float | None)
        ]
        if wrong or not all(isinstance(name, str) for name in columns):
            raise DataError("expected names of columns, and numbers or null as center and scale")
        center, scale = (np.asarray(content[key], dtype=np.float32) for key in ("center", "scale"))
        if group not in GROUPS or not center.shape == scale.shape == (len(columns),):
            raise DataError(
                f"statistics: got {counted(center.size, 'center')} and {counted(scale.size, 'scale')} of "
                f"{counted(len(columns), 'column')} "
                f"of group {group!r}, expected one each, and a group of {', '.join(GROUPS)}"
            )
        return cls(processor, group, columns, center, scale)


def fit(table: Table, name: str, kwargs: FittedKwargs, embargoed: Bools | None) -> list[FittedStatistics]:
    """Fit ``MinMaxNorm``, ``ZScoreNorm`` or ``RobustZScoreNorm`` to each of its groups.

    Labels of the days ``embargoed [T]`` are left out.

    Raises DataError if the fit period has no row.
    """
    fit_rows = _fit_rows(table, kwargs)
    known = fit_rows if embargoed is None else fit_rows[~embargoed[table.rows.days[fit_rows]]]
    fit_values = _FITS[type(kwargs)]
    learned = []
    for group in groups_of(kwargs.fields_group):
        columns, rows = table.group(group), known if group == "label" else fit_rows

        def fit_column(
            column: int, columns: Columns = columns, rows: Ints = rows
        ) -> tuple[np.float32, np.float32]:
            return fit_values(columns.column(column, rows).astype(np.float32, copy=False))

        pairs = np.asarray(for_each(len(columns.names), fit_column), dtype=np.float32).reshape(-1, 2)
        center, scale = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        learned.append(FittedStatistics(name, group, columns.names, center, scale))
    return learned


def recall(
    table: Table, name: str, kwargs: FittedKwargs, known: deque[FittedStatistics]
) -> list[FittedStatistics]:
    """Take a processor's statistics from the front of ``known``.

    Raises DataError if they belong to another processor or to other columns.
    """
    recalled = []
    for group in groups_of(kwargs.fields_group):
        columns = table.group(group).names
        if not known or (known[0].processor, known[0].group, known[0].columns) != (name, group, columns):
            got = f"{known[0].processor} of group {known[0].group!r}" if known else "none"
            raise DataError(
                f"statistics: got {got}, expected those of {name} of group {group!r} with the columns "
                f"{', '.join(columns)}"
            )
        recalled.append(known.popleft())
    return recalled


def standardise(table: Table, kwargs: FittedKwargs, learned: Iterable[FittedStatistics]) -> Table:
    """Add the maps of fitted statistics to the table's columns."""
    limit = _OUTLIER if isinstance(kwargs, RobustZScoreNormKwargs) and kwargs.clip_outlier else None
    for statistics in learned:
        column_map = StandardiseColumns(statistics.center, statistics.scale, limit)
        table = table.with_group(statistics.group, table.group(statistics.group).mapped(column_map))
    return table


def _fit_rows(table: Table, kwargs: FittedKwargs) -> Ints:
    start, end = np.datetime64(kwargs.fit_start_time, "D"), np.datetime64(kwargs.fit_end_time, "D")
    begin = np.searchsorted(table.days, start, side="left")
    stop = np.searchsorted(table.days, end, side="right")
    rows = np.flatnonzero(table.kept & (table.rows.days >= begin) & (table.rows.days < stop))
    if len(rows) == 0:
        raise DataError(f"fit_start_time..fit_end_time: no row lies in {start}..{end}")
    return rows


def _fit_robust(values: Floats32) -> tuple[np.float32, np.float32]:
    center, deviation = median_and_deviation(values)
    return center, np.float32((deviation + _EPSILON) * _MAD_TO_STD)


def _fit_zscore(values: Floats32) -> tuple[np.float32, np.float32]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.float32(np.nan), np.float32(np.nan)
    center = known.mean(dtype=np.float64).astype(np.float32)
    scale = np.sqrt(np.square(known - center, dtype=np.float64).mean()).astype(np.float32)
    return (np.float32(0), np.float32(1)) if scale == 0 else (center, scale)


def _fit_minmax(values: Floats32) -> tuple[np.float32, np.float32]:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return np.float32(np.nan), np.float32(np.nan)
    least, greatest = known.min(), known.max()
    return (np.float32(0), np.float32(1)) if least == greatest else (least, greatest - least)


_FITS: dict[type[FittedKwargs], Callable[[Floats32], tuple[np.float32, np.float32]]] = {
    MinMaxNormKwargs: _fit_minmax,
    RobustZScoreNormKwargs: _fit_robust,
    ZScoreNormKwargs: _fit_zscore,
}
