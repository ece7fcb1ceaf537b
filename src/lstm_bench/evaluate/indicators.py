"""Trade indicators: how well a backtest's orders were executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["trade_indicators"]

_WEIGHTS = {"mean": "count", "amount_weighted": "deal_amount", "value_weighted": "value"}


def trade_indicators(
    trades: Mapping[str, npt.NDArray[np.float64]],
    method: Literal["mean", "amount_weighted", "value_weighted"] = "mean",
) -> dict[str, float]:
    """Sum up the indicators of all days, by Qlib's metric names.

    Parameters
    ----------
    trades : column -> ``[D]``
        Daily sums over orders, see ``BacktestResult.trades``.
    method
        How days are weighted: by their number of orders, amount dealt or value dealt.

    Returns
    -------
    dict
        ``1day.ffr``, the mean share of an order that was dealt; ``1day.pa``, the advantage over the deal
        price, and ``1day.pos``, the share of orders with an advantage. Orders are dealt at the deal price, so
        that the latter two are 0 by construction. NaN where no day has a weight.
    """
    weights = trades[_WEIGHTS[method]]
    total, orders = float(weights.sum()), float(trades["count"].sum())
    return {
        # a day whose orders were all of nothing has no share, and still counts in the denominator, as in Qlib
        "1day.ffr": float(np.nansum(trades["ffr"] * weights)) / total if total > 0 else np.nan,
        "1day.pa": 0.0 if total > 0 else np.nan,
        "1day.pos": 0.0 if orders > 0 else np.nan,
    }
