"""The account: the effect of a strategy's orders on cash and holdings, day by day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import ExecutorKwargs
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats, Ints, Reals
from lstm_bench.evaluate.trading.exchange import (
    BUY,
    EITHER,
    SELL,
    Quotes,
    TradingCosts,
    buy,
    deal_price,
    is_close,
    is_dealt,
    round_lot,
    sell,
    tradable,
)
from lstm_bench.evaluate.trading.topk_dropout import StrategyParams, decide

__all__ = ["ExecutionParams", "Ledger", "Orders", "simulate"]

_BY_AMOUNT = 1
_BY_VALUE = 2


class ExecutionParams(NamedTuple):
    """How orders are executed."""

    sells_first: bool  # whether sells are executed before buys
    settles_later: bool  # whether the proceeds of a sale can be spent from the next day on only
    weighting: int  # how fill rates are averaged over orders: equally (0), by amount (1) or by value (2)

    @classmethod
    def of(cls, config: ExecutorKwargs) -> ExecutionParams:
        """Parameters of a configuration."""
        weighting = {"mean": 0, "amount_weighted": _BY_AMOUNT, "value_weighted": _BY_VALUE}
        return cls(
            config.trade_type == "serial", config.settle_type == "cash", weighting[config.fill_weighting]
        )


class Orders(NamedTuple):
    """A day's orders: ``side [M]``, ``column [M]`` and ordered ``amount [M]``; sells before buys."""

    side: Ints
    column: Ints
    amount: Floats


class Ledger(NamedTuple):
    """The record of a simulation of D days."""

    # ``[5, D]``: at the close: value of the stocks, cash, proceeds that can be spent from the next day on, and the
    # running sums of turnover and of cost
    money: Floats
    # ``[4, D]``: of the day's orders: mean fill rate (NaN if no order has an amount), amount dealt, value dealt,
    # number of orders
    trades: Floats
    # ``[P]``: the holdings at each close, by day and column: day from 0, adjusted shares, last close, days held
    day: Ints
    column: Ints
    amount: Floats
    price: Floats
    days_held: Ints


@kernel()
def simulate(
    score: Reals,
    quotes: Quotes,
    costs: TradingCosts,
    params: StrategyParams,
    execution: ExecutionParams,
    begin: int,
    end: int,
    cash: float,
    amount: Floats,
    price: Floats,
    stream: npt.NDArray[np.uint32],
) -> Ledger:
    """Trade on the days ``begin..end`` (exclusive) of ``score [T, N]``, starting with ``cash`` and holdings.

    ``amount [N]`` are the shares held, ``price [N]`` their prices until a stock has a close; both are changed in
    place. Each day trades on the scores of the row before it. There are no orders on row 0, nor after a row without
    scores.
    """
    D = end - begin
    money, trades = np.empty((5, D)), np.empty((4, D))
    holdings = [np.empty((4, 0))]
    days_held = np.zeros(len(amount), dtype=np.int64)
    turnover = cost = 0.0
    for d in range(D):
        t = begin + d
        orders = _orders(score, quotes, costs, params, t, cash, amount, days_held, stream)
        cash, unsettled, value, paid = _deal(
            orders, quotes, costs, execution, t, cash, amount, days_held, trades[:, d]
        )
        turnover += value
        cost += paid
        held = _mark(quotes, t, amount, price, days_held)
        holdings.append(held)
        money[0, d], money[1, d], money[2, d] = (held[1] * held[2]).sum(), cash, unsettled
        money[3, d], money[4, d] = turnover, cost
        cash += unsettled
    return _ledger(money, trades, holdings[1:])


