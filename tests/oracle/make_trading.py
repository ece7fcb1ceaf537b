"""Make the trading fixtures: which records of a workflow file pyqlib takes, key by key, and what it makes of them.

Run it with the interpreter of pyqlib's environment::

    python tests/oracle/make_trading.py [OUT] [--seed S]
    python tests/oracle/make_trading.py OUT --provider FOLDER --scores FILE --records FILE

The first form trades on the market of ``make_evaluation.py`` and asks about the variants below; the second on a Qlib
folder, scores (Parquet, ``score`` by datetime and instrument) and records (JSON, name -> list of records) that are
given. Records are made as ``qrun`` makes them. It writes to OUT (the committed ``fixtures`` folder where not given):

- ``trading.json``: variant -> its ``records``, ``region``, ``seed`` and ``market``, whether pyqlib ``accepted`` them,
  ``why`` it did not, the ``metrics`` it logged, and ``report``, the variant whose report it has;
- ``trading_reports.parquet``: daily reports with their trade indicators, each distinct one once.

A list where pyqlib's exchange takes nothing but a tuple, which YAML cannot say, is asked about twice: ``accepted`` is
of the list, as ``qrun`` reads it, and the figures are of the tuple.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import make_evaluation as market  # type: ignore[import-not-found]
import numpy as np
import pandas as pd

CODES = [f"SH60{i:04d}" for i in range(0, 24, 3)]

RECORD = "1"
KWARGS = "1.kwargs"
CONFIG = "1.kwargs.config"
STRATEGY = f"{CONFIG}.strategy"
EXECUTOR = f"{CONFIG}.executor"
BACKTEST = f"{CONFIG}.backtest"
EXCHANGE = f"{BACKTEST}.exchange_kwargs"

SIGNAL = {"class": "SignalRecord", "module_path": "qlib.workflow.record_temp"}
DAILY = {"time_per_step": "day", "generate_portfolio_metrics": True}
SIMULATOR = {"class": "SimulatorExecutor", "module_path": "qlib.backtest.executor", "kwargs": DAILY}
BASE: list[dict[str, Any]] = [
    SIGNAL,
    {
        "class": "PortAnaRecord",
        "module_path": "qlib.workflow.record_temp",
        "kwargs": {
            "config": {
                "strategy": {
                    "class": "TopkDropoutStrategy",
                    "module_path": "qlib.contrib.strategy",
                    "kwargs": {"signal": "<PRED>", "topk": 8, "n_drop": 2},
                },
                "backtest": {
                    "start_time": "2020-02-12",
                    "end_time": "2020-03-18",
                    "account": 1_000_000,
                    "benchmark": market.BENCHMARK,
                    "exchange_kwargs": {
                        "limit_threshold": 0.095,
                        "deal_price": "close",
                        "open_cost": 0.0005,
                        "close_cost": 0.0015,
                        "min_cost": 5,
                    },
                },
            }
        },
    },
]

OUT_OF = "drop"
"""The value of a key that is taken out."""


def backtest_with(**keys: Any) -> dict[str, Any]:
    """Change keys of ``backtest``."""
    return {f"{BACKTEST}.{key}": value for key, value in keys.items()}


def exchange_with(**keys: Any) -> dict[str, Any]:
    """Change keys of ``exchange_kwargs``."""
    return {f"{EXCHANGE}.{key}": value for key, value in keys.items()}


def strategy_with(**keys: Any) -> dict[str, Any]:
    """Change keys of the strategy's ``kwargs``."""
    return {f"{STRATEGY}.kwargs.{key}": value for key, value in keys.items()}


def executor_with(**keys: Any) -> dict[str, Any]:
    """Change keys of the executor's ``kwargs``."""
    return {EXECUTOR: SIMULATOR} | {f"{EXECUTOR}.kwargs.{key}": value for key, value in keys.items()}


def holding(**account: Any) -> dict[str, Any]:
    """Change the account."""
    return {f"{BACKTEST}.account": account}


KNOWN = "If($volume > 0, $volume, 0)"
"""The volume, where pyqlib has an amount for each day; it deals all of a sale where the volume is not known."""

