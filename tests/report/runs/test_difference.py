"""What differs between two records, by part and by dotted key."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from tests.report.conftest import configuration, leave_record

from lstm_bench.record.record import Record
from lstm_bench.report.runs.difference import compare_runs, flatten


def record(results: Path, *overrides: str, **provenance: Any) -> Record:
    return Record(
        results / "demo" / leave_record(results / "demo", configuration("Alpha158", *overrides), **provenance)
    )


def test_the_same_run_does_not_differ_from_itself(results: Path) -> None:
    one = record(results)
    assert not any(compare_runs(one, one).values())


def test_each_part_names_what_differs(results: Path) -> None:
    a = record(results)
    b = record(
        results, "task.model.kwargs.lr=0.01", "task.model.kwargs.seed=4", "qlib_init.provider_uri=/elsewhere",
        data="cd" * 32, packages={"numpy": "2.5.0", "lstm-bench": "9.9"}, git={"commit": "beef", "dirty": True},
        training={"status": "finished", "epochs": 20, "best_epoch": 0, "parameters": 55105},
        figures={"Long Precision": 0.5},
    )  # fmt: skip
    found = compare_runs(a, b)
    assert found["configuration"] == {"task.model.kwargs.lr": (0.001, 0.01), "task.model.kwargs.seed": (0, 4)}
    assert found["data"]["data_fingerprint"] == ("ab" * 32, "cd" * 32)
    assert found["data"]["provider_uri"][1] == "/elsewhere"
    assert found["code"] == {
        "lstm-bench": (None, "9.9"), "git.commit": ("c0ffee", "beef"), "git.dirty": (False, True),
    }  # fmt: skip
    assert found["machine"] == {"packages.numpy": ("2.4.6", "2.5.0")}
    assert found["training"] == {"status": ("early_stopped", "finished"), "epochs": (11, 20)}
    assert found["metrics"]["IC"] == (a.metrics()["IC"], b.metrics()["IC"])
    assert math.isnan(found["metrics"]["Long Precision"][0])
    assert "1day.ffr" not in found["metrics"]


def test_keys_of_lists_go_by_position(results: Path) -> None:
    found = compare_runs(record(results), record(results, "portfolio.strategy.kwargs.topk=30"))
    (key,) = found["configuration"]
    assert key.startswith("task.record.2.kwargs.config.strategy.")
    assert found["configuration"][key] == (50, 30)


def test_flattening_loses_nothing() -> None:
    content = {"a": {"b": [1, 2], "c": {}}, "d": [{"e": None}, [3]], "f": []}
    assert dict(flatten(content)) == {"a.b": [1, 2], "a.c": {}, "d.0.e": None, "d.1": [3], "f": []}


def test_a_damaged_record_is_named(results: Path) -> None:
    one = record(results)
    (one.path / "metrics.json").write_text(json.dumps([1]))
    with pytest.raises(Exception, match=r"metrics\.json: holds no JSON object"):
        compare_runs(one, one)
