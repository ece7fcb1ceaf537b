"""Which column of a file holds which field: as told, or guessed from the usual headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from lstm_bench.errors import DataError, choices_hint

__all__ = ["ADJUSTMENTS", "ALIASES", "PRICES", "map_columns"]

PRICES = ("open", "high", "low", "close", "vwap")
"""Fields that are multiplied by the factor."""

ADJUSTMENTS: tuple[Literal["factor", "adjusted_close", "split"], ...] = ("factor", "adjusted_close", "split")
"""Columns that say how prices are adjusted, the most telling first."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "day", "datetime", "timestamp", "tradedate", "tradingday", "time"),
    "symbol": (
        "symbol",
        "ticker",
        "code",
        "instrument",
        "tscode",
        "stockcode",
        "permno",
        "act symbol",
        "tic",
    ),
    "open": ("open", "openprice", "1. open", "prc open"),
    "high": ("high", "highprice", "2. high"),
    "low": ("low", "lowprice", "3. low"),
    "close": ("close", "closeprice", "close/last", "last", "4. close"),
    "vwap": ("vwap", "averageprice", "avgprice"),
    "volume": ("volume", "vol", "sharevolume", "5. volume", "6. volume"),
    "adjusted_close": ("adjusted close", "adj close", "close adj", "closeadj", "5. adjusted close"),
    "split": ("split", "splits", "stock splits", "split coefficient", "split ratio", "8. split coefficient"),
    "factor": ("factor", "adj factor", "adjustment factor", "adjust factor"),
}
"""Field -> headers taken for it where no option names one, the likeliest first; only letters and digits count."""


def map_columns(
    header: Sequence[str], named: Mapping[str, str], where: str, *, required: Sequence[str]
) -> dict[str, str]:
    """Find the column of each field.

    Parameters
    ----------
    header
        The file's column names.
    named
        Field -> column that the user named for it; any field beyond :data:`ALIASES` is one to keep as it is.
    where
        Names the file in messages.
    required
        Fields that must be there.

    Returns
    -------
    dict
        Field -> column name as the file has it; fields that the file has not are left out.

    Raises
    ------
    DataError
        Where a named column is not there, two columns may be meant, or a required field has none.
    """
    by_key: dict[str, list[str]] = {}
    for name in header:
        by_key.setdefault(_key(name), []).append(name)
    found: dict[str, str] = {}
    for field, name in named.items():
        exact = [column for column in header if column == name]
        found[field] = _only(exact or by_key.get(_key(name), []), f"--{_option(field)} {name}", where, header)
    taken = set(found.values())
    for field, aliases in ALIASES.items():
        for key in map(_key, aliases):  # the first alias that is there: 'close' before 'last'
            free = [name for name in by_key.get(key, ()) if name not in taken]
            if field not in found and free:
                found[field] = _only(free, field, where, header)
    for field in required:
        if field not in found:
            raise DataError(
                f"{where}: no column for {field!r}; name one with --{_option(field)}; "
                f"columns: {', '.join(header)}"
            )
    return found


def _only(names: Sequence[str], what: str, where: str, header: Sequence[str]) -> str:
    if not names:
        raise DataError(f"{where}: no column for {what}; {choices_hint(what.split(' ')[-1], header)}")
    if len(names) > 1:
        raise DataError(
            f"{where}: several columns may be {what!r}: {', '.join(names)}; name the one that is meant"
        )
    return names[0]


def _key(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _option(field: str) -> str:
    return field.replace("_", "-")
