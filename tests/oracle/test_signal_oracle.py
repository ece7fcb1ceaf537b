"""pyqlib takes predicted scores as a strategy's signal, and trades on them as this package does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lstm_bench
from lstm_bench.data import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize

pytestmark = pytest.mark.oracle

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
def test_pyqlib_trades_on_predicted_scores(
    ask_oracle: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: str
) -> None:
    monkeypatch.setattr(fingerprint, "cache_path", lambda: tmp_path / "fingerprints.json")
    market = tmp_path / "market"
    synthesize(market, stocks=20, days=320, seed=0)
    days = [str(day) for day in Provider(market).calendar]
    overrides = {
        "qlib_init.provider_uri": str(market),
        "data_handler_config.start_time": days[0],
        "data_handler_config.end_time": days[269],
        "data_handler_config.fit_start_time": days[0],
        "data_handler_config.fit_end_time": days[199],
        "task.dataset.kwargs.segments": {
            "train": [days[0], days[199]], "valid": [days[200], days[249]], "test": [days[250], days[269]]
        },
        "task.record": [],
        "task.model.kwargs.n_epochs": 1,
        "task.model.kwargs.hidden_size": 8,
        "task.model.kwargs.batch_size": 100,
        "task.model.kwargs.GPU": -1,
    }  # fmt: skip
    config = lstm_bench.load_workflow(CONFIGS / f"lstm_{features}.yaml", overrides)
    scores = lstm_bench.run(config, out=tmp_path / "results").predict()
    assert str(scores.index[0][0].date()) == days[270]
    scores.to_parquet(tmp_path / "scores.parquet")

    report = pd.read_parquet(
        ask_oracle("trade_signal.py", market, tmp_path / "scores.parquet") / "report.parquet"
    )
    ours = lstm_bench.backtest(
        scores, market, start_time=days[270], end_time=days[-2], account=1_000_000, topk=5, n_drop=1,
        limit_threshold=0.095, deal_price="close", open_cost=0.0005, close_cost=0.0015, min_cost=5,
    )  # fmt: skip
    assert report["total_turnover"].iloc[-1] > 0
    for column in ("account", "return", "turnover", "cost", "value", "cash", "bench"):
        np.testing.assert_allclose(ours[column], report[column], rtol=1e-9, atol=1e-9, err_msg=column)
