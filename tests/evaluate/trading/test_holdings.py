from __future__ import annotations

import numpy as np

from lstm_bench.evaluate.trading.backtest import BacktestResult, Positions
from lstm_bench.evaluate.trading.holdings import holding_statistics


def portfolio() -> BacktestResult:
    """Nothing on the first day, two stocks on the second, one on the third."""
    ones = np.ones(3)
    positions = Positions(
        day=np.array([1, 1, 2]),
        instrument=np.array([0, 2, 2]),
        amount=ones,
        price=ones,
        weight=np.array([0.6, 0.2, 0.5]),
        days_held=np.array([1, 1, 2]),
    )
    report = {"account": np.array([100.0, 100.0, 50.0]), "cash": np.array([100.0, 20.0, 25.0])}
    days = np.arange("2020-01-01", "2020-01-04", dtype="datetime64[D]")
    return BacktestResult(days, ("A", "B", "C"), report, {}, positions)


def test_by_hand() -> None:
    got = holding_statistics(portfolio())
    np.testing.assert_array_equal(got["holdings"], [0, 2, 1])
    np.testing.assert_allclose(got["concentration"], [np.nan, 0.75**2 + 0.25**2, 1.0])
    np.testing.assert_array_equal(got["largest_weight"], [np.nan, 0.6, 0.5])
    np.testing.assert_allclose(got["cash_share"], [1.0, 0.2, 0.5])
    np.testing.assert_array_equal(got["days_held"], [np.nan, 1.0, 2.0])
