"""The exchange: when a stock can be traded, at what price, in what amount and at what cost.

Amounts are *adjusted* shares (price times factor is the price in the street), money is in the account's
currency. Quotes are float32; whatever is computed from them is float64, in the order in which Qlib computes
it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.exchange import ExchangeConfig
from lstm_bench.core.kernel import kernel

__all__ = [
    "BUY", "EITHER", "SELL", "STOP", "Fill", "Quotes", "TradingCosts",
    "buy", "deal_price", "is_close", "is_dealt", "round_lot", "sell", "tradable",
]  # fmt: skip

SELL = 0
BUY = 1
EITHER = 2

STOP = 1.0
"""The limit where expressions say what stops: 1 stops buying, -1 stops selling."""

_FREE = 1e-8
"""A price of at most this is none."""


class Quotes(NamedTuple):
    """What the exchange knows, each ``[N, T]`` float32; one that the terms never ask for is ``[0, 0]``.

    ``rise`` stops buying where it reaches the limit, ``fall`` stops selling where it reaches minus the limit: both are
    the change, unless expressions say what stops. ``most_bought`` and ``most_sold`` bound the amount of an order.
    """

    close: npt.NDArray[np.float32]
    buy_price: npt.NDArray[np.float32]
    sell_price: npt.NDArray[np.float32]
    rise: npt.NDArray[np.float32]
    fall: npt.NDArray[np.float32]
    factor: npt.NDArray[np.float32]
    volume: npt.NDArray[np.float32]
    most_bought: npt.NDArray[np.float32]
    most_sold: npt.NDArray[np.float32]


class TradingCosts(NamedTuple):
    """What trading costs, and when it is impossible.

    ``limit`` is float32, like the change that it is compared with; infinite where there is none. ``lot`` is 0
    where amounts are not rounded. ``bounds_buys`` and ``bounds_sells`` say whether amounts are bounded by volume.
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
        """TradingCosts of a resolved configuration; ``adjusted`` says that the quotes lack factors to round with."""
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
    """What became of an order; no cost where nothing was dealt."""

    price: float
    amount: float
    value: float
    cost: float


@kernel()
def tradable(quotes: Quotes, terms: TradingCosts, t: int, j: int, side: int) -> bool:
    """Whether stock ``j`` has a close on day ``t`` and is not at the limit that stops ``side``."""
    if np.isnan(quotes.close[j, t]):
        return False
    if terms.limit == np.inf:
        return True
    return not (
        (side != SELL and quotes.rise[j, t] >= terms.limit)
        or (side != BUY and quotes.fall[j, t] <= -terms.limit)
    )


@kernel()
def deal_price(quotes: Quotes, t: int, j: int, side: int) -> float:
    """Price of the side, or the close where there is none."""
    price = np.float64(quotes.buy_price[j, t] if side == BUY else quotes.sell_price[j, t])
    return price if price > _FREE else np.float64(quotes.close[j, t])


@kernel(error_model="numpy")
def round_lot(quotes: Quotes, terms: TradingCosts, t: int, j: int, amount: float) -> float:
    """``amount`` rounded down to whole lots of unadjusted shares (a tenth of a share is forgiven)."""
    if terms.lot == 0.0:
        return amount
    factor = np.float64(quotes.factor[j, t])
    return (amount * factor + 0.1) // terms.lot * terms.lot / factor


@kernel()
def sell(quotes: Quotes, terms: TradingCosts, t: int, j: int, amount: float, cash: float) -> Fill:
    """Sell the whole of a holding, or in whole lots what the volume bears.

    Nothing is sold where cash and proceeds do not cover the cost.
    """
    price = deal_price(quotes, t, j, SELL)
    held = amount
    if terms.bounds_sells:
        amount = _bounded(quotes.most_sold[j, t], amount)
    ratio = terms.close_cost + _impact(quotes, terms, t, j, amount * price, price)
    if not is_close(amount, held):
        amount = round_lot(quotes, terms, t, j, amount)
    if cash + amount * price < max(amount * price * ratio, terms.min_cost):
        amount = 0.0
    return _settle(terms, price, amount, ratio)


@kernel()
def buy(quotes: Quotes, terms: TradingCosts, t: int, j: int, amount: float, cash: float) -> Fill:
    """Buy, in whole lots, up to ``amount``, to what the volume bears and to what ``cash`` pays for."""
    price = deal_price(quotes, t, j, BUY)
    if terms.bounds_buys:
        amount = _bounded(quotes.most_bought[j, t], amount)
    value = amount * price
    ratio = terms.open_cost + _impact(quotes, terms, t, j, value, price)
    cost = max(value * ratio, terms.min_cost)
    if cash < cost:
        amount = 0.0
    elif cash < value + cost:
        amount = round_lot(quotes, terms, t, j, min(_affordable(terms, price, cash, ratio), amount))
    else:
        amount = round_lot(quotes, terms, t, j, amount)
    return _settle(terms, price, amount, ratio)


@kernel()
def is_dealt(value: float) -> bool:
    """Whether an order of this value is more than a residue of rounding."""
    return value > 1e-5


@kernel()
def is_close(amount: float, reference: float) -> bool:
    """Whether two amounts are the same but for rounding, as numpy's ``isclose`` has it."""
    return abs(amount - reference) <= 1e-8 + 1e-5 * abs(reference)


@kernel()
def _bounded(most: np.float32, amount: float) -> float:
    """Return the part of an order that the volume bears; none where the volume is not known."""
    if np.isnan(most):
        return 0.0
    return max(min(np.float64(most), amount), 0.0)


@kernel()
def _settle(terms: TradingCosts, price: float, amount: float, ratio: float) -> Fill:
    value = amount * price
    cost = max(value * ratio, terms.min_cost) if is_dealt(value) else 0.0
    return Fill(price, amount, value, cost)


@kernel()
def _impact(quotes: Quotes, terms: TradingCosts, t: int, j: int, value: float, price: float) -> float:
    """Cost ratio of moving the market: ``impact_cost`` times the squared share of the day's value."""
    if terms.impact_cost == 0.0:
        return 0.0
    traded = np.float64(quotes.volume[j, t]) * price
    if traded == 0.0 or np.isnan(traded):  # nothing else was traded: the order is all of the day's value
        return terms.impact_cost
    return terms.impact_cost * (value / traded) ** 2


@kernel(error_model="numpy")
def _affordable(terms: TradingCosts, price: float, cash: float, ratio: float) -> float:
    """Find the largest amount whose value and cost ``cash`` covers."""
    if cash < terms.min_cost:
        return 0.0
    if cash >= terms.min_cost / ratio + terms.min_cost:
        return cash / (1.0 + ratio) / price
    return (cash - terms.min_cost) / price
