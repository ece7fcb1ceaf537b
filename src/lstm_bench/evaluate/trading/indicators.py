"""Trade indicators: how well a backtest's orders were executed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_bench.config.sections.backtest import Weighting
from lstm_bench.data.arrays import Floats

__all__ = ["trade_indicators"]


_WEIGHTS: Mapping[Weighting, str] = {
    "mean": "count",
    "amount_weighted": "deal_amount",
    "value_weighted": "value",
}


def trade_indicators(trades: Mapping[str, Floats], weighting: Weighting = "mean") -> dict[str, float]:
    """Average the indicators over days, by Qlib's metric names.

    ``trades`` are ``BacktestResult.trades``. A day weighs its number of orders (``mean``), or the amount or the value
    dealt. Returns ``1day.ffr``, the mean fill rate; ``1day.pa``, the advantage over the deal price, and ``1day.pos``,
    the share of orders with an advantage. Orders are dealt at the deal price, so that the last two are always 0. NaN
    without an order.
    """
    weights = trades[_WEIGHTS[weighting]]
    if trades["count"].sum() == 0 or weights.sum() == 0:
        return dict.fromkeys(("1day.ffr", "1day.pa", "1day.pos"), np.nan)
    return {
        # a day whose orders have no amount has no fill rate, but counts in the denominator, as in Qlib
        "1day.ffr": float(np.nansum(trades["ffr"] * weights)) / float(weights.sum()),
        "1day.pa": 0.0,
        "1day.pos": 0.0,
    }
