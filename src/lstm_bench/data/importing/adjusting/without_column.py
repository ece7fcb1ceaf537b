"""Decides for files without a column that prices could be adjusted by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import Adjustment
from lstm_bench.data.importing.adjusting.raw_or_adjusted import Decision
from lstm_bench.data.importing.adjusting.stated_returns import stated_returns
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["decide_without_column"]

_APART = 1e-3
"""Least log distance between a close's own return and the stated one; vendors round to two digits of a percent."""

_NAME = "name one with --factor, --adjusted-close or --split"
_IF_ADJUSTED = f"{_NAME}, or pass --adjust-by none if they are adjusted already"
_IF_RAW = f"get adjusted prices, or a column of factors ({_NAME}); --adjust-by none takes the raw prices as they are"


def decide_without_column(stocks: Sequence[SymbolRows], where: str) -> Decision:
    """Take prices as they are if baostock's column ``adjustflag`` marks them as adjusted.

    Raises DataError if it does not. A column of changes or previous closes is named as evidence. It is no proof of
    adjusted prices, because vendors compute such columns from the closes of the same file.
    """
    flags = np.concatenate([rows.evidence.get("adjust_flag", np.empty(0)) for rows in stocks])
    flags = flags[~np.isnan(flags)]
    if not len(flags):
        raise DataError(f"{where}: no column says how prices are adjusted{_evidence(stocks)}")
    if np.isin(flags, (1, 2)).all():
        message = (
            "prices: adjusted already by the column adjustflag; prices and volumes are taken as they are"
        )
        return Decision(Adjustment.requested("none"), True, (message,))
    if (flags == 3).all():
        raise DataError(
            f"{where}: the prices are raw by the column adjustflag (3), and no column says how to adjust them; "
            f"{_IF_RAW}"
        )
    values = ", ".join(f"{flag:g}" for flag in np.unique(flags))
    raise DataError(
        f"{where}: the column adjustflag has the values {values}: some prices are adjusted (1, 2) and "
        "some are raw (3); import each kind separately; --adjust-by none takes all as they are"
    )


def _evidence(stocks: Sequence[SymbolRows]) -> str:
    """Describe the evidence of the stated returns, and how to continue."""
    stated = stated_returns(stocks)
    if not stated:
        return f"; {_IF_ADJUSTED}"
    apart, days, first = 0, 0, ""
    for rows in stocks:
        moves, states = np.diff(np.log(rows.closes)), stated[rows.symbol][1:]
        distance = np.abs(moves - states)
        days += int((~np.isnan(distance)).sum())
        found = np.flatnonzero(distance > _APART)
        apart += len(found)
        if len(found) and not first:
            at = found[0]
            first = (
                f"{rows.symbol} {rows.bar_days[1:][at]}: the close moves by {np.expm1(moves[at]):+.2%}, and the "
                f"file says {np.expm1(states[at]):+.2%}"
            )
    if apart:
        return (
            f", and the returns that the files state show raw prices: on {apart} of {days} days they differ from "
            f"those of the closes (the first: {first}); {_IF_RAW}"
        )
    return (
        f"; the returns that the files state equal those of the closes on all {days} days: the prices are adjusted, or "
        f"the returns were computed from the closes; {_IF_ADJUSTED}"
    )