TUPLE_VARIANTS: dict[str, Any] = {
    "volume_current": exchange_with(volume_threshold=["current", f"0.01 * {KNOWN}"]),
    "volume_cum": exchange_with(volume_threshold=["cum", f"0.01 * {KNOWN}"]),
    "volume_all": exchange_with(volume_threshold={"all": ["current", f"0.02 * {KNOWN}"]}),
    "volume_buy": exchange_with(
        volume_threshold={"buy": ["current", f"0.005 * {KNOWN}"], "sell": ["current", "1e9 * $close"]}
    ),
    "volume_sell": exchange_with(
        volume_threshold={"sell": ["current", f"0.005 * {KNOWN}"], "buy": ["current", "1e9 * $close"]}
    ),
    "volume_buy_alone": exchange_with(volume_threshold={"buy": ["current", f"0.005 * {KNOWN}"]}),
    "volume_weighted_fill": exchange_with(volume_threshold=["current", f"0.01 * {KNOWN}"])
    | executor_with(indicator_config={"ffr_config": {"weight_method": "value_weighted"}})
    | {f"{KWARGS}.indicator_analysis_method": "amount_weighted"},
    "volume_amount_fill": exchange_with(volume_threshold=["current", f"0.01 * {KNOWN}"])
    | executor_with(indicator_config={"ffr_config": {"weight_method": "amount_weighted"}})
    | {f"{KWARGS}.indicator_analysis_method": "value_weighted"},
    "volume_both": exchange_with(
        volume_threshold={"buy": ["cum", f"0.01 * {KNOWN}"], "sell": ["current", f"Mean({KNOWN}, 5) * 0.003"]}
    ),
    "volume_three": exchange_with(
        volume_threshold={
            "all": ["cum", f"0.02 * {KNOWN}"],
            "buy": ["current", f"0.01 * {KNOWN}"],
            "sell": ["current", f"0.5 * {KNOWN}"],
        }
    ),
    "volume_no_lots": exchange_with(volume_threshold=["current", f"0.01 * {KNOWN}"], trade_unit=None),
    "volume_impact": exchange_with(volume_threshold=["current", f"0.01 * {KNOWN}"], impact_cost=0.1),
    "volume_parallel": exchange_with(volume_threshold=["current", f"0.01 * {KNOWN}"])
    | executor_with(trade_type="parallel"),
    "volume_held": exchange_with(
        volume_threshold={"sell": ["current", f"0.002 * {KNOWN}"], "buy": ["cum", "1e9 * $close"]}
    )
    | strategy_with(hold_thresh=3, only_tradable=True),
    "volume_unknown": exchange_with(volume_threshold=["current", "0.01 * $volume"]),
    "limit_expressions": exchange_with(limit_threshold=["$change >= 0.05", "$change <= -0.05"]),
    "limit_expressions_one_way": exchange_with(limit_threshold=["$close/$open > 1.0105", "$change < -0.03"])
    | strategy_with(forbid_all_trade_at_limit=False, only_tradable=True),
    "limit_expressions_unknown": exchange_with(limit_threshold=["$volume", "Mean($change, 5) < -0.01"]),
}
"""Variants whose lists are tuples for pyqlib's exchange."""

VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    # the record
    "record_bare": {RECORD: {"class": "PortAnaRecord", "module_path": "qlib.workflow.record_temp"}},
    "record_name": {RECORD: "PortAnaRecord"},
    "record_dotted_name": {RECORD: "qlib.workflow.record_temp.PortAnaRecord"},
    "record_dotted": {
        f"{RECORD}.class": "qlib.workflow.record_temp.PortAnaRecord",
        f"{RECORD}.module_path": OUT_OF,
    },
    "record_dotted_and_module": {f"{RECORD}.class": "qlib.workflow.record_temp.PortAnaRecord"},
    "record_func": {f"{RECORD}.class": OUT_OF, f"{RECORD}.func": "PortAnaRecord"},
    "record_no_module": {f"{RECORD}.module_path": OUT_OF},
    "record_wrong_module": {f"{RECORD}.module_path": "qlib.workflow.records"},
    "record_null_module": {f"{RECORD}.module_path": None},
    "record_comment": {f"{RECORD}.comment": "mine"},
    "kwargs_empty": {KWARGS: {}},
    "kwargs_null": {KWARGS: None},
    "config_null": {CONFIG: None},
    "config_empty": {CONFIG: {}},
    "config_no_strategy": {STRATEGY: OUT_OF},
    "config_no_backtest": {BACKTEST: OUT_OF},
    "config_comment": {f"{CONFIG}.comment": "mine"},
    "risk_freq_null": {f"{KWARGS}.risk_analysis_freq": None},
    "risk_freq_day": {f"{KWARGS}.risk_analysis_freq": "day"},
    "risk_freq_1d": {f"{KWARGS}.risk_analysis_freq": "1D"},
    "risk_freq_list": {f"{KWARGS}.risk_analysis_freq": ["1day"]},
    "risk_freq_none": {f"{KWARGS}.risk_analysis_freq": []},
    "risk_freq_week": {f"{KWARGS}.risk_analysis_freq": "week"},
    "risk_freq_unknown": {f"{KWARGS}.risk_analysis_freq": "year"},
    "indicator_freq_null": {f"{KWARGS}.indicator_analysis_freq": None},
    "indicator_freq_list": {f"{KWARGS}.indicator_analysis_freq": ["d"]},
    "indicator_freq_unknown": {f"{KWARGS}.indicator_analysis_freq": "year"},
    "indicator_mean": {f"{KWARGS}.indicator_analysis_method": "mean"},
    "indicator_amount": {f"{KWARGS}.indicator_analysis_method": "amount_weighted"},
    "indicator_value": {f"{KWARGS}.indicator_analysis_method": "value_weighted"},
    "indicator_value_poor": {
        f"{KWARGS}.indicator_analysis_method": "value_weighted",
        f"{BACKTEST}.account": 12_000,
    },
    "indicator_median": {f"{KWARGS}.indicator_analysis_method": "median"},
    "record_n": {f"{KWARGS}.N": 252},
    "record_skip_existing": {f"{KWARGS}.skip_existing": True},
    "record_model": {f"{KWARGS}.model": "<MODEL>", f"{KWARGS}.dataset": "<DATASET>"},
    # the strategy
    "strategy_full_module": {f"{STRATEGY}.module_path": "qlib.contrib.strategy.signal_strategy"},
    "strategy_other_module": {f"{STRATEGY}.module_path": "qlib.contrib.strategy.strategy"},
    "strategy_dotted": {
        f"{STRATEGY}.class": "qlib.contrib.strategy.TopkDropoutStrategy",
        f"{STRATEGY}.module_path": OUT_OF,
    },
    "strategy_dotted_full": {
        f"{STRATEGY}.class": "qlib.contrib.strategy.signal_strategy.TopkDropoutStrategy",
        f"{STRATEGY}.module_path": OUT_OF,
    },
    "strategy_no_module": {f"{STRATEGY}.module_path": OUT_OF},
    "strategy_no_topk": strategy_with(topk=OUT_OF),
    "strategy_no_n_drop": strategy_with(n_drop=OUT_OF),
    "strategy_text_topk": strategy_with(topk="8"),
    "signal_absent": strategy_with(signal=OUT_OF),
    "signal_null": strategy_with(signal=None),
    "signal_pair": strategy_with(signal=["<MODEL>", "<DATASET>"]),
    "signal_model": strategy_with(signal=OUT_OF, model="<MODEL>", dataset="<DATASET>"),
    "signal_and_model": strategy_with(model="<MODEL>", dataset="<DATASET>"),
    "signal_null_model": strategy_with(model=None, dataset=None),
    "signal_other": strategy_with(signal="<SCORE>"),
    "hold_thresh": strategy_with(hold_thresh=4),
    "only_tradable": strategy_with(only_tradable=True),
    "one_way_limits": strategy_with(forbid_all_trade_at_limit=False),
    "buy_random": strategy_with(method_buy="random"),
    "sell_random": strategy_with(method_sell="random"),
    "buy_worst": strategy_with(method_buy="bottom"),
    "risk_degree": strategy_with(risk_degree=0.5),
    "risk_degree_above_one": strategy_with(risk_degree=1.2),
    "strategy_infra": strategy_with(
        trade_exchange=None, level_infra=None, common_infra=None, outer_trade_decision=None
    ),
    "strategy_unknown_key": strategy_with(n_dorp=3),
    "soft_topk": {
        f"{STRATEGY}.class": "SoftTopkStrategy",
        f"{STRATEGY}.kwargs": {"signal": "<PRED>", "topk": 8},
    },
    "soft_topk_model": {
        f"{STRATEGY}.class": "SoftTopkStrategy",
        f"{STRATEGY}.kwargs": {"model": "<MODEL>", "dataset": "<DATASET>", "topk": 8},
    },
    "weight_base": {f"{STRATEGY}.class": "WeightStrategyBase", f"{STRATEGY}.kwargs": {"signal": "<PRED>"}},
    "enhanced_indexing": {
        f"{STRATEGY}.class": "EnhancedIndexingStrategy",
        f"{STRATEGY}.kwargs": {"signal": "<PRED>", "riskmodel_root": "riskmodel"},
    },
    # the executor
    "executor": {EXECUTOR: SIMULATOR},
    "executor_null": {EXECUTOR: None},
    "executor_no_kwargs": {EXECUTOR: SIMULATOR, f"{EXECUTOR}.kwargs": OUT_OF},
    "executor_no_metrics": executor_with(generate_portfolio_metrics=OUT_OF),
    "executor_false_metrics": executor_with(generate_portfolio_metrics=False),
    "executor_dotted": {
        EXECUTOR: SIMULATOR,
        f"{EXECUTOR}.class": "qlib.backtest.executor.SimulatorExecutor",
        f"{EXECUTOR}.module_path": OUT_OF,
    },
    "executor_1day": executor_with(time_per_step="1day"),
    "executor_d": executor_with(time_per_step="d"),
    "executor_minutes": executor_with(time_per_step="30min"),
    "executor_verbose": executor_with(verbose=True),
    "executor_track_data": executor_with(track_data=True),
    "executor_parallel": executor_with(trade_type="parallel"),
    "executor_other_type": executor_with(trade_type="both"),
    "settle_none": executor_with(settle_type="None"),
    "settle_null": executor_with(settle_type=None),
    "settle_cash": executor_with(settle_type="cash"),
    "settle_cash_parallel": executor_with(settle_type="cash", trade_type="parallel"),
    "settle_cash_poor": executor_with(settle_type="cash")
    | backtest_with(account=20_000)
    | strategy_with(risk_degree=1.0),
    "indicator_config_empty": executor_with(indicator_config={}),
    "indicator_config_shown": executor_with(indicator_config={"show_indicator": True}),
    "indicator_config_mean": executor_with(indicator_config={"ffr_config": {"weight_method": "mean"}}),
    "indicator_config_value": executor_with(
        indicator_config={"ffr_config": {"weight_method": "value_weighted"}}
    )
    | backtest_with(account=12_000),
    "indicator_config_amount": executor_with(
        indicator_config={"ffr_config": {"weight_method": "amount_weighted"}}
    )
    | backtest_with(account=12_000),
    "indicator_config_median": executor_with(indicator_config={"ffr_config": {"weight_method": "median"}}),
    "indicator_config_price": executor_with(indicator_config={"pa_config": {"agg": "vwap"}}),
    "executor_dates": executor_with(start_time=None, end_time=None),
    "executor_unknown_key": executor_with(verbos=True),
    "executor_nested": {EXECUTOR: SIMULATOR, f"{EXECUTOR}.class": "NestedExecutor"},
    # the backtest
    "dates_null": backtest_with(start_time=None, end_time=None),
    "dates_no_start": backtest_with(start_time=OUT_OF),
    "dates_number": backtest_with(start_time=20200212),
    "dates_time": backtest_with(start_time="2020-02-12 00:00:00"),
    "dates_compact": backtest_with(start_time="20200212", end_time="20200318"),
    "account_absent": backtest_with(account=OUT_OF),
    "account_float": backtest_with(account=1e6),
    "account_null": backtest_with(account=None),
    "account_text": backtest_with(account="1000000"),
    "account_cash": holding(cash=1_000_000),
    "account_stocks": holding(cash=1_000_000, SH600001=1000, SH600004=2000),
    "account_amounts": holding(cash=1_000_000, SH600001={"amount": 1000}),
    "account_prices": holding(
        cash=900_000, SH600001={"amount": 1000, "price": 12.5}, SH600004={"amount": 2000, "price": 30}
    ),
    "account_fractions": holding(
        cash=100_000, SH600001={"amount": 1000.5, "price": 12.5}, SH600011={"amount": 77.25, "price": 3.5}
    ),
    "account_float_amount": holding(cash=1_000_000, SH600001=1000.0),
    "account_no_cash": holding(SH600001={"amount": 1000, "price": 12.5}),
    "account_zero_cash": holding(cash=0, SH600001={"amount": 1000, "price": 12.5}),
    "account_unknown_stock": holding(cash=1_000_000, SH999999={"amount": 1000, "price": 12.5}),
    "account_unlisted_stock": holding(cash=1_000_000, SH600007={"amount": 1000, "price": 12.5}),
    "account_held": holding(
        cash=1_000_000,
        **{f"SH60000{i}": {"amount": 1000 * i, "price": 10.0 + i} for i in (1, 2, 3, 5, 6, 8)},
    )
    | strategy_with(hold_thresh=3, topk=4, n_drop=1),
    "account_no_signal": holding(cash=1_000_000, SH600001={"amount": 1000, "price": 12.5})
    | backtest_with(benchmark=None),
    "benchmark_absent": backtest_with(benchmark=OUT_OF),
    "benchmark_null": backtest_with(benchmark=None),
    "benchmark_stock": backtest_with(benchmark="SH600001"),
    "benchmark_small_letters": backtest_with(benchmark="sh000300"),
    "benchmark_list": backtest_with(benchmark=["SH600001", "SH600002", "SH600005"]),
    "benchmark_list_of_one": backtest_with(benchmark=[market.BENCHMARK]),
    "benchmark_empty_list": backtest_with(benchmark=[]),
    "benchmark_unknown": backtest_with(benchmark="SH999999"),
    "benchmark_list_with_unknown": backtest_with(benchmark=["SH600001", "SH999999"]),
    "benchmark_market": backtest_with(benchmark={"market": "all", "filter_pipe": []}),
    "benchmark_half": backtest_with(benchmark={"market": "half", "filter_pipe": []}),
    "benchmark_market_alone": backtest_with(benchmark={"market": "all"}),
    "benchmark_number": backtest_with(benchmark=300),
    "pos_type": backtest_with(pos_type="Position"),
    "pos_type_infinite": backtest_with(pos_type="InfPosition"),
    "backtest_unknown_key": backtest_with(acount=1),
    "exchange_absent": backtest_with(exchange_kwargs=OUT_OF),
    "exchange_empty": backtest_with(exchange_kwargs={}),
    "exchange_null": backtest_with(exchange_kwargs=None),
    # the exchange
    "freq_day": exchange_with(freq="day"),
    "freq_1day": exchange_with(freq="1day"),
    "freq_1d": exchange_with(freq="1d"),
    "freq_minute": exchange_with(freq="1min"),
    "codes_market": exchange_with(codes="half"),
    "codes_unknown_market": exchange_with(codes="csi999"),
    "codes_list": exchange_with(codes=CODES),
    "codes_list_with_unlisted": exchange_with(codes=[*CODES, "SH600007"]),
    "codes_list_with_unknown": exchange_with(codes=[*CODES, "SH999999"]),
    "codes_empty": exchange_with(codes=[]),
    "codes_mapping": exchange_with(codes={"market": "half", "filter_pipe": []}),
    "codes_mapping_alone": exchange_with(codes={"market": "half"}),
    "price_null": exchange_with(deal_price=None),
    "price_absent": exchange_with(deal_price=OUT_OF),
    "price_open": exchange_with(deal_price="open"),
    "price_dollar": exchange_with(deal_price="$open"),
    "price_vwap": exchange_with(deal_price="vwap"),
    "price_two": exchange_with(deal_price=["$open", "$vwap"]),
    "price_two_bare": exchange_with(deal_price=["open", "vwap"]),
    "price_one_in_list": exchange_with(deal_price=["$open"]),
    "price_expression": exchange_with(deal_price="$close*1.01"),
    "price_two_expressions": exchange_with(deal_price=["($open+$close)/2", "Ref($close, 1)"]),
    "price_bare_expression": exchange_with(deal_price="($open+$close)/2"),
    "price_unknown": exchange_with(deal_price="$opne"),
    "limit_null": exchange_with(limit_threshold=None),
    "limit_absent": exchange_with(limit_threshold=OUT_OF),
    "limit_wide": exchange_with(limit_threshold=0.2),
    "limit_zero": exchange_with(limit_threshold=0.0),
    "limit_int": exchange_with(limit_threshold=1),
    "limit_text": exchange_with(limit_threshold="0.095"),
    "costs": exchange_with(open_cost=0.01, close_cost=0.02, min_cost=50),
    "costs_absent": exchange_with(open_cost=OUT_OF, close_cost=OUT_OF, min_cost=OUT_OF),
    "impact_cost": exchange_with(impact_cost=0.1),
    "trade_unit": exchange_with(trade_unit=10),
    "trade_unit_null": exchange_with(trade_unit=None),
    "subscribe": exchange_with(subscribe_fields=["$open", "Ref($close, 1)"]),
    "subscribe_empty": exchange_with(subscribe_fields=[]),
    "subscribe_null": exchange_with(subscribe_fields=None),
    "volume_null": exchange_with(volume_threshold=None),
    "volume_number": exchange_with(volume_threshold=0.1),
    "extra_quote_null": exchange_with(extra_quote=None),
    "extra_quote": exchange_with(extra_quote={"$close": [1.0]}),
    "quote_cls": exchange_with(quote_cls="qlib.backtest.high_performance_ds.NumpyQuote"),
    "exchange_null_object": exchange_with(exchange=None),
    "exchange_dates": exchange_with(start_time="2020-02-12", end_time="2020-03-18"),
    "exchange_dates_null": exchange_with(start_time=None, end_time=None),
    "exchange_starts_later": exchange_with(start_time="2020-02-20"),
    "exchange_ends_earlier": exchange_with(end_time="2020-03-10"),
    "exchange_wider": exchange_with(start_time="2020-01-06", end_time="2020-05-01"),
    "exchange_wider_missing_factor": exchange_with(start_time="2020-01-06", end_time="2020-05-01"),
    "missing_factor": {},
    "exchange_unknown_key": exchange_with(opencost=0.1),
    **TUPLE_VARIANTS,
    # other records
    "signal_only": {"1": OUT_OF},
    "signal_name": {"0": "SignalRecord"},
    "signal_dotted": {"0": {"class": "qlib.workflow.record_temp.SignalRecord"}},
    "signal_kwargs": {"0": SIGNAL | {"kwargs": {"model": "<MODEL>", "dataset": "<DATASET>"}}},
    "no_signal_record": {"0": OUT_OF},
    "sig_ana": {"2": {"class": "SigAnaRecord"}},
    "sig_ana_long_short": {
        "2": {"class": "SigAnaRecord", "kwargs": {"ana_long_short": True, "ann_scaler": 238}}
    },
    "sig_ana_skip_existing": {"2": {"class": "SigAnaRecord", "kwargs": {"skip_existing": False}}},
    "sig_ana_label_col": {"2": {"class": "SigAnaRecord", "kwargs": {"label_col": 0}}},
    "sig_ana_second_label": {"2": {"class": "SigAnaRecord", "kwargs": {"label_col": 1}}},
    "sig_ana_float_scaler": {
        "2": {"class": "SigAnaRecord", "kwargs": {"ana_long_short": True, "ann_scaler": 252.5}}
    },
    "hf_signal": {"2": {"class": "HFSignalRecord"}},
    "mse": {"2": {"class": "SignalMseRecord", "module_path": "qlib.contrib.workflow"}},
    "mse_dotted": {"2": {"class": "qlib.contrib.workflow.record_temp.SignalMseRecord"}},
    "mse_no_module": {"2": {"class": "SignalMseRecord"}},
    "multi_segment": {"2": {"class": "MultiSegRecord", "module_path": "qlib.contrib.workflow"}},
    "multi_segment_segments": {
        "2": {
            "class": "MultiSegRecord",
            "module_path": "qlib.contrib.workflow",
            "kwargs": {"segments": {"test": "test"}},
        }
    },
    "multi_pass": {"1.class": "MultiPassPortAnaRecord", "1.kwargs.pass_num": 2},
    "two_signals": {"2": SIGNAL},
    "two_backtests": {"2": BASE[1]},
    "two_other_backtests": {"2": {"class": "PortAnaRecord"}},
    "unknown_record": {"2": {"class": "SignalRecrod"}},
}

