"""The label of training, made again from a record's raw one: that of the dataset which training had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.workflow import load_workflow
from lstm_bench.core.errors import DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.record.record import Record
from lstm_bench.record.saved import read_statistics
from lstm_bench.report.pages.trained_label import LabelChain, trained_label

Chain = list[dict[str, Any] | str]

KEPT: dict[str, Any] = {"class": "FilterCol", "kwargs": {"col_list": ["KLEN", "ROC60", "STD5"]}}
RANKED: dict[str, Any] = {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}}
DROPPED: dict[str, Any] = {"class": "DropnaProcessor", "kwargs": {"fields_group": "feature"}}
SCALED: dict[str, Any] = {
    "class": "MinMaxNorm",
    "kwargs": {"fit_start_time": "2000-01-01", "fit_end_time": "2100-01-01"},
}
HANDLER = "task.dataset.kwargs.handler.kwargs"


def dataset_of(
    recorded: Record, infer: Chain, learn: Chain, shared: Chain, process_type: str, label: str = "LABEL0"
) -> Dataset:
    config = load_workflow(
        recorded.path / "config.yaml",
        [
            (f"{HANDLER}.infer_processors", [KEPT, *infer]),
            (f"{HANDLER}.learn_processors", [*([] if process_type == "append" else [KEPT]), *learn]),
            (f"{HANDLER}.shared_processors", shared),
            (f"{HANDLER}.process_type", process_type),
            (f"{HANDLER}.label", [["Ref($close, -2) / Ref($close, -1) - 1"], [label]]),
            ("task.model.kwargs.d_feat", 3),
        ],
    )
    return build_dataset(config.task.dataset, Provider(config.qlib_init.provider_uri))


def raw(dataset: Dataset) -> pd.DataFrame:
    """Give the labels as a record has them: of the test samples, before any processor."""
    test = dataset.samples("test", "infer")
    labels = dataset.raw_label[test.days, test.instruments]
    return pd.DataFrame({"LABEL0": labels}, index=dataset.index(test.days, test.instruments)).sort_index()


def learned(dataset: Dataset) -> pd.Series[float]:
    test = dataset.samples("test", "learn")
    return pd.Series(test.labels, dataset.index(test.days, test.instruments)).sort_index()


@pytest.mark.parametrize("process_type", ["append", "independent"])
@pytest.mark.parametrize(
    ("infer", "learn", "shared"),
    [
        (["ProcessInf", "ZScoreNorm", "Fillna"], ["DropnaLabel"], []),
        (["RobustZScoreNorm"], ["DropnaLabel", RANKED], []),
        ([{"class": "CSZScoreNorm", "kwargs": {}}], ["DropnaLabel"], [SCALED]),
        ([{"class": "CSZScoreNorm", "kwargs": {"fields_group": ["feature", "label"]}}], ["DropnaLabel"], []),
        (["Fillna"], ["DropnaLabel", {"class": "ZScoreNorm", "kwargs": {"fields_group": "label"}}], []),
        ([DROPPED], ["DropnaLabel"], []),
    ],
    ids=["alpha360", "robust", "shared", "both groups", "fitted label", "dropped features"],
)
@pytest.mark.parametrize("label", ["LABEL0", "RET1"])
def test_it_is_the_label_of_the_learn_data(
    recorded: Record, infer: Chain, learn: Chain, shared: Chain, process_type: str, label: str
) -> None:
    dataset = dataset_of(recorded, infer, learn, shared, process_type, label)
    found = trained_label(raw(dataset), dataset.config.kwargs.handler, dataset.fitted)
    target, expected = pd.Series(found, raw(dataset).index), learned(dataset)
    common = target.index.intersection(expected.index)
    assert len(common) > 1000
    np.testing.assert_array_equal(target[common], expected[common])
    assert target.drop(common).isna().all()


def test_a_label_that_is_squashed(recorded: Record) -> None:
    dataset = dataset_of(recorded, ["TanhProcess"], ["DropnaLabel"], [], "append", "RET1")
    found = trained_label(raw(dataset), dataset.config.kwargs.handler, dataset.fitted)
    np.testing.assert_array_equal(found[np.isfinite(found)], learned(dataset))


@pytest.mark.parametrize(
    ("infer", "learn", "process_type"),
    [
        ([], [DROPPED, RANKED], "append"),
        ([RANKED, DROPPED], ["DropnaLabel"], "append"),
        ([DROPPED], [RANKED], "independent"),
    ],
)
def test_missing_rows_are_an_error(recorded: Record, infer: Chain, learn: Chain, process_type: str) -> None:
    dataset = dataset_of(recorded, infer, learn, [], process_type)
    with pytest.raises(DataError, match="DropnaProcessor dropped rows by their features"):
        trained_label(raw(dataset), dataset.config.kwargs.handler, dataset.fitted)


def test_a_record_says_what_its_label_was_made_of(recorded: Record) -> None:
    handler = load_workflow(recorded.path / "config.yaml").task.dataset.kwargs.handler
    assert LabelChain.of(handler).names == ("DropnaLabel", "CSRankNorm")
    label = recorded.table("label")
    target = trained_label(label, handler, read_statistics(recorded))
    ranked = label["LABEL0"].groupby(level="datetime").rank(pct=True)
    np.testing.assert_allclose(target, (ranked - 0.5) * 3.46, rtol=1e-6)
