"""Holdings: how many stocks a strategy holds, how its money is spread over them, and how long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.backtest import BacktestResult

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

        All but the first and ``cash_share`` are NaN on a day without a stock.
    """
    held, D = portfolio.positions, len(portfolio.days)
    count = np.bincount(held.day, minlength=D).astype(np.float64)
    invested = np.bincount(held.day, held.weight, D)
    largest = np.full(D, -np.inf)
    np.maximum.at(largest, held.day, held.weight)
    some = count > 0

    def where_held(
        numerator: npt.NDArray[np.float64], denominator: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        return np.divide(numerator, denominator, out=np.full(D, np.nan), where=some)

    return {
        "holdings": count,
        "concentration": where_held(np.bincount(held.day, held.weight**2, D), invested**2),
        "largest_weight": np.where(some, largest, np.nan),
        "cash_share": portfolio.report["cash"] / portfolio.report["account"],
        "days_held": where_held(np.bincount(held.day, held.days_held, D), count),
    }
