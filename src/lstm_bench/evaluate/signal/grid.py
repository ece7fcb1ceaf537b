"""Long tables of scores and labels, arranged by day and instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError
from lstm_bench.data.arrays import Bools, Days, Floats

__all__ = ["Column", "ScoreGrid", "is_real"]

Column = pd.Series | pd.DataFrame
"""One value per (datetime, instrument)."""

_INDEX = ("datetime", "instrument")


@dataclass(frozen=True, eq=False)
class ScoreGrid:
    """Long columns arranged by day and instrument."""

    days: Days  # ``[T]`` datetime64[D], of all columns together
    instruments: tuple[str, ...]  # N codes, sorted
    values: tuple[Floats, ...]  # ``[T, N]`` float64 each, NaN if a column has no row
    rows: Bools  # ``[T, N]`` bool, cells in which any column has a row

    @classmethod
    def of(cls, tables: Mapping[str, Column]) -> ScoreGrid:
        """Arrange columns; messages refer to them by the mapping's names.

        Raises InputError if a table is not one column by (datetime, instrument), or has a row twice.
        """
        columns = [_column(table, name) for name, table in tables.items()]
        levels = [
            tuple(_level(column.index, level, name) for level in _INDEX)
            for name, column in zip(tables, columns, strict=True)
        ]
        days, codes = (
            reduce(pd.Index.union, (labels for labels, _ in parts)).sort_values()
            for parts in zip(*levels, strict=True)
        )
        rows = np.zeros((len(days), len(codes)), dtype=np.bool_)
        values = []
        for name, column, ((own_days, day), (own_codes, code)) in zip(tables, columns, levels, strict=True):
            cells = days.get_indexer(own_days)[day], codes.get_indexer(own_codes)[code]
            present = np.zeros(rows.shape, dtype=np.bool_)
            present[cells] = True
            if (twice := len(column) - int(present.sum())) > 0:
                raise InputError(f"{name}: {twice} of its rows are duplicates")
            arranged = np.full(rows.shape, np.nan)
            arranged[cells] = column.to_numpy(dtype=np.float64)
            rows |= present
            values.append(arranged)
        return cls(days.to_numpy().astype("datetime64[D]"), tuple(map(str, codes)), tuple(values), rows)

    @classmethod
    def of_signal(cls, pred: Column, label: Column) -> ScoreGrid:
        """Arrange scores and labels.

        Raises InputError as :meth:`of`; also if a table has no value, or no row has a score and a label.
        """
        grid = cls.of({"pred": pred, "label": label})
        scored, labelled = (~np.isnan(values) for values in grid.values)
        for name, what, known in (("pred", "score", scored), ("label", "value", labelled)):
            if not known.any():
                raise InputError(f"{name}: it has no {what}, all of its rows are NaN")
        if not (scored & labelled).any():
            spans = " and ".join(
                f"{name} has {_ends(list(grid.days[known.any(axis=1)]))} of {_ends(_valued(grid.instruments, known))}"
                for name, known in (("pred", scored), ("label", labelled))
            )
            raise InputError(
                f"pred and label have no row in common: {spans}; expected the same days and codes (case counts)"
            )
        return grid


def _ends(values: Sequence[Any]) -> str:
    """Name the first and the last value."""
    return str(values[0]) if len(values) == 1 else f"{values[0]}..{values[-1]}"


def _valued(instruments: tuple[str, ...], known: Bools) -> list[str]:
    return [instruments[j] for j in np.flatnonzero(known.any(axis=0))]


def _column(table: Column, name: str) -> pd.Series:
    """Return the one column of a table."""
    if isinstance(table, pd.DataFrame):
        if table.shape[1] != 1:
            raise InputError(f"{name}: got {counted(table.shape[1], 'column')}, expected one")
        table = table.iloc[:, 0]
    if not isinstance(table, pd.Series):
        raise InputError(
            f"{name}: got {type(table).__name__}, expected a Series or a DataFrame of one column"
        )
    if not isinstance(table.index, pd.MultiIndex) or set(table.index.names) != set(_INDEX):
        raise InputError(f"{name}: got an index {list(table.index.names)}, expected {list(_INDEX)}")
    if len(table) == 0:
        raise InputError(f"{name}: it has no row")
    if not is_real(table):
        raise InputError(f"{name}: got values of {table.dtype}, expected numbers")
    return table


def is_real(values: pd.Series) -> bool:
    """Whether a column holds real numbers."""
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_complex_dtype(values.dtype)


def _level(index: pd.Index[Any], level: str, name: str) -> tuple[pd.Index[Any], npt.NDArray[np.intp]]:
    """Labels of an index level, days or texts, and each row's position among them."""
    positions, labels = pd.factorize(index.get_level_values(level))
    if (positions < 0).any():
        raise InputError(f"{name}: a row has no {level}")
    if level == "datetime":
        if not isinstance(labels, pd.DatetimeIndex) or labels.tz is not None:
            raise InputError(
                f"{name}: got a datetime level of {labels.dtype}, expected datetime64 without a time zone"
            )
        labels = labels.as_unit("ns")
        if (labels != labels.normalize()).any():
            raise InputError(f"{name}: got times within a day, expected days")
    elif not all(isinstance(code, str) for code in labels):
        spelled, labels = pd.factorize(labels.map(str))
        positions = spelled[positions]
    return labels, positions
