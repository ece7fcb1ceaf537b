"""Adjusted prices by Qlib's convention: adjusted price = raw price * factor, adjusted volume = raw volume / factor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.importing.reading.bar_table import SymbolRows
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS, PRICES

__all__ = ["AUTO", "AdjustBy", "Adjustment", "State", "adjust", "adjustment_of", "factor_of", "with_factor"]

_Floats = npt.NDArray[np.float64]

AUTO = "auto"
"""The choice that leaves it to the files."""

AdjustBy = Literal["factor", "adjusted_close", "split", "none"]
"""What says how prices are adjusted; ``none``: they are adjusted already."""

State = Literal["raw", "adjusted"]


@dataclass(frozen=True)
class Adjustment:
    """What is done to the numbers of the files.

    Attributes
    ----------
    by : the column that says how prices are adjusted, or ``none``
    prices : what the files' prices are. ``raw`` ones are multiplied by the factor, ``adjusted`` ones stay.
    volume : what the files' volumes are. ``raw`` ones are divided by the factor, ``adjusted`` ones stay.
    """

    by: AdjustBy
    prices: State
    volume: State

    @classmethod
    def told(cls, by: AdjustBy) -> Adjustment:
        """Take the user's word: by a column, prices and volumes are raw; by ``none`` they are adjusted."""
        state: State = "adjusted" if by == "none" else "raw"
        return cls(by, state, state)

    @property
    def applied(self) -> AdjustBy:
        """The column that prices are multiplied by, ``none`` where they stay."""
        return self.by if self.prices == "raw" else "none"


def adjustment_of(fields: Collection[str], wanted: str, where: str) -> AdjustBy | None:
    """Choose what prices are adjusted by.

    Parameters
    ----------
    fields
        What the file has.
    wanted
        An :data:`AdjustBy`, or ``auto``: the first of factor, adjusted close and split that is there.
    where
        Names the file in messages.

    Returns
    -------
    AdjustBy or None
        None where it is left to the files, and no column says it.

    Raises
    ------
    DataError
        Where the choice is unknown or has no column.
    """
    name = wanted.replace("-", "_")
    choices: tuple[AdjustBy, ...] = get_args(AdjustBy)
    if name != AUTO:
        for choice in choices:
            if choice == name and (choice == "none" or choice in fields):
                return choice
        if name in choices:
            raise DataError(
                f"{where}: --adjust-by {wanted}: no column for {name!r}; name one with --{name.replace('_', '-')}"
            )
        raise DataError(f"--adjust-by: got {wanted!r}; {choices_hint(name, [AUTO, *choices])}")
    return next((choice for choice in choices if choice in fields), None)


def adjust(rows: SymbolRows, adjustment: Adjustment, first_split: bool = False) -> dict[str, _Floats]:
    """Adjust the rows of one symbol.

    Parameters
    ----------
    rows
        n of them; days without a bar stay NaN.
    adjustment
        Raw prices are multiplied by a factor. By ``factor``: as the column gives it. By ``adjusted_close``: adjusted
        close over close. By ``split``: 1 at the first bar, times the ratio of each split after it; dividends stay in
        the prices. Prices that are adjusted already stay, and have the factor that a column gives beside them; beside
        a column of splits it is 1 at the last bar, whose shares such prices are of.
    first_split
        Whether splits up to the first bar count, too: they do where earlier bars are known.

    Returns
    -------
    dict
        Field -> ``[n]`` float64: prices, ``volume``, ``factor`` (if known), and the user's own fields as they are.
    """
    values = rows.values
    out = {name: column for name, column in values.items() if name not in ADJUSTMENTS}
    if adjustment.by == "none":
        return out | ({"factor": values["factor"]} if "factor" in values else {})
    factor = factor_of(rows, adjustment.by, first_split)
    if adjustment.prices == "adjusted":
        if adjustment.by == "adjusted_close":  # says nothing of prices that it does not belong to
            return out
        if adjustment.by == "split":
            factor = factor / factor[rows.traded][-1]
    else:
        out |= {name: out[name] * factor for name in PRICES if name in out}
    if "volume" in out and adjustment.volume == "raw":
        out["volume"] = out["volume"] / factor
    return out | {"factor": factor}


def with_factor(rows: SymbolRows) -> SymbolRows:
    """Give an index the factor 1 where its file says nothing of one: it has no shares."""
    values = {"factor": np.ones(len(rows.days))} | dict(rows.values)
    return SymbolRows(rows.symbol, rows.days, values, rows.traded, rows.evidence)


def factor_of(rows: SymbolRows, by: AdjustBy, first_split: bool = False) -> _Floats:
    """Give what a column, of the bars or of the evidence, says to multiply raw prices by: ``[n]``, NaN off bars."""
    columns = {**rows.evidence, **rows.values}
    if by == "factor":
        return columns["factor"]
    if by == "adjusted_close":
        ratio: _Floats = columns["adjusted_close"] / rows.values["close"]
        return ratio
    splits = columns["split"].copy()
    if not first_split:
        splits[: int(np.flatnonzero(rows.traded)[0]) + 1] = 1
    product: _Floats = np.where(rows.traded, np.cumprod(splits), np.nan)
    return product
