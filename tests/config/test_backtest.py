from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from lstm_bench.config.backtest import BacktestConfig, ExchangeConfig, PortAnalysisConfig, resolve


def config(**exchange: Any) -> PortAnalysisConfig:
    return PortAnalysisConfig.model_validate(
        {
            "strategy": {
                "class": "TopkDropoutStrategy",
                "module_path": "qlib.contrib.strategy",
                "kwargs": {"signal": "<PRED>", "topk": 50, "n_drop": 5},
            },
            "backtest": {
                "start_time": "2017-01-01",
                "end_time": date(2020, 8, 1),
                "account": 100000000,
                "benchmark": "SH000300",
                "exchange_kwargs": exchange,
            },
        }
    )


def test_qlibs_own_section_is_read() -> None:
    read = config(limit_threshold=0.095, deal_price="close", open_cost=0.0005, close_cost=0.0015, min_cost=5)
    assert read.strategy.kwargs.topk == 50
    assert read.strategy.kwargs.risk_degree == 0.95
    assert read.backtest.start_time == date(2017, 1, 1)
    assert read.backtest.account == 1e8
    assert read.backtest.exchange_kwargs.prices == ("close", "close")
    assert read.executor.kwargs.trade_type == "serial"


@pytest.mark.parametrize(
    ("region", "trade_unit", "limit_threshold"), [("cn", 100, 0.095), ("us", 1, None), ("tw", 1000, 0.1)]
)
def test_region_fills_what_is_unset(region: Any, trade_unit: int, limit_threshold: float | None) -> None:
    exchange = resolve(config(), region).backtest.exchange_kwargs
    assert exchange.trade_unit == trade_unit
    assert exchange.limit_threshold == limit_threshold
    assert exchange.deal_price == "close"


def test_null_trade_unit_is_no_rounding_and_given_values_stay() -> None:
    exchange = resolve(config(trade_unit=None, limit_threshold=0.2), "cn").backtest.exchange_kwargs
    assert exchange.trade_unit is None
    assert exchange.limit_threshold == 0.2


def test_resolving_twice_or_after_a_round_trip_changes_nothing() -> None:
    once = resolve(config(trade_unit=None), "tw")
    assert resolve(once, "tw") == once
    again = PortAnalysisConfig.model_validate(once.model_dump(by_alias=True))
    assert resolve(again, "tw") == once


def test_prices_lose_their_dollar() -> None:
    assert ExchangeConfig(deal_price=("$open", "vwap")).prices == ("open", "vwap")
    assert ExchangeConfig(deal_price="$vwap").prices == ("vwap", "vwap")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("volume_threshold", ["cum", "0.2 * $volume"]),
        ("subscribe_fields", ["$open"]),
        ("extra_quote", {"SH600000": 1}),
        ("quote_cls", "PandasQuote"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=f"{key} is not supported"):
        config(**{key: value})


def test_null_is_not_refused() -> None:
    assert config(volume_threshold=None).backtest.exchange_kwargs.volume_threshold is None


def test_unknown_keys_are_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match="did you mean 'open_cost'"):
        config(opencost=0.1)


def test_an_expression_is_no_deal_price() -> None:
    with pytest.raises(ValidationError, match="expected the name of a field"):
        config(deal_price="$close * 1.01")


@pytest.mark.parametrize("threshold", [0.0, -0.1, float("nan"), ["$a", "$b"]])
def test_limit_threshold_is_a_positive_number(threshold: object) -> None:
    with pytest.raises(ValidationError, match="limit_threshold"):
        config(limit_threshold=threshold)


def test_days_are_read_as_everywhere() -> None:
    section = BacktestConfig.model_validate({"start_time": "20170101", "end_time": "2020/8/1"})
    assert (section.start_time, section.end_time) == (date(2017, 1, 1), date(2020, 8, 1))


def test_the_account_is_money() -> None:
    with pytest.raises(ValidationError, match="account"):
        BacktestConfig.model_validate({"account": {"cash": 1e6, "SH600000": 100}})
