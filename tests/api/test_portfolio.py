"""Backtests against pyqlib."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.oracle.test_evaluation_oracle import write_market

import lstm_bench
from lstm_bench import InputError
from lstm_bench.evaluate.trading.backtest import REPORT_COLUMNS

FIXTURES = Path(__file__).parents[1] / "oracle" / "fixtures"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The market of the evaluation fixtures, and the variants that pyqlib traded on it."""
    about = json.loads((FIXTURES / "evaluation_market.json").read_text())
    bars = pd.read_parquet(FIXTURES / "evaluation_bars.parquet")
    folder = tmp_path_factory.mktemp("traded") / "market"
    write_market(folder, about, bars)
    return folder, about["variants"]


@pytest.mark.parametrize("name", ["base", "hold_thresh", "only_tradable", "buy_random", "no_trade_unit"])
def test_the_report_is_qlibs(traded: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, variants = traded
    variant = variants[name]
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")[variant.get("scores", "gaps")]
    report = lstm_bench.backtest(
        pred.dropna(),
        folder,
        region=variant["region"],
        seed=variant["seed"],
        **variant["backtest"],
        **variant["strategy"],
        **variant["exchange"],
    )
    wanted = (
        pd.read_parquet(FIXTURES / "evaluation_reports.parquet")
        .query("variant == @name")
        .set_index("datetime")
    )
    check_report(report, wanted)


def check_report(report: pd.DataFrame, wanted: pd.DataFrame) -> None:
    """Rates within 1e-9, money within 1e-6 of its value."""
    assert tuple(report.columns) == REPORT_COLUMNS
    assert report.index.name == "datetime"
    assert report.index.tolist() == wanted.index.tolist()
    for column in REPORT_COLUMNS:
        rate = column in ("return", "turnover", "cost", "bench")
        rtol, atol = (0.0, 1e-9) if rate else (1e-6, 1e-5)
        np.testing.assert_allclose(report[column], wanted[column], rtol=rtol, atol=atol, err_msg=column)


def test_open_dates_trade_from_the_first_score_to_the_day_after_the_last(
    traded: tuple[Path, dict[str, Any]],
) -> None:
    folder, _ = traded
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")["full"]
    scored = pred.index.get_level_values("datetime").unique().sort_values()
    some = pred[pred.index.get_level_values("datetime") < scored[20]]
    report = lstm_bench.backtest(some, folder, topk=8, n_drop=2)
    assert report.index[0] == scored[0]
    assert report.index[-1] == scored[20]
    assert report["turnover"].iloc[0] == 0.0
    assert report["account"].iloc[0] == 1e8


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"topkk": 8}, "unknown keyword 'topkk'; did you mean 'topk'"),
        ({"signal": "<PRED>"}, "unknown keyword 'signal'"),
        ({"volume_threshold": 1}, "expected \\[current, expression\\]"),
        ({"topk": None}, "topk"),
        ({"open_cost": -1}, "open_cost: got -1"),
        ({"region": "uk"}, "region: got 'uk'; "),
        ({"benchmark": "SH000301"}, "no instrument 'SH000301'"),
        ({"start_time": "2031-01-01"}, "2031-01-01"),
    ],
)
def test_a_backtest_that_cannot_be(
    traded: tuple[Path, dict[str, Any]], keywords: dict[str, Any], message: str
) -> None:
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")["full"]
    with pytest.raises(InputError, match=message):
        lstm_bench.backtest(pred, traded[0], **({"topk": 8, "n_drop": 2} | keywords))


def test_scores_of_another_market_are_refused(traded: tuple[Path, dict[str, Any]]) -> None:
    pred = pd.read_parquet(FIXTURES / "evaluation_scores.parquet")["full"]
    with pytest.raises(lstm_bench.DataError, match=r"none of its 2\d instruments, such as 'sh600000'"):
        lstm_bench.backtest(pred.rename(str.lower, level="instrument"), traded[0], topk=8, n_drop=2)
    with pytest.raises(InputError, match="pred: it has no score"):
        lstm_bench.backtest(pred * np.nan, traded[0], topk=8, n_drop=2)
    with pytest.raises(lstm_bench.ConfigError, match="topk: missing"):
        lstm_bench.backtest(pred, traded[0], n_drop=2)


def environment_folder(name: str) -> Path:
    folder = os.environ.get(name)
    if folder is None:
        pytest.skip(f"{name} names no folder")
    return Path(folder)


@pytest.mark.real
def test_real_predictions_give_qlibs_figures(costs: dict[str, Any]) -> None:
    data, reference = environment_folder("LSTM_BENCH_REAL_DATA"), environment_folder("LSTM_BENCH_REFERENCE")
    pred = pd.read_parquet(reference / "qlib_pred_alpha158.parquet")
    panel = lstm_bench.load_panel(data, "csi300", start="2017-01-01", end="2020-08-01")
    label = lstm_bench.compute_features(panel, {"LABEL0": "Ref($close, -2) / Ref($close, -1) - 1"})
    assert label.index.equals(pred.sort_index().index)

    metrics = lstm_bench.signal_metrics(pred, label)
    both = pred.join(label).dropna()
    plain = both.groupby("datetime").apply(lambda day: day["score"].corr(day["LABEL0"]))
    ranked = (
        both.groupby("datetime")
        .rank()
        .groupby("datetime")
        .apply(lambda day: day["score"].corr(day["LABEL0"]))
    )
    assert metrics == pytest.approx(
        {
            "IC": plain.mean(),
            "ICIR": plain.mean() / plain.std(),
            "Rank IC": ranked.mean(),
            "Rank ICIR": ranked.mean() / ranked.std(),
        },
        abs=1e-9,
    )
    assert metrics["IC"] == pytest.approx(0.02285891137795608, abs=1e-9)
    assert metrics["Rank ICIR"] == pytest.approx(0.20050127545921514, abs=1e-9)

    report = lstm_bench.backtest(
        pred, data, start_time="2017-01-01", end_time="2020-08-01", topk=50, n_drop=5, **costs
    )
    wanted = pd.read_parquet(reference / "qlib_report_alpha158.parquet")
    check_report(report, wanted)
    risk = lstm_bench.risk_analysis(report["return"] - report["bench"] - report["cost"])
    assert risk["information_ratio"] == pytest.approx(0.4284161262498966, abs=1e-9)
