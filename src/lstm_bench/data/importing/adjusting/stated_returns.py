"""The returns that the files themselves state: a column of changes, or of previous closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lstm_bench.data.importing.reading.bar_table import SymbolRows

__all__ = ["stated_returns"]

_Floats = npt.NDArray[np.float64]

_CLOSE_ENOUGH = 1e-3
"""Median distance to the closes' own returns below which a reading of the column fits."""

_READINGS: Sequence[Callable[[_Floats, _Floats], _Floats]] = (
    lambda change, _: 1 + change,  # a fraction, as Qlib's
    lambda change, _: 1 + change / 100,  # percent
    lambda change, close: close / (close - change),  # in currency: to the close from the one before
)


def stated_returns(stocks: Sequence[SymbolRows]) -> Mapping[str, _Floats]:
    """Give the log returns that the files state: symbol -> ``[n]`` over its bars, NaN where they state none.

    A previous close (as exchanges give it: reduced by what shareholders got) tells most; a change is read as a
    fraction, as percent or in currency, whichever fits the closes of most days. Empty where nothing fits.
    """
    for field, readings in (
        ("previous_close", (lambda previous, close: close / previous,)),
        ("change", _READINGS),
    ):
        if not any(field in rows.evidence for rows in stocks):
            continue
        best, found = _CLOSE_ENOUGH, None
        for reading in readings:
            stated = {rows.symbol: _read(rows, field, reading) for rows in stocks}
            distance = np.concatenate([_distance(rows, stated[rows.symbol]) for rows in stocks])
            distance = distance[~np.isnan(distance)]
            if len(distance) and (median := float(np.median(distance))) < best:
                best, found = median, stated
        if found is not None:
            return found
    return {}


def _read(rows: SymbolRows, field: str, reading: Callable[[_Floats, _Floats], _Floats]) -> _Floats:
    close = rows.values["close"][rows.traded]
    column = rows.evidence.get(field, np.full(len(rows.days), np.nan))[rows.traded]
    with np.errstate(divide="ignore", invalid="ignore"):
        stated: _Floats = np.log(reading(column, close))
    return np.where(np.isfinite(stated), stated, np.nan)


def _distance(rows: SymbolRows, stated: _Floats) -> _Floats:
    moves = np.diff(np.log(rows.values["close"][rows.traded]))
    distance: _Floats = np.abs(moves - stated[1:])
    return distance
