"""Holdings: how many stocks a strategy holds, how its money is spread over them, and for how long."""

from __future__ import annotations

import numpy as np

from lstm_bench.data.arrays import Floats
from lstm_bench.evaluate.trading.backtest import BacktestResult

__all__ = ["holding_statistics"]


def holding_statistics(portfolio: BacktestResult) -> dict[str, Floats]:
    """Statistics of the holdings at each close.

    Returns
    -------
    dict of ``[D]`` float64
        - ``holdings``: number of stocks;
        - ``concentration``: Herfindahl's index of the stocks' shares of the invested money: 1/n for n equal weights,
          1 for a single stock;
        - ``largest_weight``: of a stock, as a share of the account;
        - ``cash_share``: cash as a share of the account;
        - ``days_held``: mean over the stocks, today included.

        All but ``holdings`` and ``cash_share`` are NaN on a day without a stock. The concentration is also NaN if the
        stocks are worth nothing, and ``cash_share`` if the account is.
    """
    held, D = portfolio.positions, len(portfolio.days)
    per_day = [np.bincount(held.day, of, D) for of in (held.weight, held.weight**2, held.days_held)]
    invested, squares, ages = (total.astype(np.float64) for total in per_day)
    count = np.bincount(held.day, minlength=D).astype(np.float64)
    largest = np.zeros(D)
    np.maximum.at(largest, held.day, held.weight)
    nan_if_none = np.where(count > 0, 1.0, np.nan)
    account = portfolio.report["account"]
    return {
        "holdings": count,
        "concentration": squares / np.where(invested > 0, invested, np.nan) ** 2,
        "largest_weight": largest * nan_if_none,
        "cash_share": portfolio.report["cash"] / np.where(account > 0, account, np.nan),
        "days_held": ages / (count * nan_if_none),
    }
