"""Reads headers of three rows, as yfinance's ``download()`` writes: fields, tickers, and the name of the dates' column.

    Price,Close,Close,Volume,Volume
    Ticker,AAPL,MSFT,AAPL,MSFT
    Date,,,,

Older versions swap the rows of fields and tickers, or leave their first cells empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstm_bench.core.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ROWS", "ThreeRowHeader", "three_row_header"]

ROWS = 3

_DATES = ("date", "datetime")


@dataclass(frozen=True)
class ThreeRowHeader:
    """The column of each ticker's field."""

    date: str  # name of the first column, which holds the dates
    # distinct names, in the order of the file
    fields: tuple[str, ...]
    tickers: tuple[str, ...]
    width: int  # number of columns
    positions: dict[tuple[str, str], int]  # (ticker, field) -> position of the column

    symbol = "Ticker"
    """Name of the long table's column of tickers."""

    @property
    def names(self) -> list[str]:
        """Columns of the long table."""
        return [self.date, self.symbol, *self.fields]

    def long_column(self, table: pa.Table, name: str) -> pa.ChunkedArray:
        """Build a column of the long table, in which the rows of one ticker follow those of another.

        ``table``: the rows below the header, all text.
        """
        import pyarrow as pa

        n = table.num_rows
        if name == self.date:
            parts = [table.column(0)] * len(self.tickers)
        elif name == self.symbol:
            parts = [pa.chunked_array([pa.repeat(ticker, n)], pa.string()) for ticker in self.tickers]
        else:
            missing = pa.chunked_array([pa.nulls(n, pa.string())])
            places = (self.positions.get((ticker, name)) for ticker in self.tickers)
            parts = [missing if place is None else table.column(place) for place in places]
        return pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())


def three_row_header(rows: Sequence[Sequence[str]], where: str) -> ThreeRowHeader | None:
    """Recognise the header in the first rows of a file; None if the header has another form.

    Raises DataError if a field of a ticker occurs more than once; ``where`` names the file.
    """
    if len(rows) < ROWS or len({len(row) for row in rows[:ROWS]}) != 1 or len(rows[0]) < 2:
        return None
    first, second, third = ([cell.strip() for cell in row] for row in rows[:ROWS])
    if third[0].lower() not in _DATES or any(third[1:]):
        return None
    upper, lower = first[1:], second[1:]
    if "close" in {name.lower() for name in lower}:
        upper, lower = lower, upper
    if "close" not in {name.lower() for name in upper} or not all(upper) or not all(lower):
        return None
    pairs = list(zip(upper, lower, strict=True))
    twice = next((pair for pair in pairs if pairs.count(pair) > 1), None)
    if twice is not None:
        raise DataError(f"{where}: the header names {twice[0]!r} of {twice[1]!r} more than once")
    positions = {(ticker, field): k + 1 for k, (field, ticker) in enumerate(pairs)}
    fields, tickers = (tuple(dict.fromkeys(names)) for names in (upper, lower))
    return ThreeRowHeader(third[0], fields, tickers, len(first), positions)
