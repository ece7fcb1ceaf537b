"""The real CSI 300 bars: Qlib's predictions give back Qlib's metrics and its daily report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.trading.backtest import REPORT_COLUMNS, backtest
from lstm_bench.evaluate.trading.quotes import load_benchmark, load_quotes, place

pytestmark = pytest.mark.real

IC = {
    "IC": 0.02285891137795608,
    "ICIR": 0.15384550840322336,
    "Rank IC": 0.028223339986184048,
    "Rank ICIR": 0.20050127545921514,
}
RISK = {
    "1day.excess_return_without_cost.annualized_return": 0.08760579749060536,
    "1day.excess_return_without_cost.information_ratio": 0.8923548829830795,
    "1day.excess_return_without_cost.max_drawdown": -0.1071663755745304,
    "1day.excess_return_with_cost.annualized_return": 0.04204371287051857,
    "1day.excess_return_with_cost.information_ratio": 0.4284161262498966,
    "1day.excess_return_with_cost.max_drawdown": -0.13364729776443032,
    "1day.ffr": 1.0,
    "1day.pa": 0.0,
    "1day.pos": 0.0,
}


@pytest.fixture(scope="module")
def provider() -> Provider:
    folder = os.environ.get("LSTM_BENCH_REAL_DATA")
    if folder is None:
        pytest.skip("LSTM_BENCH_REAL_DATA names no Qlib folder")
    return Provider(folder)


@pytest.fixture(scope="module")
def reference() -> Path:
    folder = os.environ.get("LSTM_BENCH_REFERENCE")
    if folder is None:
        pytest.skip("LSTM_BENCH_REFERENCE names no folder of Qlib's results")
    return Path(folder)


@pytest.fixture(scope="module")
def pred(reference: Path) -> pd.DataFrame:
    return pd.read_parquet(reference / "qlib_pred_alpha158.parquet")["score"].unstack("instrument")  # noqa: PD010


def test_signal_metrics(provider: Provider, pred: pd.DataFrame) -> None:
    begin, end = provider.locate("2017-01-01", "2020-08-01", "test")
    close = provider.panel(list(pred.columns), ["close"], begin, end + 2).fields["close"]
    label = close[2:] / close[1:-1] - np.float32(1)
    score = pred.to_numpy()
    summary = signal_metrics(score, label, ~np.isnan(score)).summary()
    for name, value in IC.items():
        assert summary[name] == pytest.approx(value, abs=1e-9)


def test_backtest(provider: Provider, reference: Path, pred: pd.DataFrame) -> None:
    section: dict[str, Any] = {
        "strategy": {"kwargs": {"signal": "<PRED>", "topk": 50, "n_drop": 5}},
        "backtest": {
            "start_time": "2017-01-01",
            "end_time": "2020-08-01",
            "account": 100000000,
            "benchmark": "SH000300",
            "exchange_kwargs": {
                "limit_threshold": 0.095,
                "deal_price": "close",
                "open_cost": 0.0005,
                "close_cost": 0.0015,
                "min_cost": 5,
            },
        },
    }
    config = resolve(PortAnalysisConfig.model_validate(section), "cn")
    begin, end = provider.locate("2017-01-01", "2020-08-01", "test")
    quotes = load_quotes(provider, config, begin - 1, end, list(pred.columns))
    score = place(pred.to_numpy(), pred.index.to_numpy().astype("datetime64[D]"), list(pred.columns), quotes)
    bench = load_benchmark(provider, "SH000300", begin - 1, end)
    result = backtest(score, quotes, bench, config)

    wanted = pd.read_parquet(reference / "qlib_report_alpha158.parquet")
    np.testing.assert_array_equal(result.days, wanted.index.to_numpy().astype("datetime64[D]"))
    for column in REPORT_COLUMNS:
        rate = column in ("return", "turnover", "cost", "bench")
        rtol, atol = (0.0, 1e-9) if rate else (1e-6, 0.0)
        np.testing.assert_allclose(
            result.report[column], wanted[column], rtol=rtol, atol=atol, err_msg=column
        )
    metrics = result.metrics
    for name, value in RISK.items():
        assert metrics[name] == pytest.approx(value, abs=1e-9)
