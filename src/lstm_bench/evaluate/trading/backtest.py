"""The portfolio backtest: trade on a day's scores on the next day, and report the results.

A day runs as in Qlib's ``SimulatorExecutor`` with ``TopkDropoutStrategy``: decide by the scores of the day before,
sell, buy with the available cash, value the holdings at the close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_bench.config.sections.backtest import BacktestConfig, PortAnalysisConfig
from lstm_bench.config.sections.exchange import ExchangeConfig
from lstm_bench.core.errors import DataError, InputError
from lstm_bench.data.arrays import Days, Floats, Floats32, Ints, Reals
from lstm_bench.data.panel import Panel
from lstm_bench.evaluate.returns.risk import excess_risk
from lstm_bench.evaluate.trading.account import ExecutionParams, Ledger, simulate
from lstm_bench.evaluate.trading.exchange import STOP, Quotes, TradingCosts
from lstm_bench.evaluate.trading.indicators import trade_indicators
from lstm_bench.evaluate.trading.numpy_random import start_stream
from lstm_bench.evaluate.trading.topk_dropout import StrategyParams

__all__ = ["REPORT_COLUMNS", "BacktestResult", "Positions", "backtest"]

REPORT_COLUMNS = (
    "account", "return", "total_turnover", "turnover", "total_cost", "cost", "value", "cash", "bench",
)  # fmt: skip
"""Columns of the daily report, as Qlib names and orders them."""

_UNUSED = np.empty((0, 0), dtype=np.float32)

_KERNEL_LAYOUT: tuple[Literal["C", "W"], ...] = ("C", "W")
"""One memory layout for all arrays, so that the kernel is compiled once."""


@dataclass(frozen=True)
class Positions:
    """Holdings at each close: P entries ordered by day, then instrument."""

    # ``[P]`` int64, index into the result's ``days`` and ``instruments``
    day: Ints
    instrument: Ints
    amount: Floats  # ``[P]`` float64, adjusted shares
    price: Floats  # ``[P]`` float64, the last close
    weight: Floats  # ``[P]`` float64, share of the account's value
    days_held: Ints  # ``[P]`` int64, today included


@dataclass(frozen=True)
class BacktestResult:
    """The results of a backtest.

    Attributes
    ----------
    days : ``[D]`` datetime64[D], the trading days
    instruments : codes that ``positions`` refers to
    report : column -> ``[D]`` float64
        ``account`` (value of cash and stocks at the close, including proceeds that settle the next day), ``return``
        (before cost), ``total_turnover`` and ``total_cost`` (running sums of money), ``turnover`` and ``cost`` (the
        day's, divided by the account of the day before), ``value`` (of the stocks), ``cash``, ``bench`` (the
        benchmark's return).
    trades : column -> ``[D]`` float64
        Of the day's orders: ``ffr`` (mean fill rate, weighted by the executor's setting; NaN if no order has an
        amount), ``deal_amount`` and ``value`` (sums), ``count``.
    positions : holdings at each close
    """

    days: Days
    instruments: tuple[str, ...]
    report: dict[str, Floats]
    trades: dict[str, Floats]
    positions: Positions

    @property
    def metrics(self) -> dict[str, float]:
        """Risk of the excess return and trade indicators, by the names under which Qlib logs them."""
        return excess_risk(self.report) | trade_indicators(self.trades)


def backtest(
    score: Reals, quotes: Panel, bench: Floats32, config: PortAnalysisConfig, seed: int = 0
) -> BacktestResult:
    """Trade on scores.

    Raises InputError if the shapes do not fit. Raises DataError if there is no score at all, or no trading day among
    the days of ``quotes``.

    Parameters
    ----------
    score : ``[T, N]`` float32 or float64
        On the days and instruments of ``quotes`` (see ``quotes.place``); NaN if there is no score. A day trades on
        the row before its own, so that row 0 has no signal.
    quotes : bars with the fields of ``quotes.quote_fields``. They should start a day before the first trading day.
    bench : ``[T]`` float32, the benchmark's daily return, see ``quotes.load_benchmark``
    config : resolved for its region (``config.backtest.resolve``)
    seed : of the random choices of ``method_sell: random`` and ``method_buy: random``
    """
    if score.shape != quotes.shape or bench.shape != quotes.shape[:1]:
        raise InputError(
            f"score and bench: got the shapes {score.shape} and {bench.shape}, expected {quotes.shape} "
            f"and {quotes.shape[:1]}, as the quotes have"
        )
    begin, end = _trading_days(score, quotes, config)
    exchange = config.backtest.exchange_kwargs
    market = _market(quotes, exchange)
    lacks_factor = _lacks_factor(market, _quoted_rows(quotes, exchange, begin, end))
    ledger = simulate(
        np.require(score, np.float64, _KERNEL_LAYOUT),
        market,
        TradingCosts.of(exchange, adjusted=lacks_factor),
        StrategyParams.of(config.strategy.kwargs),
        ExecutionParams.of(config.executor.kwargs),
        begin,
        end,
        config.backtest.cash,
        *_first_holdings(quotes, config.backtest),
        start_stream(seed),
    )
    report = _report(ledger, config.backtest.cash, bench[begin:end])
    return BacktestResult(
        days=quotes.days[begin:end],
        instruments=quotes.instruments,
        report=report,
        trades=dict(zip(("ffr", "deal_amount", "value", "count"), ledger.trades, strict=True)),
        positions=_positions(ledger, report["account"]),
    )


def _trading_days(score: Reals, quotes: Panel, config: PortAnalysisConfig) -> tuple[int, int]:
    """First row that trades, and the row after the last.

    Defaults are the first day with a score and the day after the last.
    """
    scored = np.flatnonzero(~np.isnan(score).all(axis=1))
    if len(scored) == 0:
        raise DataError(
            f"score: no stock has one on {quotes.days[0]}..{quotes.days[-1]}; there is nothing to trade on"
        )
    start, stop = config.backtest.start_time, config.backtest.end_time
    begin = int(scored[0]) if start is None else int(np.searchsorted(quotes.days, np.datetime64(start, "D")))
    if stop is None:
        end = min(int(scored[-1]) + 2, len(quotes.days))
    else:
        end = int(np.searchsorted(quotes.days, np.datetime64(stop, "D"), side="right"))
    if begin >= end:
        raise DataError(
            f"backtest: {start}..{stop} holds no day of the quotes, {quotes.days[0]}..{quotes.days[-1]}"
        )
    return begin, end


def _market(quotes: Panel, exchange: ExchangeConfig) -> Quotes:
    """Quotes with the fields that the exchange's settings need, and no others."""
    buy_price, sell_price = exchange.prices
    return Quotes(
        close=_column(quotes, "close"),
        buy_price=_column(quotes, buy_price),
        sell_price=_column(quotes, sell_price),
        rise=_limit(quotes, exchange, 0, STOP),
        fall=_limit(quotes, exchange, 1, -STOP),
        factor=_column(quotes, "factor") if exchange.trade_unit is not None else _UNUSED,
        volume=_column(quotes, "volume") if exchange.impact_cost > 0 else _UNUSED,
        most_bought=_least(quotes, exchange.volume_limits("buy")),
        most_sold=_least(quotes, exchange.volume_limits("sell")),
    )


