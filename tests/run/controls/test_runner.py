"""All controls of a run, and their file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.record.record import Record
from lstm_bench.run.controls.document import Controls, controls_path
from lstm_bench.run.controls.runner import ControlRun
from lstm_bench.run.runner import execute

Configure = Callable[..., RunConfig]


@pytest.fixture
def record(recorded: Record, tmp_path: Path) -> Record:
    """Give a copy of the record."""
    return Record(Path(shutil.copytree(recorded.path, tmp_path / "results" / "small" / recorded.path.name)))


def test_parts_are_computed_one_by_one_and_kept(configure: Configure, record: Record) -> None:
    run = ControlRun(configure(), record, {"row": [record], "empty": []})
    first = run.compute(["look-ahead"])
    assert list(first.controls) == ["look_ahead"]
    assert first.controls["look_ahead"].passed, first.controls["look_ahead"].found
    assert "flags TOMORROW; 0 features of its own; 0 of" in first.controls["look_ahead"].found
    path = first.save(record.path)
    assert path == controls_path(record.path) == record.path.parent / "controls" / f"{record.path.name}.json"
    assert Controls.load(record.path) == first

    both = run.compute(["conventions", "capacity"])
    assert list(both.controls) == ["look_ahead", "evaluation"]
    assert both.controls["evaluation"].passed, both.controls["evaluation"].found
    assert both.failed == []
    assert len(both.conventions) == 8
    assert both.compared == ["row"]
    assert both.left_out == ["empty: no seed has a record"]
    assert len(both.capacity) == 7
    assert both.impact_cost == 0.1
    assert both.median_amount is not None
    both.save(record.path)
    assert Controls.load(record.path) == both


def test_a_changed_record_fails(configure: Configure, record: Record) -> None:
    report = pd.read_parquet(record.path / "report.parquet")
    report["return"] += 1e-9
    report.to_parquet(record.path / "report.parquet")
    control = ControlRun(configure(), record, {}).compute(["conventions"]).controls["evaluation"]
    assert not control.passed
    assert control.figures["difference"] == pytest.approx(1e-9, rel=1e-3)


def test_without_a_backtest_nothing_is_traded(configure: Configure, tmp_path: Path) -> None:
    config = configure("task.record=[]")
    record, _ = execute(config, tmp_path / "results")
    found = ControlRun(config, record, {}).compute(["conventions", "capacity"])
    assert (found.conventions, found.capacity, found.controls) == ([], [], {})
    assert found.capacity_note == "the configuration requests no backtest"


def test_permuted_labels_cannot_be_controlled(configure: Configure, record: Record) -> None:
    config = configure("lstm_bench.training.permute_labels=true")
    with pytest.raises(ConfigError, match=r"permute_labels: got true, expected false"):
        ControlRun(config, record, {}).compute(["oracle"])


def test_a_damaged_file_is_named(record: Record) -> None:
    assert Controls.load(record.path) is None
    path = controls_path(record.path)
    path.parent.mkdir()
    for content in ("{", '{"run_id": 3}'):
        path.write_text(content)
        with pytest.raises(DataError, match=r"controls.*run `lstm-bench controls` again"):
            Controls.load(record.path)
