"""Adjusted rows become a history: a value for each day of the calendar from the first bar to the last."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lstm_bench.data.qlib_folder import History

__all__ = ["change", "lay_out", "to_history"]

_Floats = npt.NDArray[np.float64]


def lay_out(
    positions: npt.NDArray[np.int64],
    columns: Mapping[str, _Floats],
    begin: int,
    end: int,
    factor_before: float = np.nan,
) -> dict[str, _Floats]:
    """Put bars on their days.

    Parameters
    ----------
    positions : ``[n]`` int64
        Day of each bar, ascending, in ``begin..end``.
    columns
        Field -> ``[n]``.
    begin, end
        Positions in the calendar, end exclusive.
    factor_before
        The factor of the day before ``begin``.

    Returns
    -------
    dict
        Field -> ``[end - begin]`` float64: NaN on a day without a bar, but for ``factor``, which stays what it was.
    """
    out = {}
    for name, column in columns.items():
        out[name] = np.full(end - begin, np.nan)
        out[name][positions - begin] = column
    if "factor" in out:
        known = ~np.isnan(out["factor"])
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        out["factor"] = np.where(last >= 0, out["factor"][last], factor_before)
    return out


def to_history(
    code: str, begin: int, columns: Mapping[str, _Floats], close_before: float = np.nan
) -> History:
    """Add ``change`` and round to float32.

    Parameters
    ----------
    columns
        Field -> ``[n]``, from :func:`lay_out`.
    close_before
        The last adjusted close before ``begin``, NaN where there is none.
    """
    return History(
        code,
        begin,
        {
            name: column.astype(np.float32)
            for name, column in {**columns, "change": change(columns["close"], close_before)}.items()
        },
    )


def change(close: _Floats, close_before: float) -> _Floats:
    """Close over the close of the last bar before, minus 1: ``[n]``, NaN on the first bar and without one."""
    known = np.flatnonzero(~np.isnan(close))
    bars = close[known]
    out = np.full(len(close), np.nan)
    out[known] = bars / np.concatenate(([close_before], bars[:-1])) - 1
    return out