def _column(quotes: Panel, name: str) -> Floats32:
    return np.require(quotes.fields[name].T, requirements=_KERNEL_LAYOUT)


def _limit(quotes: Panel, exchange: ExchangeConfig, side: int, stop: float) -> Floats32:
    """Return the change; or ``stop`` where the side's expression is not 0 or NaN, as in Qlib."""
    threshold = exchange.limit_threshold
    if threshold is None:
        return _UNUSED
    if not isinstance(threshold, tuple):
        return _column(quotes, "change")
    return np.require(np.where(quotes.fields[threshold[side]].T != 0, stop, 0.0), np.float32, _KERNEL_LAYOUT)


def _least(quotes: Panel, expressions: tuple[str, ...]) -> Floats32:
    """Return the smallest of the limits; NaN if one of them is."""
    if not expressions:
        return _UNUSED
    limits = [quotes.fields[expression].T for expression in expressions]
    return np.require(np.minimum.reduce(limits), np.float32, _KERNEL_LAYOUT)


def _first_holdings(quotes: Panel, config: BacktestConfig) -> tuple[Floats, Floats]:
    """Amounts and prices ``[N]`` of the account's initial holdings."""
    amount, price = np.zeros((2, len(quotes.instruments)))
    for code, held in config.holdings.items():
        if code not in quotes.instruments:
            raise InputError(f"quotes: no column for {code}, which the account holds")
        j = quotes.instruments.index(code)
        amount[j], price[j] = held.amount, held.price
    return amount, price


def _quoted_rows(quotes: Panel, exchange: ExchangeConfig, begin: int, end: int) -> slice:
    """Rows with quotes: those of the trading days, unless the exchange has its own start and end."""
    first, last = exchange.start_time, exchange.end_time
    if first is not None:
        begin = int(np.searchsorted(quotes.days, np.datetime64(first, "D")))
    if last is not None:
        end = int(np.searchsorted(quotes.days, np.datetime64(last, "D"), side="right"))
    return slice(begin, end)


def _lacks_factor(market: Quotes, quoted: slice) -> bool:
    """Whether a close lacks its factor: then Qlib trades every stock in adjusted shares, without rounding."""
    if market.factor is _UNUSED:
        return True
    return bool((np.isnan(market.factor[:, quoted]) & ~np.isnan(market.close[:, quoted])).any())


def _report(ledger: Ledger, account: float, bench: Floats32) -> dict[str, Floats]:
    """Compute the daily report from the ledger's money."""
    value, cash, unsettled, total_turnover, total_cost = ledger.money
    after = value + cash + unsettled
    before = np.concatenate(([account], after[:-1]))
    turnover = np.diff(total_turnover, prepend=0.0)
    cost = np.diff(total_cost, prepend=0.0)
    columns = (
        after,
        (after - before + cost) / before,
        total_turnover,
        turnover / before,
        total_cost,
        cost / before,
        value,
        cash,
        # Qlib compounds the single return of a day in float32, which rounds it
        ((bench + np.float32(1)) - np.float32(1)).astype(np.float64),
    )
    return dict(zip(REPORT_COLUMNS, columns, strict=True))


def _positions(ledger: Ledger, account: Floats) -> Positions:
    return Positions(
        day=ledger.day,
        instrument=ledger.column,
        amount=ledger.amount,
        price=ledger.price,
        weight=ledger.amount * ledger.price / account[ledger.day],
        days_held=ledger.days_held,
    )
