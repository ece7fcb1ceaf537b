"""Processed tables, samples and windows against what pyqlib computed from the same synthetic market."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset

FIXTURES = Path(__file__).parents[1] / "oracle" / "fixtures"
CASES: dict[str, Any] = json.loads((FIXTURES / "dataset.json").read_text())
KEYS = (("train", "learn"), ("valid", "learn"), ("test", "infer"))


@pytest.fixture(scope="module")
def oracle_market(tmp_path_factory: pytest.TempPathFactory) -> Provider:
    """The market that pyqlib was given; see the oracle's README."""
    out = tmp_path_factory.mktemp("oracle") / "market"
    synthesize(out, stocks=20, days=320, seed=0)
    return Provider(out)


@pytest.fixture(scope="module", params=sorted(CASES))
def case(request: pytest.FixtureRequest, oracle_market: Provider) -> tuple[str, Dataset]:
    """One configuration, and our dataset of it."""
    name: str = request.param
    return name, build_dataset(DatasetConfig.model_validate(CASES[name]["dataset"]), oracle_market)


def assert_close(got: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    """Within 1e-5 of the larger of 1 and the value; NaN and infinities in the same places."""
    got, expected = got.astype(np.float32), expected.astype(np.float32)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(got[~finite], expected[~finite])
    off = np.abs(got[finite] - expected[finite]) / np.maximum(1, np.abs(expected[finite]))
    assert off.max(initial=0) <= 1e-5


def read(name: str, part: str) -> pd.DataFrame:
    return pd.read_parquet(FIXTURES / f"dataset_{name}_{part}.parquet")


@pytest.mark.parametrize("key", ["infer", "learn"])
def test_tables_are_qlibs(case: tuple[str, Dataset], key: str) -> None:
    name, dataset = case
    columns = CASES[name]["columns"]
    stored = read(name, "table")
    expected = stored[stored["key"] == key]
    table = dataset.table(key)  # type: ignore[arg-type]
    table = table[table.index.get_level_values("datetime").isin(stored["datetime"])]  # some days are stored
    assert table.index.get_level_values("datetime").tolist() == expected["datetime"].tolist()
    assert table.index.get_level_values("instrument").tolist() == expected["instrument"].tolist()
    table.columns = table.columns.get_level_values(1)
    assert str(table.dtypes.iloc[-1]) == CASES[name]["label_dtype"][key]
    assert table.columns[-1] == columns[-1]
    assert_close(table[columns].to_numpy(), expected[columns].to_numpy())


@pytest.mark.parametrize(("segment", "key"), KEYS)
def test_samples_and_windows_are_qlibs(case: tuple[str, Dataset], segment: str, key: str) -> None:
    name, dataset = case
    index, X, y = dataset.windows(segment, key)  # type: ignore[arg-type]
    samples = read(name, "samples")
    samples = samples[samples["segment"] == segment]
    assert index.get_level_values("datetime").tolist() == samples["datetime"].tolist()
    assert index.get_level_values("instrument").tolist() == samples["instrument"].tolist()

    windows = read(name, "windows")
    windows = windows[windows["segment"] == segment]
    *fields, label = windows.columns[3:]
    positions = windows["position"].unique()
    is_row = dataset.n_features == len(fields) == 6 and fields[0] == "CLOSE"
    kept = slice(None) if is_row else [dataset.feature_names.index(field) for field in fields]
    expected = windows[fields].to_numpy().reshape(len(positions), -1, len(fields))
    assert_close(X[positions][:, :, kept], expected)
    assert str(y.dtype) == CASES[name]["label_dtype"][key]  # a model's loss has the label's precision
    assert_close(y[positions], windows[label].to_numpy().reshape(len(positions), -1)[:, -1])
