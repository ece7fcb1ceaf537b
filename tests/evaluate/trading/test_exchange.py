from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_bench.config.sections.exchange import ExchangeConfig
from lstm_bench.evaluate.trading.exchange import (
    BUY,
    EITHER,
    SELL,
    Quotes,
    TradingCosts,
    buy,
    deal_price,
    round_lot,
    sell,
    tradable,
)


def one_stock(
    price: float = 10.0, change: float = 0.0, factor: float = 1.0, volume: float = 1e6, most: float = np.inf
) -> Quotes:
    def cell(value: float) -> Any:
        return np.full((1, 1), value, dtype=np.float32)

    return Quotes(
        close=cell(price),
        buy_price=cell(price),
        sell_price=cell(price + 1),
        rise=cell(change),
        fall=cell(change),
        factor=cell(factor),
        volume=cell(volume),
        most_bought=cell(most),
        most_sold=cell(most),
    )


def costs(**values: Any) -> TradingCosts:
    given = {"limit_threshold": 0.1, "open_cost": 0.01, "close_cost": 0.02, "trade_unit": 100, **values}
    return TradingCosts.of(ExchangeConfig.model_validate(given), adjusted=False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.0, (True, True, True)),
        (0.1, (True, False, False)),
        (-0.1, (False, True, False)),
        (np.nan, (True,) * 3),
    ],
)
def test_a_limit_stops_one_side(change: float, expected: tuple[bool, ...]) -> None:
    quotes = one_stock(change=change)
    assert tuple(tradable(quotes, costs(), 0, 0, side) for side in (SELL, BUY, EITHER)) == expected
    assert tradable(quotes, costs(limit_threshold=None), 0, 0, EITHER)


def test_a_suspended_stock_is_not_tradable() -> None:
    assert not tradable(one_stock(price=np.nan), costs(limit_threshold=None), 0, 0, SELL)


def test_each_side_has_its_price_and_the_close_stands_in() -> None:
    quotes = one_stock()
    assert deal_price(quotes, 0, 0, BUY) == 10.0
    assert deal_price(quotes, 0, 0, SELL) == 11.0
    quotes.sell_price[0, 0] = 0.0
    assert deal_price(quotes, 0, 0, SELL) == 10.0


@pytest.mark.parametrize(("amount", "rounded"), [(99.8, 0.0), (99.95, 100.0), (250.0, 200.0), (50.0, 0.0)])
def test_lots_are_rounded_down_with_a_tenth_of_grace(amount: float, rounded: float) -> None:
    assert round_lot(one_stock(), costs(), 0, 0, amount) == rounded
    assert round_lot(one_stock(factor=0.5), costs(), 0, 0, 2 * amount) == 2 * rounded
    assert round_lot(one_stock(), costs(trade_unit=None), 0, 0, amount) == amount


def test_buying_costs_a_share_of_the_value_and_at_least_the_least() -> None:
    fill = buy(one_stock(), costs(), 0, 0, 1000.0, 1e6)
    assert (fill.amount, fill.value, fill.cost) == (1000.0, 10_000.0, 100.0)
    assert buy(one_stock(), costs(min_cost=500.0), 0, 0, 1000.0, 1e6).cost == 500.0


def test_cash_bounds_a_purchase() -> None:
    # 5,050 pay for 500 shares and 1 %; 5,040 for one lot less
    assert buy(one_stock(), costs(), 0, 0, 1000.0, 5_050.0).amount == 500.0
    assert buy(one_stock(), costs(), 0, 0, 1000.0, 5_040.0).amount == 400.0
    # the least cost is what counts for small money
    assert buy(one_stock(), costs(min_cost=60.0), 0, 0, 1000.0, 1_050.0).amount == 0.0
    assert buy(one_stock(), costs(min_cost=60.0), 0, 0, 1000.0, 1_060.0).amount == 100.0
    broke = buy(one_stock(), costs(min_cost=60.0), 0, 0, 1000.0, 59.0)
    assert (broke.amount, broke.cost) == (0.0, 0.0)


def test_free_trading_buys_what_cash_buys() -> None:
    assert buy(one_stock(), costs(open_cost=0.0, min_cost=0.0), 0, 0, 1000.0, 5_000.0).amount == 500.0


def test_selling_is_never_rounded() -> None:
    fill = sell(one_stock(), costs(), 0, 0, 123.4, 0.0)
    assert fill.amount == 123.4
    assert fill.cost == pytest.approx(123.4 * 11 * 0.02)


def test_a_sale_that_cannot_pay_its_cost_does_not_happen() -> None:
    assert sell(one_stock(), costs(min_cost=200.0), 0, 0, 10.0, 0.0).amount == 0.0
    assert sell(one_stock(), costs(min_cost=200.0), 0, 0, 10.0, 90.0).amount == 10.0


@pytest.mark.parametrize(("volume", "share"), [(1e4, 0.1), (0.0, 1.0), (np.nan, 1.0)])
def test_impact_is_the_squared_share_of_the_days_value(volume: float, share: float) -> None:
    fill = buy(one_stock(volume=volume), costs(impact_cost=0.1), 0, 0, 1000.0, 1e6)
    assert fill.cost == pytest.approx(10_000.0 * (0.01 + 0.1 * share**2))


def test_volume_bounds_an_order_before_lots_and_cash_do() -> None:
    bounded = costs(volume_threshold=["current", "$volume"], min_cost=0.0)
    assert buy(one_stock(most=250.0), bounded, 0, 0, 1000.0, 1e6).amount == 200.0
    assert sell(one_stock(most=250.0), bounded, 0, 0, 1000.0, 1e6).amount == 200.0
    assert (
        sell(one_stock(most=250.0), bounded, 0, 0, 130.0, 1e6).amount == 130.0
    )  # all of it, an odd lot or not
    assert sell(one_stock(most=-5.0), bounded, 0, 0, 1000.0, 1e6).amount == 0.0
    assert buy(one_stock(most=250.0), costs(min_cost=0.0), 0, 0, 1000.0, 1e6).amount == 1000.0


def test_a_volume_that_is_not_known_deals_nothing() -> None:
    bounded = costs(volume_threshold=["current", "$volume"])
    for side in (buy, sell):
        fill = side(one_stock(most=np.nan), bounded, 0, 0, 1000.0, 1e6)
        assert (fill.amount, fill.cost) == (0.0, 0.0)


def test_a_volume_limit_holds_for_its_side_alone() -> None:
    only_sells = costs(volume_threshold={"sell": ["current", "$volume"]}, min_cost=0.0)
    assert buy(one_stock(most=250.0), only_sells, 0, 0, 1000.0, 1e6).amount == 1000.0
    assert sell(one_stock(most=250.0), only_sells, 0, 0, 1000.0, 1e6).amount == 200.0
