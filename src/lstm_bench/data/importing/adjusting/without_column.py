"""Files without a column by which prices could be adjusted: what else they say of their prices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import Adjustment
from lstm_bench.data.importing.adjusting.raw_or_adjusted import Decision
from lstm_bench.data.importing.adjusting.stated_returns import stated_returns
from lstm_bench.data.importing.reading.bar_table import SymbolRows

__all__ = ["decide_without_column"]

_Floats = npt.NDArray[np.float64]

_APART = 1e-3
"""Log distance of a close's own return from the stated one; vendors round theirs to two digits of a percent."""

_NAME = "name one with --factor, --adjusted-close or --split"
_ADJUSTED = f"{_NAME}, or say --adjust-by none if they are adjusted already"
_RAW = f"get adjusted prices, or a column of factors ({_NAME}); --adjust-by none takes the raw prices as they are"


def decide_without_column(stocks: Sequence[SymbolRows], where: str) -> Decision:
    """Take prices as they are where the files say that they are adjusted (baostock's ``adjustflag``).

    Raises
    ------
    DataError
        Where they do not. A column of changes or previous closes is evidence, and named; it is no proof of adjusted
        prices, since many are computed from the closes beside them.
    """
    flags = np.concatenate([_flags(rows) for rows in stocks])
    if len(flags) and np.isin(flags, (1, 2)).all():
        said = "prices: adjusted already, says the column adjustflag; taken as they are, and volumes, too"
        return Decision(Adjustment.told("none"), True, (said,))
    if len(flags) and (flags == 3).all():
        raise DataError(
            f"{where}: the prices are raw, says the column adjustflag (3), and no column says how they are adjusted; "
            f"{_RAW}"
        )
    if len(flags):
        raise DataError(
            f"{where}: the column adjustflag has the values {_numbers(flags)}: some prices are adjusted (1, 2) and "
            "some are raw (3); import what is alike by itself; --adjust-by none takes all as they are"
        )
    raise DataError(f"{where}: no column says how prices are adjusted{_evidence(stocks)}")


def _flags(rows: SymbolRows) -> _Floats:
    flags = rows.evidence.get("adjust_flag", np.empty(0))
    return flags[~np.isnan(flags)]


def _numbers(flags: _Floats) -> str:
    return ", ".join(f"{flag:g}" for flag in np.unique(flags))


def _evidence(stocks: Sequence[SymbolRows]) -> str:
    stated = stated_returns(stocks)
    if not stated:
        return f"; {_ADJUSTED}"
    apart, days, first = 0, 0, ""
    for rows in stocks:
        moves = np.diff(np.log(rows.values["close"][rows.traded]))
        distance = np.abs(moves - stated[rows.symbol][1:])
        days += int((~np.isnan(distance)).sum())
        found = np.flatnonzero(distance > _APART)
        apart += len(found)
        if len(found) and not first:
            day, at = rows.days[rows.traded][1:][found[0]], found[0]
            moved, says = np.expm1(moves[at]), np.expm1(stated[rows.symbol][1:][at])
            first = f"{rows.symbol} {day}: the close moves by {moved:+.2%}, and the file says {says:+.2%}"
    if apart:
        return (
            f", and the returns that the files state show raw prices: on {apart} of {days} days the closes move "
            f"otherwise (the first: {first}); {_RAW}"
        )
    return (
        f"; the returns that the files state are those of the closes on all {days} days, as they are of adjusted "
        f"prices, or where they were computed from the closes; {_ADJUSTED}"
    )
