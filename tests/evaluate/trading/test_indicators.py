from __future__ import annotations

import numpy as np
import pytest

from lstm_bench.evaluate.trading.indicators import trade_indicators

TRADES = {
    "ffr": np.array([1.0, 0.5, np.nan, np.nan]),
    "deal_amount": np.array([100.0, 300.0, 0.0, 0.0]),
    "value": np.array([10.0, 10.0, 0.0, 0.0]),
    "count": np.array([3.0, 1.0, 0.0, 2.0]),
}


def test_days_are_weighted_by_their_orders() -> None:
    # the last day had two orders of nothing: they count, and have no share
    assert trade_indicators(TRADES)["1day.ffr"] == pytest.approx(3.5 / 6)


def test_dealing_at_the_deal_price_has_no_advantage() -> None:
    assert trade_indicators(TRADES)["1day.pa"] == 0.0
    assert trade_indicators(TRADES)["1day.pos"] == 0.0


def test_without_orders_there_are_none() -> None:
    idle = {name: np.zeros(2) for name in TRADES} | {"ffr": np.full(2, np.nan)}
    assert all(np.isnan(value) for value in trade_indicators(idle).values())
