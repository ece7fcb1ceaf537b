"""Qlib's own predictions on real bars, trained here from the same seed (minutes)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lstm_bench.config.workflow import load_workflow
from lstm_bench.run.runner import execute

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.real
def test_a_seed_gives_qlibs_predictions(tmp_path: Path) -> None:
    """Two epochs of seed 0 of Qlib's Alpha158 benchmark, from 2010 on, without injected weights or order."""
    data, reference = os.environ.get("LSTM_BENCH_REAL_DATA"), os.environ.get("LSTM_BENCH_REFERENCE")
    if not data or not reference:
        pytest.skip(
            "LSTM_BENCH_REAL_DATA or LSTM_BENCH_REFERENCE is unset: no real bars, or nothing of Qlib's on them"
        )
    torch.set_num_threads(2)
    config = load_workflow(
        CONFIGS / "lstm_alpha158.yaml",
        [
            f"qlib_init.provider_uri={data}",
            "data_handler_config.start_time=2010-01-01",
            "data_handler_config.fit_start_time=2010-01-01",
            "task.dataset.kwargs.segments.train.0=2010-01-01",
            "task.model.kwargs.n_epochs=2",
        ],
    )
    record, _ = execute(config, tmp_path, device="cpu")
    torch.set_num_threads(1)
    scores = record.table("pred")["score"]
    expected = pd.read_parquet(Path(reference) / "qlib_pred_alpha158.parquet").iloc[:, 0]
    assert len(scores) == len(expected)
    np.testing.assert_allclose(scores.reindex(expected.index), expected, rtol=0, atol=1e-5)
