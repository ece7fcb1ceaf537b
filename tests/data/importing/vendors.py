"""Synthetic prices, and files of them in the forms of vendors.

A stock trades ``raw`` shares: they fall at a split of four to one, at one of one to two, and at dividends. Its
``adjusted`` closes are what a holder of one share of the last day had on each day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["FORMS", "Stock", "stock"]

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Stock:
    """Bars of one stock, by day: raw prices and volumes, and what happened to the shares."""

    code: str
    bars: pd.DataFrame  # date; raw open, high, low, close, volume; split (1 without), dividend (0 without)
    returns: np.ndarray  # what a holder earned

    @property
    def splits_factor(self) -> np.ndarray:
        """Shares of the last day per share: 1 at the last bar."""
        after: np.ndarray = self.bars["split"].to_numpy()[::-1].cumprod()[::-1]
        factor: np.ndarray = np.append(1 / after[1:], 1.0)
        return factor

    @property
    def factor(self) -> np.ndarray:
        """Adjusted price over raw price: 1 at the last bar."""
        total = np.cumprod(1 + self.returns)
        factor: np.ndarray = total / self.bars["close"].to_numpy()
        factor /= factor[-1]
        return factor

    def priced(
        self, factor: np.ndarray | float, volume: np.ndarray | float = 1.0, digits: int = 6
    ) -> pd.DataFrame:
        """Multiply prices by ``factor`` and divide volumes by ``volume``."""
        bars = self.bars.copy()
        for name in _PRICES:
            bars[name] = (bars[name] * factor).round(digits)
        bars["volume"] = bars["volume"] / volume
        return bars


def stock(code: str, events: bool, seed: int = 0, days: int = 160) -> Stock:
    """Make a synthetic stock, with two splits and three dividends or without."""
    rng = np.random.default_rng([seed, *code.encode()])
    split, share = np.ones(days), np.zeros(days)
    if events:
        split[[50, 110]] = 4.0, 0.5
        share[[30, 80, 140]] = 0.03
    earned = rng.normal(0.0005, 0.012, days)
    earned[0] = 0
    close = np.empty(days)
    close[0] = 80.0
    dividend = np.zeros(days)
    for t in range(1, days):
        dividend[t] = round(close[t - 1] * share[t] / split[t], 2)
        close[t] = round(close[t - 1] * (1 + earned[t]) / split[t] - dividend[t], 2)
    before = np.append(close[0], close[:-1])
    returns = (close + dividend) * split / before - 1
    bars = pd.DataFrame(
        {
            "date": np.busday_offset("2020-01-06", np.arange(days), roll="forward").astype(str),
            "open": np.round(close * 0.998, 2),
            "high": np.round(close * 1.01, 2),
            "low": np.round(close * 0.99, 2),
            "close": close,
            "volume": np.round(np.exp(rng.normal(13, 0.15, days)) * np.cumprod(split) / 100) * 100,
            "split": split,
            "dividend": dividend,
        }
    )
    return Stock(code, bars, returns)


Form = Callable[[Stock, bool], tuple[pd.DataFrame, Mapping[str, object]]]


def _yahoo(one: Stock, adjusted: bool) -> pd.DataFrame:
    """Yahoo's prices: always of the last day's shares; adjusted for dividends as well if ``adjusted``."""
    bars = one.priced(one.factor if adjusted else one.splits_factor, one.splits_factor)
    bars["adjclose"] = (one.bars["close"] * one.factor).round(6)
    return bars


def _zone(date: pd.Series) -> pd.Series:
    return date + " 00:00:00-04:00"


def _write(table: pd.DataFrame, path: Path, **options: object) -> None:
    table.to_csv(path, index=False, **options)  # type: ignore[call-overload]


def yahoo_history(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """``Ticker.history()``: with ``auto_adjust``, or without (``Adj Close`` then)."""
    for one in stocks:
        bars = _yahoo(one, adjusted)
        table = pd.DataFrame({"Date": _zone(bars["date"])} | {n.title(): bars[n] for n in _PRICES})
        if not adjusted:
            table["Adj Close"] = bars["adjclose"]
        table["Volume"] = bars["volume"]
        table["Dividends"] = bars["dividend"] * one.splits_factor
        table["Stock Splits"] = bars["split"].replace(1.0, 0.0)
        _write(table, folder / f"{one.code}.csv")


def yahoo_download(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """``download()`` of several tickers, which has no column of splits; three rows of headers."""
    columns: dict[tuple[str, str], object] = {}
    dates = stocks[0].bars["date"]
    for field in ([] if adjusted else ["Adj Close"]) + ["Close", "High", "Low", "Open", "Volume"]:
        for one in stocks:
            bars = _yahoo(one, adjusted)
            columns[field, one.code] = bars["adjclose" if field == "Adj Close" else field.lower()].to_numpy()
    table = pd.DataFrame(columns, index=pd.Index(dates, name="Date"))
    table.columns.names = ["Price", "Ticker"]
    table.to_csv(folder / "download.csv")


def qlib_collector(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """Qlib's Yahoo collector: its source files, or normalised ones for ``dump_bin`` (close 1 at the first bar)."""
    for one in stocks:
        bars = _yahoo(one, False)
        table = bars[["date", "open", "close", "high", "low", "volume", "adjclose"]].assign(symbol=one.code)
        if adjusted:
            first = float(bars["adjclose"].iloc[0])
            factor = bars["adjclose"] / bars["close"] / first
            for name in _PRICES:
                table[name] = bars[name] * factor
            table["volume"] = bars["volume"] / factor
            table["factor"], table["change"] = factor, table["close"].pct_change()
        _write(table, folder / f"{one.code}.csv")


