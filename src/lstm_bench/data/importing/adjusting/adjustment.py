"""Adjusts prices by Qlib's convention: adjusted price = raw price * factor, adjusted volume = raw volume / factor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.arrays import Floats
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS, PRICES
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["AUTO", "AdjustBy", "Adjustment", "State", "adjust", "choose_column", "factor_of", "with_factor"]

AUTO = "auto"
"""Lets the files decide."""

AdjustBy = Literal["factor", "adjusted_close", "split", "none"]
"""The column that prices are adjusted by; ``none``: they are adjusted already."""

State = Literal["raw", "adjusted"]


@dataclass(frozen=True)
class Adjustment:
    """The adjustment of the files' prices and volumes."""

    by: AdjustBy  # the column that prices are adjusted by, or ``none``
    prices: State  # state of the files' prices; ``raw`` ones are multiplied by the factor
    volume: State  # state of the files' volumes; ``raw`` ones are divided by the factor

    @classmethod
    def requested(cls, by: AdjustBy) -> Adjustment:
        """Return the adjustment that the user requests: by a column for raw prices and volumes, or ``none``."""
        state: State = "adjusted" if by == "none" else "raw"
        return cls(by, state, state)

    @property
    def applied(self) -> AdjustBy:
        """The column that prices are multiplied by, or ``none``."""
        return self.by if self.prices == "raw" else "none"


def choose_column(fields: Collection[str], requested: str, where: str) -> AdjustBy | None:
    """Choose the column that prices are adjusted by.

    ``requested`` is an :data:`AdjustBy`, or ``auto``: the first of factor, adjusted close and split that the file
    has. Returns None if ``auto`` finds no such column. Raises DataError if the choice is unknown or has no column.
    """
    name = requested.replace("-", "_")
    choices: tuple[AdjustBy, ...] = get_args(AdjustBy)
    if name == AUTO:
        return next((choice for choice in choices if choice in fields), None)
    for choice in choices:
        if choice == name and (choice == "none" or choice in fields):
            return choice
    if name in choices:
        raise DataError(
            f"{where}: --adjust-by {requested}: no column for {name!r}; name one with --{name.replace('_', '-')}"
        )
    raise DataError(f"--adjust-by: got {requested!r}; {choices_hint(name, [AUTO, *choices])}")


def adjust(rows: SymbolRows, adjustment: Adjustment, first_split: bool = False) -> dict[str, Floats]:
    """Adjust the rows of one symbol.

    Raw prices are multiplied by a factor. By ``factor``: the column itself. By ``adjusted_close``: adjusted close
    over close. By ``split``: 1 at the first bar, times the ratio of each later split; dividends stay in the prices.
    Adjusted prices stay as they are, and get the factor of a column beside them. Beside a column of splits that
    factor is 1 at the last bar, because such prices are in the last day's shares. With ``first_split`` splits up to
    the first bar count as well, because earlier bars are known. Days without a bar stay NaN. Returns ``[n]`` float64
    by field: prices, ``volume``, ``factor`` (if known), and the user's own fields unchanged.
    """
    values = rows.values
    out = {name: column for name, column in values.items() if name not in ADJUSTMENTS}
    if adjustment.by == "none":
        return out | ({"factor": values["factor"]} if "factor" in values else {})
    factor = factor_of(rows, adjustment.by, first_split)
    if adjustment.prices == "adjusted":
        if adjustment.by == "adjusted_close":  # the column belongs to other prices
            return out
        if adjustment.by == "split":
            factor = factor / factor[rows.traded][-1]
    else:
        out |= {name: out[name] * factor for name in PRICES if name in out}
    if "volume" in out and adjustment.volume == "raw":
        out["volume"] = out["volume"] / factor
    return out | {"factor": factor}


def with_factor(rows: SymbolRows) -> SymbolRows:
    """Give an index the factor 1 unless its file has a factor: it has no shares."""
    return replace(rows, values={"factor": np.ones(len(rows.days)), **rows.values})


def factor_of(rows: SymbolRows, by: AdjustBy, first_split: bool = False) -> Floats:
    """Factor of raw prices by a column of the bars or of the evidence: ``[n]``, NaN off bars."""
    columns = {**rows.evidence, **rows.values}
    if by == "factor":
        return columns["factor"]
    if by == "adjusted_close":
        ratio: Floats = columns["adjusted_close"] / rows.values["close"]
        return ratio
    splits = columns["split"].copy()
    if not first_split:
        splits[: int(np.flatnonzero(rows.traded)[0]) + 1] = 1
    product: Floats = np.where(rows.traded, np.cumprod(splits), np.nan)
    return product
