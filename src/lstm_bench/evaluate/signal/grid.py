"""Long tables of scores and labels, laid out by day and instrument."""

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

__all__ = ["Column", "ScoreGrid", "is_real"]

Column = pd.Series | pd.DataFrame
"""One value per (datetime, instrument)."""

_INDEX = ("datetime", "instrument")


@dataclass(frozen=True, eq=False)
class ScoreGrid:
    """Long columns laid out by day and instrument.

    Attributes
    ----------
    days : ``[T]`` datetime64[D], of all columns together
    instruments : N codes, sorted
    values : ``[T, N]`` float64 each, NaN where a column has no row
    rows : ``[T, N]`` bool, cells that some column has
    """

    days: npt.NDArray[np.datetime64]
    instruments: tuple[str, ...]
    values: tuple[npt.NDArray[np.float64], ...]
    rows: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, tables: Mapping[str, Column]) -> ScoreGrid:
        """Lay out columns by their names, which messages use.

        Raises
        ------
        InputError
            Where a table is not one column by (datetime, instrument), or has a row twice.
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
            there = np.zeros(rows.shape, dtype=np.bool_)
            there[cells] = True
            if (twice := len(column) - int(there.sum())) > 0:
                raise InputError(f"{name}: {twice} of its rows are there twice")
            laid = np.full(rows.shape, np.nan)
            laid[cells] = column.to_numpy(dtype=np.float64)
            rows |= there
            values.append(laid)
        return cls(days.to_numpy().astype("datetime64[D]"), tuple(map(str, codes)), tuple(values), rows)

    @classmethod
    def of_signal(cls, pred: Column, label: Column) -> ScoreGrid:
        """Lay scores and labels out, of which some must belong together.

        Raises
        ------
        InputError
            As :meth:`of`; also where a table has no value, or no row has a score and a label.
        """
        grid = cls.of({"pred": pred, "label": label})
        there = [~np.isnan(values) for values in grid.values]
        for name, what, known in zip(("pred", "label"), ("score", "value"), there, strict=True):
            if not known.any():
                raise InputError(f"{name}: it has no {what}, all of its rows are NaN")
        if not (there[0] & there[1]).any():
            said = " and ".join(
                f"{name} has {_some(list(grid.days[known.any(axis=1)]))} of {_some(_valued(grid.instruments, known))}"
                for name, known in zip(("pred", "label"), there, strict=True)
            )
            raise InputError(
                f"pred and label have no row in common: {said}; expected the same days and codes (case counts)"
            )
        return grid


def _some(values: Sequence[Any]) -> str:
    """Name the first and the last."""
    return str(values[0]) if len(values) == 1 else f"{values[0]}..{values[-1]}"


def _valued(instruments: tuple[str, ...], known: npt.NDArray[np.bool_]) -> list[str]:
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
    """Whether a column holds numbers that a float64 can stand for."""
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