OPTIONS: dict[str, dict[str, Any]] = {
    "buy_random": {"seed": 3},
    "sell_random": {"seed": 4},
    "limit_null": {"region": "us"},
    "limit_absent": {"region": "tw"},
    "missing_factor": {"market": "missing_factor"},
    "exchange_wider_missing_factor": {"market": "missing_factor"},
}
"""Variants of another region than cn, another seed than 0, or another market than the plain one."""

TUPLES = (f"{EXCHANGE}.volume_threshold", f"{EXCHANGE}.limit_threshold")


class Shelf:
    """A recorder that keeps what records save in memory."""

    experiment_id = "0"

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}

    def save_objects(self, artifact_path: str | None = None, **objects: Any) -> None:
        for name, content in objects.items():
            self.objects[f"{artifact_path}/{name}" if artifact_path else name] = content

    def load_object(self, name: str) -> Any:
        from qlib.utils.exceptions import LoadObjectError

        if name not in self.objects:
            raise LoadObjectError(name)
        return self.objects[name]

    def list_artifacts(self, path: str | None = None) -> list[str]:
        return [name for name in self.objects if name.rpartition("/")[0] == (path or "")]

    def log_metrics(self, **metrics: Any) -> None:
        self.metrics |= {name: float(value) for name, value in metrics.items()}