@kernel()
def _deal(
    orders: Orders,
    quotes: Quotes,
    costs: TradingCosts,
    execution: ExecutionParams,
    t: int,
    cash: float,
    amount: Floats,
    days_held: Ints,
    trades: Floats,
) -> tuple[float, float, float, float]:
    """Execute a day's orders: change ``amount [N]`` and ``days_held [N]``, fill ``trades [4]``.

    Returns the remaining cash, the proceeds that settle after the close, and the value and the cost of all fills.
    """
    shares, weights, dealt, turnover, cost, unsettled = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in _execution_order(orders.side, execution.sells_first):
        j, wish = orders.column[i], orders.amount[i]
        if orders.side[i] == SELL:
            fill = sell(quotes, costs, t, j, wish, cash)
        else:
            fill = buy(quotes, costs, t, j, wish, cash)
        dealt += fill.amount
        if wish > 0.0:  # an order that lots round down to nothing is counted, but has no fill rate
            weight = 1.0
            if execution.weighting == _BY_AMOUNT:
                weight = fill.amount
            elif execution.weighting == _BY_VALUE:
                weight = fill.value
            shares += fill.amount / wish * weight
            weights += weight
        if not is_dealt(fill.value):
            continue
        turnover += fill.value
        cost += fill.cost
        if orders.side[i] == SELL:
            if execution.settles_later:
                unsettled += fill.value - fill.cost
            else:
                cash += fill.value - fill.cost
            sold = fill.value / fill.price
            amount[j] = 0.0 if is_close(amount[j], sold) else amount[j] - sold
            if amount[j] == 0.0:
                days_held[j] = 0
        else:
            cash -= fill.value + fill.cost
            amount[j] = fill.value / fill.price
    trades[0] = shares / weights if weights > 0.0 else np.nan
    trades[1], trades[2], trades[3] = dealt, turnover, len(orders.side)
    return cash, unsettled, turnover, cost


@kernel()
def _mark(quotes: Quotes, t: int, amount: Floats, price: Floats, days_held: Ints) -> Floats:
    """Value the holdings at the close: ``[4, H]`` with column, amount, price and days held of each."""
    columns = np.nonzero(amount)[0]
    held = np.empty((4, len(columns)))
    for i, j in enumerate(columns):
        if not np.isnan(quotes.close[j, t]):  # a suspended stock keeps its last price
            price[j] = quotes.close[j, t]
        days_held[j] += 1
        held[0, i], held[1, i], held[2, i], held[3, i] = j, amount[j], price[j], days_held[j]
    return held


@kernel()
def _execution_order(side: Ints, sells_first: bool) -> Ints:
    """Positions of orders, in the order in which they are executed."""
    if sells_first:
        return np.arange(len(side))
    return np.concatenate((np.nonzero(side == BUY)[0], np.nonzero(side == SELL)[0]))


@kernel()
def _orders(
    score: Reals,
    quotes: Quotes,
    costs: TradingCosts,
    params: StrategyParams,
    t: int,
    cash: float,
    amount: Floats,
    days_held: Ints,
    stream: npt.NDArray[np.uint32],
) -> Orders:
    """Turn the strategy's decision into orders: whole holdings to sell, equal money for each stock to buy."""
    N = len(amount)
    side, column, wish = np.empty(N, dtype=np.int64), np.empty(N, dtype=np.int64), np.empty(N)
    if t == 0 or np.isnan(score[t - 1]).all():
        return Orders(side[:0], column[:0], wish[:0])
    n = 0
    held = np.nonzero(amount)[0]
    sells, buys = decide(score[t - 1], held, quotes, costs, params, t, stream)
    for j in sells:
        if days_held[j] < params.hold_thresh or not tradable(quotes, costs, t, j, SELL):
            continue
        if params.forbid_all_trade_at_limit and not tradable(quotes, costs, t, j, EITHER):
            continue
        fill = sell(quotes, costs, t, j, amount[j], cash)
        # buys are sized by the cash after all sells, whenever these are executed
        cash += fill.value - fill.cost
        side[n], column[n], wish[n] = SELL, j, amount[j]
        n += 1
    for j in buys:
        if not tradable(quotes, costs, t, j, EITHER if params.forbid_all_trade_at_limit else BUY):
            continue
        shares = cash * params.risk_degree / len(buys) / deal_price(quotes, t, j, BUY)
        side[n], column[n], wish[n] = BUY, j, round_lot(quotes, costs, t, j, shares)
        n += 1
    return Orders(side[:n], column[:n], wish[:n])


@kernel()
def _ledger(money: Floats, trades: Floats, holdings: list[Floats]) -> Ledger:
    """Join the holdings of all closes, ``[4, H]`` each as from :func:`_mark`, into long columns."""
    P = 0
    for held in holdings:
        P += held.shape[1]
    day, column, days_held = np.empty((3, P), dtype=np.int64)
    amount, price = np.empty((2, P))
    p = 0
    for d, held in enumerate(holdings):
        for i in range(held.shape[1]):
            day[p], column[p], days_held[p] = d, np.int64(held[0, i]), np.int64(held[3, i])
            amount[p], price[p] = held[1, i], held[2, i]
            p += 1
    return Ledger(money, trades, day, column, amount, price, days_held)
