from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from lstm_bench.config.sections.backtest import BacktestConfig, PortAnalysisConfig, default_portfolio, resolve
from lstm_bench.config.sections.exchange import ExchangeConfig


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


def test_a_deal_price_may_be_an_expression() -> None:
    assert ExchangeConfig(deal_price="$close * 1.01").prices == ("$close * 1.01", "$close * 1.01")
    with pytest.raises(ValidationError, match="expected a field such as 'close', or an expression"):
        config(deal_price="$")


def test_one_volume_limit_is_one_for_both_sides() -> None:
    limits = ExchangeConfig.model_validate({"volume_threshold": ["cum", "0.2 * $volume"]})
    assert limits.volume_limits("buy") == limits.volume_limits("sell") == ("0.2 * $volume",)
    given = {"all": ["current", "$a"], "sell": ["cum", "$b"]}
    sides = ExchangeConfig.model_validate({"volume_threshold": given})
    assert (sides.volume_limits("buy"), sides.volume_limits("sell")) == (("$a",), ("$a", "$b"))
    assert ExchangeConfig().volume_limits("buy") == ()


@pytest.mark.parametrize(
    "threshold",
    [0.1, "0.1 * $volume", ["all", "$volume"], ["cum"], {"both": ["cum", "$volume"]}, {"buy": "$volume"}],
)
def test_other_volume_limits_are_refused(threshold: object) -> None:
    with pytest.raises(ValidationError, match="volume_threshold"):
        config(volume_threshold=threshold)


@pytest.mark.parametrize("threshold", [0.0, -0.1, float("nan"), ["$a"], ["$a", 1]])
def test_limit_threshold_is_a_positive_number_or_two_expressions(threshold: object) -> None:
    with pytest.raises(ValidationError, match="limit_threshold"):
        config(limit_threshold=threshold)


def test_days_are_read_as_everywhere() -> None:
    section = BacktestConfig.model_validate({"start_time": "20170101", "end_time": "2020/8/1"})
    assert (section.start_time, section.end_time) == (date(2017, 1, 1), date(2020, 8, 1))


def test_an_account_may_hold_stocks_already() -> None:
    holding = {"amount": 100, "price": 12.5}
    account = BacktestConfig.model_validate({"account": {"cash": 1e6, "sh600000": holding}})
    assert account.cash == 1e6
    assert {code: held.model_dump() for code, held in account.holdings.items()} == {"SH600000": holding}
    assert BacktestConfig.model_validate({"account": {"cash": 5}}).cash == 5.0
    assert BacktestConfig(account=7.0).holdings == {}


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ({"SH600000": {"amount": 100, "price": 1}}, "needs the key 'cash'"),
        ({"cash": 0}, "needs the key 'cash'"),
        ({"cash": {"amount": 100, "price": 1}}, "needs the key 'cash'"),
        ({"cash": 1e6, "SH600000": 100}, "SH600000: got 100, expected {amount: ..., price: ...}"),
        ({"cash": 1e6, "SH600000": {"amount": 100}}, "price"),
        (0, "account"),
        (None, "account"),
    ],
)
def test_an_account_lacks_nothing(account: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BacktestConfig.model_validate({"account": account})


def test_the_default_portfolio_is_qlibs_own() -> None:
    backtest = default_portfolio().backtest
    assert (backtest.account, backtest.benchmark, backtest.start_time, backtest.end_time) == (
        1e8, "SH000300", None, None,
    )  # fmt: skip
    costs = backtest.exchange_kwargs
    assert (costs.open_cost, costs.close_cost, costs.min_cost, costs.limit_threshold) == (
        0.0005,
        0.0015,
        5,
        0.095,
    )
    kwargs = default_portfolio().strategy.kwargs
    assert (kwargs.topk, kwargs.n_drop) == (50, 5)


def test_what_is_ignored_tells_no_two_runs_apart() -> None:
    plain = {"strategy": {"kwargs": {"topk": 5, "n_drop": 1}}, "backtest": {}}
    noisy = {
        "strategy": {"class": "qlib.contrib.strategy.TopkDropoutStrategy", "kwargs": {"topk": 5, "n_drop": 1}},
        "backtest": {"benchmark": None},
        "executor": {
            "class": "qlib.backtest.executor.SimulatorExecutor",
            "kwargs": {
                "verbose": True, "track_data": True, "settle_type": "None", "start_time": "2020-01-01",
                "indicator_config": {"show_indicator": True, "pa_config": {"agg": "vwap"}},
            },
        },
    }  # fmt: skip
    one, other = (resolve(PortAnalysisConfig.model_validate(section), "cn") for section in (plain, noisy))
    assert one.model_dump() == other.model_dump()
    assert resolve(other, "cn") == other


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"strategy": {"class": "SoftTopkStrategy"}},
            "'SoftTopkStrategy', which is not supported here: Qlib 0.9.7 cannot",
        ),
        ({"strategy": {"class": "qlib.contrib.strategy.EnhancedIndexingStrategy"}}, "a risk model's files"),
        ({"strategy": {"class": "WeightStrategyBase"}}, "it is a base class of other strategies"),
        ({"strategy": {"class": "TopkDropoutStrat"}}, "did you mean 'TopkDropoutStrategy'"),
        (
            {"strategy": {"class": "mine.TopkDropoutStrategy", "kwargs": {"topk": 5, "n_drop": 1}}},
            "module_path",
        ),
        ({"executor": {"class": "NestedExecutor"}}, "only daily bars can be read"),
    ],
)
def test_other_classes_are_refused_with_the_reason(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PortAnalysisConfig.model_validate(section)
