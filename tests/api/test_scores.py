from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import lstm_bench
from lstm_bench.config.workflow import RunConfig


def test_scores_of_a_notebook_are_evaluated_as_a_run_is(
    config: RunConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = lstm_bench.run(config, seed=1, out=tmp_path, experiment="api")
    again = lstm_bench.evaluate_scores(
        result.pred["score"], config, "mine", 1, out=tmp_path, experiment="theirs"
    )
    assert again.metrics == result.metrics
    assert again.epochs is None
    assert again.path.parent == tmp_path / "theirs"
    same = lstm_bench.evaluate_scores(
        result.path / "pred.parquet", config, "mine", 1, out=tmp_path, experiment="theirs"
    )
    assert same.path == again.path

    reduced = result.pred.iloc[3:] + np.float32(1)
    with caplog.at_level(logging.WARNING, "lstm_bench"):
        other = lstm_bench.evaluate_scores(reduced, config, "mine", 2, out=tmp_path, experiment="theirs")
    assert "scores: 3 test samples have no score" in caplog.text
    assert other.pred["score"].isna().sum() == 3
    with pytest.raises(lstm_bench.InputError, match="has the same scores as seed 2"):
        lstm_bench.evaluate_scores(reduced, config, "mine", 3, out=tmp_path, experiment="theirs")
    with pytest.raises(lstm_bench.InputError, match="its scores are those of another model"):
        other.predict()