def lay(records: list[Any], changes: dict[str, Any]) -> list[Any]:
    """Lay changes, path -> value, over a list of records."""
    content: Any = dict(enumerate(copy.deepcopy(records)))
    for path, value in changes.items():
        *parents, last = path.split(".")
        where = content
        for key in (int(key) if key.isdigit() else key for key in parents):
            where = where[key]
        key = int(last) if last.isdigit() else last
        if value == OUT_OF:
            where.pop(key, None)
        else:
            where[key] = copy.deepcopy(value)
    return [content[key] for key in sorted(content)]


def with_tuples(records: list[Any]) -> list[Any]:
    """Make tuples of the lists that pyqlib's exchange takes as tuples only."""
    changed = copy.deepcopy(records)
    exchange = changed[1]["kwargs"]["config"]["backtest"]["exchange_kwargs"]
    for key in (path.rpartition(".")[2] for path in TUPLES):
        given = exchange.get(key)
        if isinstance(given, list):
            exchange[key] = tuple(given)
        elif isinstance(given, dict):
            exchange[key] = {side: tuple(limit) for side, limit in given.items()}
    return changed


def make_records(records: list[Any], pred: pd.Series, label: pd.DataFrame, seed: int) -> Shelf:
    """Make records as ``qlib.model.trainer`` does, after a model was trained."""
    from qlib.backtest.position import Position
    from qlib.data.dataset import DatasetH
    from qlib.model.base import Model
    from qlib.utils import fill_placeholder, init_instance_by_config
    from qlib.workflow.record_temp import SignalRecord

    class Scores(Model):  # type: ignore[misc]
        def predict(self, dataset: Any, segment: Any = "test") -> pd.Series:
            return pred.copy()

    class Labels(DatasetH):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

    model, dataset, shelf = Scores(), Labels(), Shelf()
    task = fill_placeholder({"record": copy.deepcopy(records)}, {"<MODEL>": model, "<DATASET>": dataset})
    np.random.seed(seed)  # noqa: NPY002
    draw: Any = np.random.choice
    held: Any = Position.get_stock_list
    with (  # see make_evaluation.py
        mock.patch.object(np.random, "choice", lambda *args, **kwargs: draw(*args, **kwargs).tolist()),
        mock.patch.object(Position, "get_stock_list", lambda self: sorted(held(self))),
        mock.patch.object(SignalRecord, "generate_label", staticmethod(lambda _: label.copy())),
    ):
        for record in task["record"]:
            made = init_instance_by_config(
                record,
                recorder=shelf,
                default_module="qlib.workflow.record_temp",
                try_kwargs={"model": model, "dataset": dataset},
            )
            made.generate()
    return shelf


