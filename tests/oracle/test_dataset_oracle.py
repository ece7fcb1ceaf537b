"""The committed dataset fixtures match the installed pyqlib."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.build import build_dataset

pytestmark = pytest.mark.oracle

FIXTURES = Path(__file__).parent / "fixtures"


def test_the_dataset_fixtures_are_current(ask_oracle: Callable[..., Path], tmp_path: Path) -> None:
    synthesize(tmp_path / "market", stocks=20, days=320, seed=0)
    answer = ask_oracle("make_dataset.py", tmp_path / "market")
    committed = sorted(path.name for path in FIXTURES.glob("dataset_*.parquet"))
    assert committed == sorted(path.name for path in answer.glob("*.parquet"))
    for name in committed:
        pd.testing.assert_frame_equal(
            pd.read_parquet(answer / name), pd.read_parquet(FIXTURES / name), rtol=1e-5, atol=1e-5, obj=name
        )
    cases, known = (json.loads((folder / "dataset.json").read_text()) for folder in (answer, FIXTURES))
    scores, known_scores = (
        {name: case.get("model", {}).pop("scores", {}) for name, case in found.items()}
        for found in (cases, known)
    )
    assert cases == known
    for name, series in known_scores.items():
        for key, values in series.items():
            assert scores[name][key] == pytest.approx(values, abs=1e-6)


SET = {
    "alpha158": {"kbar": {}, "rolling": {"windows": [5], "include": ["ROC", "CORD", "RESI"]}},
    "features": {"MOM3": "$close/Ref($close, 3)-1", "CALM": "EMA(Abs($close/Ref($close, 1)-1), 10)"},
    "labels": {"LABEL1": "Ref($close, -2)/Ref($close, -1)-1", "LABEL5": "Ref($close, -6)/Ref($close, -1)-1"},
}


def test_a_feature_set_resolves_to_a_handler_of_qlibs(
    ask_oracle: Callable[..., Path], tmp_path: Path
) -> None:
    """Alpha158's workflow with a feature set and another label: pyqlib makes the same tables of what it resolves to."""
    synthesize(tmp_path / "market", stocks=20, days=320, seed=0)
    provider = Provider(tmp_path / "market")
    days = [str(day) for day in provider.calendar]
    (tmp_path / "mine.yaml").write_text(dump_yaml(SET))
    handler = "task.dataset.kwargs.handler.kwargs"
    robust = {"class": "RobustZScoreNorm", "kwargs": {"fields_group": "feature"}}
    config = load_workflow(
        ready_folder("configs") / "lstm_alpha158.yaml",
        {
            "qlib_init.provider_uri": str(tmp_path / "market"),
            f"{handler}.start_time": days[10],
            f"{handler}.end_time": days[-3],
            f"{handler}.fit_start_time": days[10],
            f"{handler}.fit_end_time": days[200],
            f"{handler}.infer_processors": [robust],
            "task.dataset.kwargs.segments": {
                "train": [days[10], days[200]], "valid": [days[201], days[250]], "test": [days[251], days[-3]],
            },
            "task.model.kwargs.d_feat": 14,
            "lstm_bench.features": str(tmp_path / "mine.yaml"),
            "lstm_bench.label": "LABEL5",
        },
    ).resolved()  # fmt: skip
    section = config.to_file()["task"]["dataset"]["kwargs"]["handler"]
    (tmp_path / "request.json").write_text(json.dumps(section))
    answer = ask_oracle("ask_table.py", tmp_path / "market", tmp_path / "request.json")
    dataset = build_dataset(config.task.dataset, provider, d_feat=14)
    for key in ("raw", "infer", "learn"):
        expected = pd.read_parquet(answer / f"{key}.parquet").set_index(["datetime", "instrument"])
        table = dataset.table(key)
        table.columns = [":".join(column) for column in table.columns.tolist()]
        assert list(table.columns) == json.loads((answer / "order.json").read_text())
        assert len(table.columns) == 15
        assert table.index.equals(expected.index), key
        gap = np.abs(table.to_numpy(np.float64) - expected.to_numpy(np.float64))
        scale = np.maximum(1, np.abs(expected.to_numpy(np.float64)))
        assert np.array_equal(np.isnan(table.to_numpy()), np.isnan(expected.to_numpy()))
        assert np.nanmax(gap / scale) <= 1e-5, key


OPEN = {"filter_start_time": None, "filter_end_time": None}
NAMED = {"filter_type": "NameDFilter", "name_rule_re": "SH60000[0-6]", **OPEN}
RULED = {
    "filter_type": "ExpressionDFilter",
    "rule_expression": "EMA($close, 8) > Ref(Mean($close, 5), 2)",
    "keep": False,
    **OPEN,
}


@pytest.mark.parametrize(
    "narrowed",
    [
        {"filter_pipe": [NAMED]},
        {"filter_pipe": [RULED]},
        {"filter_pipe": [{**RULED, "rule_expression": "$volume - Ref($volume, 1)", "keep": True}, NAMED]},
        {"filter_pipe": [{**RULED, "filter_start_time": "2020-01-10", "filter_end_time": "2020-06-30"}]},
        {"instruments": {"market": "csi300", "filter_pipe": [NAMED, RULED]}},
        {
            "inst_processors": [
                {
                    "class": "TimeRangeFlt",
                    "module_path": "qlib.data.dataset.processor",
                    "kwargs": {"start_time": "2019-12-02", "end_time": "2020-08-03"},
                }
            ]
        },
    ],
    ids=["name", "rule", "value_keep_name", "rule_of_some_days", "market", "time_range"],
)
def test_a_narrowed_universe_has_pyqlibs_rows_and_values(
    ask_oracle: Callable[..., Path], tmp_path: Path, narrowed: dict[str, Any]
) -> None:
    synthesize(tmp_path / "market", stocks=20, days=320, seed=0)
    provider = Provider(tmp_path / "market")
    days = [str(day) for day in provider.calendar]
    handler = {
        "class": "Alpha158",
        "module_path": "qlib.contrib.data.handler",
        "kwargs": {
            "instruments": "csi300",
            "start_time": days[10],
            "end_time": days[-3],
            "fit_start_time": days[10],
            "fit_end_time": days[200],
            **narrowed,
        },
    }
    (tmp_path / "request.json").write_text(json.dumps(handler))
    answer = ask_oracle("ask_table.py", tmp_path / "market", tmp_path / "request.json")
    spans = {
        "train": [days[10], days[200]], "valid": [days[201], days[250]], "test": [days[251], days[-3]],
    }  # fmt: skip
    config = DatasetConfig.model_validate(
        {"class": "TSDatasetH", "kwargs": {"handler": handler, "segments": spans, "step_len": 5}}
    )
    dataset = build_dataset(config.resolved(), provider, d_feat=158)
    for key in ("raw", "infer", "learn"):
        expected = pd.read_parquet(answer / f"{key}.parquet").set_index(["datetime", "instrument"])
        table = dataset.table(key)
        assert table.index.equals(expected.index), key
        gap = np.abs(table.to_numpy(np.float64) - expected.to_numpy(np.float64))
        scale = np.maximum(1, np.abs(expected.to_numpy(np.float64)))
        assert np.nanmax(gap / scale) <= 1e-5, key