def dump_bin(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """Bars with a factor: adjusted ones for ``dump_bin``, with ``change``; or raw ones."""
    for one in stocks:
        factor = one.factor / one.factor[0]  # 1 at the first bar
        bars = one.priced(factor if adjusted else 1.0, factor if adjusted else 1.0, digits=9)
        table = bars[["date", *_PRICES, "volume"]].assign(symbol=one.code, factor=factor)
        if adjusted:
            table["change"] = table["close"].pct_change()
        _write(table, folder / f"{one.code}.csv")


def _chinese(one: Stock, adjusted: bool) -> pd.DataFrame:
    """Bars as Chinese exchanges state them: previous closes and changes are of the raw close, less what was paid."""
    bars = one.priced(one.factor / one.factor[0] if adjusted else 1.0, digits=2 if not adjusted else 4)
    bars["previous"] = bars["close"] / (1 + one.returns)
    bars["percent"] = one.returns * 100
    bars["amount"] = one.bars["volume"] * one.bars["close"]
    return bars


def akshare(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """``stock_zh_a_hist``: Chinese headers, in lots, GBK as Excel writes it; ``hfq``, or raw."""
    for one in stocks:
        bars = _chinese(one, adjusted)
        table = pd.DataFrame(
            {
                "日期": bars["date"], "股票代码": one.code[2:], "开盘": bars["open"], "收盘": bars["close"],
                "最高": bars["high"], "最低": bars["low"], "成交量": (bars["volume"] / 100).astype(int),
                "成交额": bars["amount"].round(2), "振幅": 1.2, "涨跌幅": bars["percent"].round(2),
                "涨跌额": (bars["close"] - bars["previous"]).round(2), "换手率": 0.4,
            }
        )  # fmt: skip
        _write(table, folder / f"{one.code}.csv", encoding="gbk")


def baostock(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """``query_history_k_data_plus``; ``adjustflag`` 1: adjusted, 3: raw."""
    for one in stocks:
        bars = _chinese(one, adjusted)
        table = pd.DataFrame(
            {
                "date": bars["date"], "code": f"sh.{one.code[2:]}", **{name: bars[name] for name in _PRICES},
                "preclose": bars["previous"].round(4), "volume": bars["volume"].astype(int), "amount": bars["amount"],
                "adjustflag": 1 if adjusted else 3, "turn": 0.4, "tradestatus": 1, "pctChg": bars["percent"].round(6),
                "isST": 0,
            }
        )  # fmt: skip
        _write(table, folder / f"{one.code}.csv")


def tushare(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """``daily`` beside ``adj_factor``, or ``pro_bar(adj="hfq")``: newest first, in lots and thousands."""
    for one in stocks:
        bars = _chinese(one, adjusted)
        table = pd.DataFrame(
            {
                "ts_code": f"{one.code[2:]}.SH", "trade_date": bars["date"].str.replace("-", ""),
                **{name: bars[name] for name in _PRICES}, "pre_close": bars["previous"].round(4),
                "change": (bars["close"] - bars["previous"]).round(4), "pct_chg": bars["percent"].round(4),
                "vol": bars["volume"] / 100, "amount": bars["amount"] / 1000,
                "adj_factor": one.factor / one.factor[0],
            }
        )  # fmt: skip
        _write(table[::-1], folder / f"{one.code}.csv")


def alpha_vantage(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """``TIME_SERIES_DAILY_ADJUSTED``: raw prices beside ``adjusted_close``; or the adjusted ones twice."""
    for one in stocks:
        bars = one.priced(one.factor if adjusted else 1.0, one.factor if adjusted else 1.0)
        table = pd.DataFrame(
            {
                "timestamp": bars["date"], **{name: bars[name] for name in _PRICES},
                "adjusted_close": (one.bars["close"] * one.factor).round(6), "volume": bars["volume"],
                "dividend_amount": bars["dividend"], "split_coefficient": bars["split"],
            }
        )  # fmt: skip
        _write(table[::-1], folder / f"{one.code}.csv")


def stooq(stocks: list[Stock], adjusted: bool, folder: Path) -> None:
    """The archive's files, or the download's; stooq's prices are adjusted, and no column says so."""
    for one in stocks:
        bars = one.priced(one.factor if adjusted else 1.0)
        table = pd.DataFrame(
            {
                "<TICKER>": f"{one.code}.US", "<PER>": "D", "<DATE>": bars["date"].str.replace("-", ""),
                "<TIME>": "000000",
                **{f"<{name.upper()}>": bars[name] for name in _PRICES}, "<VOL>": bars["volume"], "<OPENINT>": 0,
            }
        )  # fmt: skip
        _write(table, folder / f"{one.code}.us.txt")


FORMS = {
    form.__name__: form
    for form in (
        yahoo_history, yahoo_download, qlib_collector, dump_bin, akshare, baostock, tushare, alpha_vantage, stooq,
    )
}  # fmt: skip
