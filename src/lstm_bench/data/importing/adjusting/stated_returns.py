"""Reads the returns that the files state: a column of changes, or of previous closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lstm_bench.data.arrays import Floats
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["stated_returns"]

_FITS = 1e-3
"""Largest median distance between a reading of the column and the closes' own returns."""

_Reading = Callable[[Floats, Floats], Floats]
"""(column, close) -> close over the close before."""

_READINGS: Mapping[str, Sequence[_Reading]] = {
    "previous_close": (lambda previous, close: close / previous,),
    "change": (
        lambda change, _: 1 + change,  # a fraction, as Qlib's
        lambda change, _: 1 + change / 100,  # percent
        lambda change, close: close / (close - change),  # in currency
    ),
}
"""Evidence field -> possible interpretations; the most reliable field first."""


def stated_returns(stocks: Sequence[SymbolRows]) -> Mapping[str, Floats]:
    """Read the log returns that the files state: symbol -> ``[B]`` over its bars, NaN if none is stated.

    Exchanges reduce the previous close by dividends and splits, so it is tried first. A change is
    read as a fraction, as percent or in currency, whichever fits the closes of most days. Empty if nothing fits.
    """
    for field, readings in _READINGS.items():
        if not any(field in rows.evidence for rows in stocks):
            continue
        best, found = _FITS, None
        for reading in readings:
            stated = {rows.symbol: _read(rows, field, reading) for rows in stocks}
            moves = np.concatenate([np.diff(np.log(rows.closes)) for rows in stocks])
            distance = np.abs(moves - np.concatenate([stated[rows.symbol][1:] for rows in stocks]))
            distance = distance[~np.isnan(distance)]
            if len(distance) and (median := float(np.median(distance))) < best:
                best, found = median, stated
        if found is not None:
            return found
    return {}


def _read(rows: SymbolRows, field: str, reading: _Reading) -> Floats:
    column = rows.evidence.get(field, np.full(len(rows.days), np.nan))[rows.traded]
    with np.errstate(divide="ignore", invalid="ignore"):
        stated: Floats = np.log(reading(column, rows.closes))
    return np.where(np.isfinite(stated), stated, np.nan)
