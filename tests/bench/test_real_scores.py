"""Qlib's own predictions on real bars, evaluated here as scores from elsewhere (seconds)."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.bench.outside_scores import evaluate_table
from lstm_bench.config.workflow import load_workflow
from lstm_bench.run.score_table import ScoreTable
from lstm_bench.run.scored import Scoring

CONFIGS = Path(__file__).parents[2] / "configs"
QLIBS = {
    "IC": 0.02285891137795608,
    "ICIR": 0.15384550840322336,
    "Rank IC": 0.028223339986184048,
    "Rank ICIR": 0.20050127545921514,
    "1day.excess_return_without_cost.annualized_return": 0.08760579749060536,
    "1day.excess_return_without_cost.information_ratio": 0.8923548829830795,
    "1day.excess_return_without_cost.max_drawdown": -0.1071663755745304,
    "1day.excess_return_with_cost.annualized_return": 0.04204371287051857,
    "1day.excess_return_with_cost.information_ratio": 0.4284161262498966,
    "1day.excess_return_with_cost.max_drawdown": -0.13364729776443032,
}
"""What pyqlib 0.9.7 gave for these predictions."""


@pytest.mark.real
def test_qlibs_predictions_have_qlibs_figures(tmp_path: Path) -> None:
    data, reference = os.environ.get("LSTM_BENCH_REAL_DATA"), os.environ.get("LSTM_BENCH_REFERENCE")
    if not data or not reference:
        pytest.skip(
            "LSTM_BENCH_REAL_DATA or LSTM_BENCH_REFERENCE is unset: no real bars, or nothing of Qlib's on them"
        )
    config = load_workflow(CONFIGS / "lstm_alpha158.yaml", [f"qlib_init.provider_uri={data}"]).resolved()
    table = ScoreTable.read(Path(reference) / "qlib_pred_alpha158.parquet")
    done = evaluate_table(table, Scoring(config, tmp_path / "lstm_alpha158"), "qlib", 0)
    metrics = done.run.record.metrics()
    assert {name: metrics[name] for name in QLIBS} == pytest.approx(QLIBS, rel=0, abs=1e-9)
    assert done.coverage.percent == 100
    assert (done.coverage.on_other_days, done.coverage.not_members) == (0, 0)
    report = pd.read_parquet(Path(reference) / "qlib_report_alpha158.parquet")
    for name in ("return", "cost", "bench", "turnover"):
        ours = done.run.record.table("report")[name].to_numpy()
        assert ours == pytest.approx(report[name].to_numpy(), rel=0, abs=1e-9)
