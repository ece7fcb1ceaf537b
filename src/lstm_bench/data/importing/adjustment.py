"""Adjusted prices by Qlib's convention: adjusted price = raw price * factor, adjusted volume = raw volume / factor."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lstm_bench.data.importing.bars import SymbolRows
from lstm_bench.data.importing.columns import ADJUSTMENTS, PRICES
from lstm_bench.errors import DataError, choices_hint

__all__ = ["AdjustBy", "adjust", "adjustment_of", "unused", "with_factor"]

_Floats = npt.NDArray[np.float64]

AdjustBy = Literal["factor", "adjusted_close", "split", "none"]
"""What says how prices are adjusted; ``none``: they are adjusted already."""


def adjustment_of(fields: Collection[str], wanted: str, where: str) -> AdjustBy:
    """Choose what prices are adjusted by.

    Parameters
    ----------
    fields
        What the file has.
    wanted
        An :data:`AdjustBy`, or ``auto``: the first of factor, adjusted close and split that is there.
    where
        Names the file in messages.

    Raises
    ------
    DataError
        Where the choice is unknown or has no column, or there is nothing to choose.
    """
    name = wanted.replace("-", "_")
    choices: tuple[AdjustBy, ...] = get_args(AdjustBy)
    if name != "auto":
        for choice in choices:
            if choice == name and (choice == "none" or choice in fields):
                return choice
        if name in choices:
            raise DataError(
                f"{where}: --adjust-by {wanted}: no column for {name!r}; name one with --{wanted}"
            )
        raise DataError(f"--adjust-by: got {wanted!r}; {choices_hint(name, ['auto', *choices])}")
    for choice in choices:
        if choice in fields:
            return choice
    raise DataError(
        f"{where}: no column says how prices are adjusted; name one with --factor, --adjusted-close or --split, "
        "or say --adjust-by none if they are adjusted already"
    )


def unused(by: AdjustBy) -> Collection[str]:
    """Name the columns that say something about adjustment and are not read."""
    kept = (
        "factor" if by == "none" else by
    )  # prices that are adjusted already may have their factor beside them
    return set(ADJUSTMENTS) - {kept}


def adjust(rows: SymbolRows, by: AdjustBy, first_split: bool = False) -> dict[str, _Floats]:
    """Adjust the rows of one symbol.

    Parameters
    ----------
    rows
        n of them; days without a bar stay NaN.
    by
        ``factor``: as the column gives it. ``adjusted_close``: adjusted close over close. ``split``: 1 at the first
        bar, times the ratio of each split after it; dividends stay in the prices. ``none``: prices and volume are
        taken as they are, with the factor where there is one.
    first_split
        Whether splits up to the first bar count, too: they do where earlier bars are known.

    Returns
    -------
    dict
        Field -> ``[n]`` float64: prices, ``volume``, ``factor`` (if known), and the user's own fields as they are.
    """
    values = rows.values
    out = {name: column for name, column in values.items() if name not in ADJUSTMENTS}
    if by == "none":
        return out | ({"factor": values["factor"]} if "factor" in values else {})
    factor = _factor(rows, by, first_split)
    for name in PRICES:
        if name in out:
            out[name] = out[name] * factor
    if "volume" in out:
        out["volume"] = out["volume"] / factor
    return out | {"factor": factor}


def with_factor(rows: SymbolRows) -> SymbolRows:
    """Give an index the factor 1 where its file says nothing of one: it has no shares."""
    values = {"factor": np.ones(len(rows.days))} | dict(rows.values)
    return SymbolRows(rows.symbol, rows.days, values, rows.traded)


def _factor(rows: SymbolRows, by: AdjustBy, first_split: bool) -> _Floats:
    values: Mapping[str, _Floats] = rows.values
    if by == "factor":
        return values["factor"]
    if by == "adjusted_close":
        ratio: _Floats = values["adjusted_close"] / values["close"]
        return ratio
    splits = values["split"].copy()
    if not first_split:
        splits[: int(np.flatnonzero(rows.traded)[0]) + 1] = 1
    product: _Floats = np.where(rows.traded, np.cumprod(splits), np.nan)
    return product
