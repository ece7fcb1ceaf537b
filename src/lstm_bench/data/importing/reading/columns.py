"""Finds the column of each field: named by the user, or recognised by the headers that vendors use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from lstm_bench.core.errors import DataError, choices_hint

__all__ = ["ADJUSTMENTS", "ALIASES", "EVIDENCE", "PRICES", "evidence_columns", "header_key", "map_columns"]

PRICES = ("open", "high", "low", "close", "vwap")
"""Fields that are multiplied by the factor."""

ADJUSTMENTS: tuple[Literal["factor", "adjusted_close", "split"], ...] = ("factor", "adjusted_close", "split")
"""Columns that prices can be adjusted by, the most reliable first."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "day", "datetime", "timestamp", "tradedate", "tradingday", "dtyyyymmdd", "日期", "交易日期",
             "time", "时间"),
    "symbol": ("symbol", "ticker", "code", "instrument", "tscode", "stockcode", "股票代码", "证券代码", "代码",
               "permno", "act symbol", "tic"),
    "open": ("open", "openprice", "1. open", "prc open", "开盘", "开盘价"),
    "high": ("high", "highprice", "2. high", "最高", "最高价"),
    "low": ("low", "lowprice", "3. low", "最低", "最低价"),
    "close": ("close", "closeprice", "close/last", "last", "4. close", "收盘", "收盘价"),
    "vwap": ("vwap", "averageprice", "avgprice"),
    "volume": ("volume", "vol", "sharevolume", "5. volume", "6. volume", "成交量"),
    "adjusted_close": ("adjusted close", "adj close", "close adj", "closeadj", "5. adjusted close"),
    "split": ("split", "splits", "stock splits", "split coefficient", "split ratio", "split factor",
              "8. split coefficient"),
    "factor": ("factor", "adj factor", "adjustment factor", "adjust factor", "复权因子"),
}  # fmt: skip
"""Field -> headers recognised as it, the likeliest first. Only letters and digits count; an option takes precedence."""

EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "时间", "trade time"),
    "dividend": ("dividend", "dividends", "dividend amount", "7. dividend amount", "div cash"),
    "previous_close": ("previous close", "prev close", "pre close", "昨收", "昨收价", "昨收盘", "前收盘", "前收盘价"),
    "change": ("pct chg", "pct change", "percent change", "change percent", "p change", "涨跌幅",
               "change", "chg", "涨跌额"),
    "amount": ("amount", "money", "成交额", "成交金额"),
    "adjust_flag": ("adjust flag",),
    "trade_status": ("trade status",),
}  # fmt: skip
"""Field -> headers of columns that are only evidence about the bars."""


def map_columns(
    header: Sequence[str], named: Mapping[str, str], where: str, *, required: Sequence[str]
) -> dict[str, str]:
    """Find the column of each field.

    ``named`` are the columns that the user named; a field that is not in :data:`ALIASES` is kept unchanged. Returns
    the column of each field of the file. Raises DataError if a named column is missing, two columns match a field, or
    a required field has no column.
    """
    by_key: dict[str, list[str]] = {}
    for name in header:
        by_key.setdefault(header_key(name), []).append(name)
    found: dict[str, str] = {}
    for field, name in named.items():
        exact = [column for column in header if column == name]
        found[field] = _only(
            exact or by_key.get(header_key(name), []), f"--{_option(field)} {name}", where, header
        )
    taken = set(found.values())
    for field, aliases in ALIASES.items():
        for key in map(header_key, aliases):  # the first alias that the file has: 'close' before 'last'
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


def evidence_columns(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Find the columns of evidence: field of :data:`EVIDENCE` -> column, for the fields of the file.

    A column may also be a field of the user's, but not a price, volume or date.
    """
    taken = {column for field, column in columns.items() if field in ALIASES}
    found: dict[str, str] = {}
    for field, aliases in EVIDENCE.items():
        for key in map(header_key, aliases):
            names = [name for name in header if header_key(name) == key and name not in taken]
            if names and field not in found:
                found[field] = names[0]
    return found


def _only(names: Sequence[str], what: str, where: str, header: Sequence[str]) -> str:
    if not names:
        raise DataError(f"{where}: no column for {what}; {choices_hint(what.split(' ')[-1], header)}")
    if len(names) > 1:
        raise DataError(f"{where}: several columns may be {what!r}: {', '.join(names)}; name the right one")
    return names[0]


def header_key(name: str) -> str:
    """Reduce a header to lower-case letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _option(field: str) -> str:
    return field.replace("_", "-")
