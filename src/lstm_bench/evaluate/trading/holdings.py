"""Holdings: how many stocks a strategy holds, how its money is spread over them, and how long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.trading.backtest import BacktestResult

__all__ = ["holding_statistics"]


def holding_statistics(portfolio: BacktestResult) -> dict[str, npt.NDArray[np.float64]]:
    """Describe what is held at each close.

    Returns
    -------
    dict of ``[D]`` float64
        - ``holdings``: number of stocks;
        - ``concentration``: Herfindahl's index of the stocks' shares of what is invested: 1/n where n stocks weigh the
          same, 1 for a single one;
        - ``largest_weight``: of a stock, as a share of the account;
        - ``cash_share``: cash as a share of the account;
        - ``days_held``: mean over the stocks, today included.

        All but the first and ``cash_share`` are NaN on a day without a stock, the concentration also where the stocks
        are worth nothing, and ``cash_share`` where the account is.
    """
    held, D = portfolio.positions, len(portfolio.days)
    per_day = [np.bincount(held.day, of, D) for of in (held.weight, held.weight**2, held.days_held)]
    invested, squares, ages = (total.astype(np.float64) for total in per_day)
    count = np.bincount(held.day, minlength=D).astype(np.float64)
    largest = np.zeros(D)
    np.maximum.at(largest, held.day, held.weight)
    there = np.where(count > 0, 1.0, np.nan)
    account = portfolio.report["account"]
    return {
        "holdings": count,
        "concentration": squares / np.where(invested > 0, invested, np.nan) ** 2,
        "largest_weight": largest * there,
        "cash_share": portfolio.report["cash"] / np.where(account > 0, account, np.nan),
        "days_held": ages / (count * there),
    }
