"""Which column of a file holds which field: as told, or guessed from the usual headers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from lstm_bench.core.errors import DataError, choices_hint

__all__ = [
    "ADJUSTMENTS",
    "ALIASES",
    "EVIDENCE",
    "PRICES",
    "evidence_columns",
    "lot_size",
    "map_columns",
    "usual_prices",
]

PRICES = ("open", "high", "low", "close", "vwap")
"""Fields that are multiplied by the factor."""

ADJUSTMENTS: tuple[Literal["factor", "adjusted_close", "split"], ...] = ("factor", "adjusted_close", "split")
"""Columns that say how prices are adjusted, the most telling first."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "date": (
        "date",
        "day",
        "datetime",
        "timestamp",
        "tradedate",
        "tradingday",
        "dtyyyymmdd",
        "日期",
        "交易日期",
        "time",
        "时间",
    ),
    "symbol": (
        "symbol",
        "ticker",
        "code",
        "instrument",
        "tscode",
        "stockcode",
        "股票代码",
        "证券代码",
        "代码",
        "permno",
        "act symbol",
        "tic",
    ),
    "open": ("open", "openprice", "1. open", "prc open", "开盘", "开盘价"),
    "high": ("high", "highprice", "2. high", "最高", "最高价"),
    "low": ("low", "lowprice", "3. low", "最低", "最低价"),
    "close": ("close", "closeprice", "close/last", "last", "4. close", "收盘", "收盘价"),
    "vwap": ("vwap", "averageprice", "avgprice"),
    "volume": ("volume", "vol", "sharevolume", "5. volume", "6. volume", "成交量"),
    "adjusted_close": ("adjusted close", "adj close", "close adj", "closeadj", "5. adjusted close"),
    "split": (
        "split",
        "splits",
        "stock splits",
        "split coefficient",
        "split ratio",
        "split factor",
        "8. split coefficient",
    ),
    "factor": ("factor", "adj factor", "adjustment factor", "adjust factor", "复权因子"),
}
"""Field -> headers taken for it where no option names one, the likeliest first; only letters and digits count."""

EVIDENCE: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "时间", "trade time"),
    "dividend": ("dividend", "dividends", "dividend amount", "7. dividend amount", "div cash"),
    "previous_close": (
        "previous close", "prev close", "pre close", "昨收", "昨收价", "昨收盘", "前收盘", "前收盘价",
    ),
    "change": ("pct chg", "pct change", "percent change", "change percent", "p change", "涨跌幅",
               "change", "chg", "涨跌额"),
    "amount": ("amount", "money", "成交额", "成交金额"),
    "adjust_flag": ("adjust flag",),
    "trade_status": ("trade status",),
}  # fmt: skip
"""What bars are judged by, and not made of: fields and the headers taken for them."""


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


def evidence_columns(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Find the columns that bars are judged by: field of :data:`EVIDENCE` -> column, for those that are there.

    A column may be a field of the user's, too, but no price, volume or date.
    """
    taken = {column for field, column in columns.items() if field in ALIASES}
    found: dict[str, str] = {}
    for field, aliases in EVIDENCE.items():
        for key in map(_key, aliases):
            names = [name for name in header if _key(name) == key and name not in taken]
            if names and field not in found:
                found[field] = names[0]
    return found


_LOT_FORMS = (frozenset({"tscode", "tradedate", "vol"}), frozenset({"日期", "开盘", "收盘", "成交量"}))
"""Headers of vendors that count volume in lots of Chinese shares: tushare's and akshare's."""

_LOT = 100


def lot_size(header: Sequence[str], symbols: Collection[str]) -> int:
    """Say how many shares one of the volume column stands for: 100 in the files of tushare and akshare.

    akshare gives stocks of Hong Kong and America under the same headers, and counts their shares: lots are of codes
    of six digits alone.

    Raises
    ------
    DataError
        Where codes have lost their leading zeros, or volumes of some count lots and of others shares.
    """
    keys = {_key(name) for name in header}
    if not any(form <= keys for form in _LOT_FORMS):
        return 1
    for symbol in symbols:
        if symbol.isdecimal() and len(symbol) < _SHORTEST_CODE:
            raise DataError(
                f"symbols: got {symbol!r}, expected a code with its leading zeros, such as 000001 in China or 00700 in "
                "Hong Kong; they are lost where codes are read as numbers: read that column as text"
            )
    lots = [symbol for symbol in symbols if _CHINESE_CODE.fullmatch(symbol)]
    if lots and len(lots) < len(symbols):
        other = next(symbol for symbol in symbols if symbol not in lots)
        raise DataError(
            f"volume: this form counts lots of {_LOT} for codes such as {lots[0]}, and shares for codes such as "
            f"{other}; import the two apart"
        )
    return _LOT if lots else 1


_SHORTEST_CODE = 5
"""Digits of a code in Hong Kong; one in China has six."""

_CHINESE_CODE = re.compile(r"((SH|SZ|BJ)\.?)?\d{6}(\.(SH|SZ|BJ|SS))?", re.IGNORECASE)


_YAHOO = frozenset({"dividends", "stocksplits"})
"""Headers of yfinance's ``history()``."""


def usual_prices(header: Sequence[str], by: str | None) -> Literal["raw", "adjusted"] | None:
    """Say what prices are in files of this form; None where there are both kinds.

    A close beside an adjusted one is not adjusted. Yahoo's prices are adjusted for splits always.
    """
    if by == "adjusted_close":
        return "raw"
    if by == "split" and set(map(_key, header)) >= _YAHOO:
        return "adjusted"
    return None


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
