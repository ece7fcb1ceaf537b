"""Workflow files and datasets of the Python API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lstm_bench
from lstm_bench import RunConfig

CONFIGS = Path(__file__).parents[2] / "configs"
FIXTURES = Path(__file__).parents[1] / "oracle" / "fixtures"


def test_overrides_are_plain_values_and_reach_every_alias(overrides: dict[str, Any]) -> None:
    changed = overrides | {"market": "all", "task.model.kwargs.lr": 5e-4}
    config = lstm_bench.load_workflow(str(CONFIGS / "lstm_alpha158.yaml"), changed)
    assert config.task.dataset.kwargs.handler.kwargs.instruments == "all"
    assert config.task.model.kwargs.lr == 5e-4
    with pytest.raises(lstm_bench.ConfigError, match="did you mean 'lr'"):
        lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", overrides | {"task.model.kwargs.lrr": 1})


def test_windows_are_qlibs(overrides: dict[str, Any]) -> None:
    """One case of the dataset's fixtures, as a whole workflow file."""
    case = json.loads((FIXTURES / "dataset.json").read_text())["workflow158"]
    changes = {key: value for key, value in overrides.items() if not key.startswith("task.dataset")}
    changes |= {"task.dataset": case["dataset"]}
    dataset = lstm_bench.build_dataset(lstm_bench.load_workflow(CONFIGS / "lstm_alpha158.yaml", changes))
    stored = pd.read_parquet(FIXTURES / "dataset_workflow158_windows.parquet").query("segment == 'test'")
    samples = pd.read_parquet(FIXTURES / "dataset_workflow158_samples.parquet").query("segment == 'test'")
    index, X, _ = dataset.windows("test", "infer")
    assert index.tolist() == list(zip(samples["datetime"], samples["instrument"], strict=True))
    fields = [name for name in stored.columns if name in dataset.feature_names]
    assert fields
    positions = stored["position"].unique()
    expected = stored[fields].to_numpy().reshape(len(positions), -1, len(fields))
    columns = [dataset.feature_names.index(name) for name in fields]
    np.testing.assert_allclose(X[positions][:, :, columns], expected, rtol=1e-5, atol=1e-5)


def test_tables_and_windows_fit_each_other(config: RunConfig) -> None:
    dataset = lstm_bench.build_dataset(config)
    table = dataset.table("learn")
    index, X, y = dataset.windows("train", "learn")
    assert X.shape == (len(index), 6, 20)
    assert X.dtype == np.float32
    assert index.names == ["datetime", "instrument"]
    rows = table.loc[index]
    np.testing.assert_array_equal(
        X[:, -1], rows["feature"].to_numpy()
    )  # the window ends on the sample's own day
    np.testing.assert_array_equal(y, rows["label"].to_numpy()[:, 0])
    assert dataset.table("raw")["feature"].shape[1] == 158
    assert not np.isnan(dataset.table("infer")["feature"].to_numpy()).any()
