"""Properties of vendors' files, recognised by headers: the unit of volumes, and the usual state of prices.

Headers that vendors use are in :mod:`.columns`; yfinance's header of three rows is in :mod:`.three_row_header`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.reading.columns import header_key

__all__ = ["lot_size", "usual_prices"]

_LOT_FORMS = (frozenset({"tscode", "tradedate", "vol"}), frozenset({"日期", "开盘", "收盘", "成交量"}))
"""Headers of vendors that count volume in lots of Chinese shares: tushare's and akshare's."""

_LOT = 100

_SHORTEST_CODE = 5
"""Digits of a code in Hong Kong; one in China has six."""

_CHINESE_CODE = re.compile(r"((SH|SZ|BJ)\.?)?\d{6}(\.(SH|SZ|BJ|SS))?", re.IGNORECASE)

_YAHOO = frozenset({"dividends", "stocksplits"})
"""Headers of yfinance's ``history()``."""


def lot_size(header: Sequence[str], symbols: Collection[str]) -> int:
    """Shares per unit of the volume column: 100 in the files of tushare and akshare.

    akshare writes stocks of Hong Kong and America under the same headers, and counts their shares. Only codes of six
    digits are counted in lots.

    Raises DataError if codes have lost their leading zeros, or some volumes count lots and others shares.
    """
    keys = set(map(header_key, header))
    if not any(form <= keys for form in _LOT_FORMS):
        return 1
    for symbol in symbols:
        if symbol.isdecimal() and len(symbol) < _SHORTEST_CODE:
            raise DataError(
                f"symbols: got {symbol!r}, expected a code with its leading zeros, such as 000001 in China or 00700 in "
                "Hong Kong; they are lost when codes are read as numbers: read that column as text"
            )
    lots = [symbol for symbol in symbols if _CHINESE_CODE.fullmatch(symbol)]
    if lots and len(lots) < len(symbols):
        other = next(symbol for symbol in symbols if symbol not in lots)
        raise DataError(
            f"volume: this form counts lots of {_LOT} for codes such as {lots[0]}, and shares for codes such as "
            f"{other}; import the two apart"
        )
    return _LOT if lots else 1


def usual_prices(header: Sequence[str], by: str | None) -> Literal["raw", "adjusted"] | None:
    """Usual state of prices in files of this form; None if both are usual.

    A close is raw if there is also an adjusted one. Yahoo's prices are always adjusted for splits.
    """
    if by == "adjusted_close":
        return "raw"
    if by == "split" and set(map(header_key, header)) >= _YAHOO:
        return "adjusted"
    return None
