"""Trade indicators: how well a backtest's orders were executed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["trade_indicators"]


def trade_indicators(trades: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, float]:
    """Sum up the indicators of all days, weighted by their orders, by Qlib's metric names.

    Parameters
    ----------
    trades : column -> ``[D]``
        Daily sums over orders, see ``BacktestResult.trades``.

    Returns
    -------
    dict
        ``1day.ffr``, the mean share of an order that was dealt; ``1day.pa``, the advantage over the deal
        price, and ``1day.pos``, the share of orders with an advantage. Orders are dealt at the deal price, so
        that the latter two are 0 by construction. NaN without an order.
    """
    orders = float(trades["count"].sum())
    if orders == 0:
        return dict.fromkeys(("1day.ffr", "1day.pa", "1day.pos"), np.nan)
    return {
        # a day whose orders were all of nothing has no share, and still counts in the denominator, as in Qlib
        "1day.ffr": float(np.nansum(trades["ffr"] * trades["count"])) / orders,
        "1day.pa": 0.0,
        "1day.pos": 0.0,
    }
