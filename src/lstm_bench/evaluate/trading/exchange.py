"""The exchange: when a stock can be traded, at what price, in what amount and at what cost.

Amounts are *adjusted* shares (price divided by factor is the market price), money is in the account's currency.
Quotes are float32; values computed from them are float64, with Qlib's order of operations.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lstm_bench.config.sections.exchange import ExchangeConfig
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Floats32

__all__ = [
    "BUY", "EITHER", "SELL", "STOP", "Fill", "Quotes", "TradingCosts",
    "buy", "deal_price", "is_close", "is_dealt", "round_lot", "sell", "tradable",
]  # fmt: skip

SELL = 0
BUY = 1
EITHER = 2

STOP = 1.0
"""The limit if expressions stop trading: 1 stops buying, -1 stops selling."""

_LEAST_PRICE = 1e-8
"""A price of at most this counts as missing."""


class Quotes(NamedTuple):
    """The exchange's quotes, each ``[N, T]`` float32; quotes that are never needed are ``[0, 0]``.

    ``rise`` stops buying if it reaches the limit, ``fall`` stops selling if it reaches minus the limit. Both are the
    change, unless expressions stop trading. ``most_bought`` and ``most_sold`` bound the amount of an order.
    """

    close: Floats32
    buy_price: Floats32
    sell_price: Floats32
    rise: Floats32
    fall: Floats32
    factor: Floats32
    volume: Floats32
    most_bought: Floats32
    most_sold: Floats32


class TradingCosts(NamedTuple):
    """Costs and limits of trading.

    ``limit`` is float32, like the change that it is compared with, and infinite without a limit. ``lot`` is 0 if
    amounts are not rounded. ``bounds_buys`` and ``bounds_sells``: whether volume bounds amounts.
    """

    limit: np.float32
    open_cost: float
    close_cost: float
    min_cost: float
    impact_cost: float
    lot: float
    bounds_buys: bool
    bounds_sells: bool

    @classmethod
    def of(cls, config: ExchangeConfig, adjusted: bool) -> TradingCosts:
        """Costs of a resolved configuration; ``adjusted``: quotes lack the factors that rounding needs."""
        threshold = config.limit_threshold
        limit = np.inf if threshold is None else STOP if isinstance(threshold, tuple) else threshold
        return cls(
            np.float32(limit),
            config.open_cost,
            config.close_cost,
            config.min_cost,
            config.impact_cost,
            0.0 if adjusted or config.trade_unit is None else float(config.trade_unit),
            bool(config.volume_limits("buy")),
            bool(config.volume_limits("sell")),
        )


class Fill(NamedTuple):
    """The execution of an order; its cost is 0 if nothing was dealt."""

    price: float
    amount: float
    value: float
    cost: float


@kernel()
def tradable(quotes: Quotes, costs: TradingCosts, t: int, j: int, side: int) -> bool:
    """Whether stock ``j`` has a close on day ``t`` and is not at the limit that stops ``side``."""
    if np.isnan(quotes.close[j, t]):
        return False
    if costs.limit == np.inf:
        return True
    return not (
        (side != SELL and quotes.rise[j, t] >= costs.limit)
        or (side != BUY and quotes.fall[j, t] <= -costs.limit)
    )


@kernel()
def deal_price(quotes: Quotes, t: int, j: int, side: int) -> float:
    """Price of the side, or the close if there is none."""
    price = np.float64(quotes.buy_price[j, t] if side == BUY else quotes.sell_price[j, t])
    return price if price > _LEAST_PRICE else np.float64(quotes.close[j, t])


@kernel(error_model="numpy")
def round_lot(quotes: Quotes, costs: TradingCosts, t: int, j: int, amount: float) -> float:
    """``amount`` rounded down to whole lots of unadjusted shares, after adding a tenth of a share."""
    if costs.lot == 0.0:
        return amount
    factor = np.float64(quotes.factor[j, t])
    return (amount * factor + 0.1) // costs.lot * costs.lot / factor


@kernel()
def sell(quotes: Quotes, costs: TradingCosts, t: int, j: int, amount: float, cash: float) -> Fill:
    """Sell a whole holding, or the most whole lots that the volume allows.

    Nothing is sold if cash and proceeds do not cover the cost.
    """
    price = deal_price(quotes, t, j, SELL)
    held = amount
    if costs.bounds_sells:
        amount = _bounded(quotes.most_sold[j, t], amount)
    ratio = costs.close_cost + _impact(quotes, costs, t, j, amount * price, price)
    if not is_close(amount, held):
        amount = round_lot(quotes, costs, t, j, amount)
    if cash + amount * price < max(amount * price * ratio, costs.min_cost):
        amount = 0.0
    return _settle(costs, price, amount, ratio)


@kernel()
def buy(quotes: Quotes, costs: TradingCosts, t: int, j: int, amount: float, cash: float) -> Fill:
    """Buy whole lots, up to ``amount``, to the volume's bound and to the amount that ``cash`` pays for."""
    price = deal_price(quotes, t, j, BUY)
    if costs.bounds_buys:
        amount = _bounded(quotes.most_bought[j, t], amount)
    value = amount * price
    ratio = costs.open_cost + _impact(quotes, costs, t, j, value, price)
    cost = max(value * ratio, costs.min_cost)
    if cash < cost:
        amount = 0.0
    elif cash < value + cost:
        amount = round_lot(quotes, costs, t, j, min(_affordable(costs, price, cash, ratio), amount))
    else:
        amount = round_lot(quotes, costs, t, j, amount)
    return _settle(costs, price, amount, ratio)


@kernel()
def is_dealt(value: float) -> bool:
    """Whether an order's value is more than a rounding error."""
    return value > 1e-5


@kernel()
def is_close(amount: float, reference: float) -> bool:
    """Whether two amounts are equal within the tolerance of NumPy's ``isclose``."""
    return abs(amount - reference) <= 1e-8 + 1e-5 * abs(reference)


@kernel()
def _bounded(most: np.float32, amount: float) -> float:
    """Amount of an order within the volume's bound; 0 if the bound is NaN."""
    if np.isnan(most):
        return 0.0
    return max(min(np.float64(most), amount), 0.0)


@kernel()
def _settle(costs: TradingCosts, price: float, amount: float, ratio: float) -> Fill:
    value = amount * price
    cost = max(value * ratio, costs.min_cost) if is_dealt(value) else 0.0
    return Fill(price, amount, value, cost)


@kernel()
def _impact(quotes: Quotes, costs: TradingCosts, t: int, j: int, value: float, price: float) -> float:
    """Cost ratio of moving the market: ``impact_cost`` times the squared share of the day's value."""
    if costs.impact_cost == 0.0:
        return 0.0
    traded = np.float64(quotes.volume[j, t]) * price
    if traded == 0.0 or np.isnan(traded):  # without other trades, the order is all of the day's value
        return costs.impact_cost
    return costs.impact_cost * (value / traded) ** 2


@kernel(error_model="numpy")
def _affordable(costs: TradingCosts, price: float, cash: float, ratio: float) -> float:
    """Largest amount whose value and cost ``cash`` covers."""
    if cash < costs.min_cost:
        return 0.0
    if cash >= costs.min_cost / ratio + costs.min_cost:
        return cash / (1.0 + ratio) / price
    return (cash - costs.min_cost) / price
