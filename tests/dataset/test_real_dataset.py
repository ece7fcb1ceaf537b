"""Samples of the real market: counts, order and labels as in Qlib's reference run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset

pytestmark = pytest.mark.real

ROBUST = [
    {"class": "RobustZScoreNorm", "kwargs": {"fields_group": "feature"}},
    {"class": "Fillna", "kwargs": {"fields_group": "feature"}},
]
TWENTY = [
    "RESI5", "WVMA5", "RSQR5", "KLEN", "RSQR10", "CORR5", "CORD5", "CORR10", "ROC60", "RESI10",
    "VSTD5", "RSQR60", "CORR60", "WVMA60", "STD5", "RSQR20", "CORD60", "CORD10", "CORR20", "KLOW",
]  # fmt: skip


def environment(name: str) -> Path:
    folder = os.environ.get(name)
    if not folder:
        pytest.skip(f"{name} is not set")
    return Path(folder)


def configuration(handler: str, name: str, infer: list[Any], **kwargs: Any) -> DatasetConfig:
    own = {
        "start_time": "2010-01-01",
        "end_time": "2020-08-01",
        "fit_start_time": "2010-01-01",
        "fit_end_time": "2014-12-31",
        "instruments": "csi300",
        "infer_processors": infer,
        "learn_processors": ["DropnaLabel", {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}}],
        "label": ["Ref($close, -2) / Ref($close, -1) - 1"],
    }
    segments = {
        "train": ["2010-01-01", "2014-12-31"],
        "valid": ["2015-01-01", "2016-12-31"],
        "test": ["2017-01-01", "2020-08-01"],
    }
    handler_config = {"class": handler, "module_path": "qlib.contrib.data.handler", "kwargs": own}
    content = {"class": name, "kwargs": {"handler": handler_config, "segments": segments, **kwargs}}
    return DatasetConfig.model_validate(content)


@pytest.fixture(scope="module", params=["Alpha158", "Alpha360"])
def dataset(request: pytest.FixtureRequest) -> Dataset:
    provider = Provider(environment("LSTM_BENCH_REAL_DATA"))
    if request.param == "Alpha360":
        return build_dataset(configuration("Alpha360", "DatasetH", ROBUST), provider)
    pick = {"class": "FilterCol", "kwargs": {"fields_group": "feature", "col_list": TWENTY}}
    return build_dataset(configuration("Alpha158", "TSDatasetH", [pick, *ROBUST], step_len=20), provider)


def test_sample_counts_are_the_reference_runs(dataset: Dataset) -> None:
    assert len(dataset.rows) == 678_562
    assert dataset.views["learn"].kept.sum() == 656_883
    assert len(dataset.samples("train", "learn")) == 308_933
    assert len(dataset.samples("valid", "learn")) == 121_122
    assert len(dataset.samples("test", "infer")) == 231_395


def test_test_samples_are_the_rows_of_the_reference_predictions(dataset: Dataset) -> None:
    predictions = pd.read_parquet(environment("LSTM_BENCH_REFERENCE") / "qlib_pred_alpha158.parquet")
    if not dataset.config.is_time_series:
        predictions = predictions.sort_index()
    samples = dataset.samples("test", "infer")
    index = dataset.index(samples.days, samples.instruments)
    for level in ("datetime", "instrument"):
        expected = predictions.index.get_level_values(level)
        assert (index.get_level_values(level).to_numpy() == expected.to_numpy()).all()


def test_windows_hold_no_gap(dataset: Dataset) -> None:
    samples = dataset.samples("test", "infer")
    part = slice(0, None, 50)
    days, instruments = (torch.from_numpy(a[part].copy()) for a in (samples.days, samples.instruments))
    windows = samples.windows.gather(days, instruments).numpy()
    assert windows.shape[1:] == (dataset.step_len, dataset.n_features)
    assert np.isfinite(windows).all()
    assert np.abs(windows).max() == 3