def ask(
    records: list[Any], pred: pd.Series, label: pd.DataFrame, seed: int
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    """Whether pyqlib takes the records and what it logs, and the daily report."""
    outcome: dict[str, Any] = {"accepted": True, "why": ""}
    try:
        shelf = make_records(records, pred, label, seed)
    except Exception as error:
        outcome |= {"accepted": False, "why": f"{type(error).__name__}: {str(error)[:100]}"}
        try:
            shelf = make_records(with_tuples(records), pred, label, seed)
        except Exception:
            return outcome | {"metrics": {}}, None
    report = shelf.objects.get("portfolio_analysis/report_normal_1day.pkl")
    if report is not None:
        trades = shelf.objects["portfolio_analysis/indicators_normal_1day.pkl"].astype(float)
        report = report.astype(float).join(trades.add_prefix("trades_")).reset_index()
    return outcome | {"metrics": shelf.metrics}, report


def main() -> None:
    """Make all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=Path(__file__).parent / "fixtures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--provider", type=Path)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--records", type=Path)
    parser.add_argument("--only", default="", help="names of variants, with commas between")
    parser.add_argument("--with-market", action="store_true", help="write the market's tables too")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.provider:
            folders = {"plain": arguments.provider.resolve()}
            scores = pd.read_parquet(arguments.scores)
            variants = json.loads(arguments.records.read_text())
            label = scores[["score"]]
        else:
            days, markets, bars = market.make_market(arguments.seed)
            folders = {name: Path(temporary) / name for name in ("plain", "missing_factor")}
            market.write_folder(folders["plain"], days, markets, bars)
            missing = bars.copy()
            missing.loc[("SH600003", days[50]), "factor"] = np.nan
            market.write_folder(folders["missing_factor"], days, markets, missing)
            scores = market.make_scores(arguments.seed, days, bars)
            scores, label = scores.rename(columns={"gaps": "score"}), scores[["label"]]
            variants = {name: lay(BASE, changes) for name, changes in VARIANTS.items()}
            if arguments.with_market:
                bars.to_parquet(arguments.out / "evaluation_bars.parquet")
                scores.rename(columns={"score": "gaps"}).to_parquet(
                    arguments.out / "evaluation_scores.parquet"
                )
                about = {"calendar": [str(day.date()) for day in days], "markets": markets}
                (arguments.out / "evaluation_market.json").write_text(json.dumps(about) + "\n")
        outcomes, reports = ask_all(
            variants, folders, scores, label, arguments.only.split(",") if arguments.only else ()
        )
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(outcome)}" for name, outcome in outcomes.items())
    (arguments.out / "trading.json").write_text(f"{{\n{lines}\n}}\n")
    if reports:
        table = pd.concat(reports, names=["variant"]).reset_index("variant").reset_index(drop=True)
        table.to_parquet(arguments.out / "trading_reports.parquet", compression="zstd", index=False)


def ask_all(
    variants: dict[str, list[Any]],
    folders: dict[str, Path],
    scores: pd.DataFrame,
    label: pd.DataFrame,
    only: Any,
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Ask about each variant; of reports, each distinct one once."""
    import qlib

    outcomes: dict[str, Any] = {}
    reports: dict[str, pd.DataFrame] = {}
    pred = scores["score"].dropna()
    label = label.loc[pred.index]
    for name, records in variants.items():
        if only and name not in only:
            continue
        options: dict[str, Any] = {"region": "cn", "seed": 0, "market": "plain"} | OPTIONS.get(name, {})
        qlib.init(
            provider_uri=str(folders[options["market"]]),
            region=options["region"],
            kernels=1,
            logging_level=50,
        )
        outcome, report = ask(records, pred, label, options["seed"])
        outcomes[name] = {"records": records, **options, **outcome}
        if report is not None:
            same = next((key for key, known in reports.items() if known.equals(report)), name)
            reports.setdefault(same, report)
            outcomes[name]["report"] = same
    return outcomes, reports


if __name__ == "__main__":
    main()
