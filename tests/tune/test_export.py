"""Trials as tables."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.tune.export import export_trials
from lstm_bench.tune.trials import TrialRow

DONE = TrialRow(
    number=0, state="complete", value=0.25, params={"hidden_size": 32, "lr": 1e-3}, epoch_values={0: 0.5, 1: 0.25},
    device="cpu", slot="cpu/0", seconds=1.5, origin="default", moved={"hidden_size": 64}, duplicate_of=None,
    diverged_seeds=[7, 8], attempts=0, error=None,
    valid_ic={"IC": 0.04, "Rank IC": 0.05},
)  # fmt: skip
QUEUED = replace(
    DONE, number=1, state="queued", value=None, params={"hidden_size": 8}, epoch_values={}, device=None, slot=None,
    seconds=None, moved={}, diverged_seeds=[], valid_ic={},
)  # fmt: skip


@pytest.mark.parametrize("name", ["trials.csv", "deep/trials.parquet"])
def test_a_row_a_trial_a_column_a_parameter(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    assert export_trials([DONE, QUEUED], out) == 2
    table = pd.read_csv(out) if out.suffix == ".csv" else pd.read_parquet(out)
    assert list(table["number"]) == [0, 1]
    assert list(table["params.hidden_size"]) == [32, 8]
    assert table["params.lr"].isna().tolist() == [False, True]
    assert list(table["epochs"]) == [2, 0]
    assert json.loads(table["epoch_values"][0]) == {"0": 0.5, "1": 0.25}
    assert json.loads(table["moved"][0]) == {"hidden_size": 64}
    assert table["diverged_seeds"][0] == "7,8"
    assert (table["valid_ic"][0], table["valid_rank_ic"][0], bool(pd.isna(table["valid_ic"][1]))) == (
        0.04,
        0.05,
        True,
    )
    assert (table["value"][0], bool(pd.isna(table["value"][1]))) == (0.25, True)


def test_json_holds_the_trials_as_they_are(tmp_path: Path) -> None:
    export_trials([DONE], tmp_path / "trials.json")
    assert json.loads((tmp_path / "trials.json").read_text()) == json.loads(json.dumps([DONE.to_json()]))


def test_a_study_without_trials_makes_an_empty_table(tmp_path: Path) -> None:
    assert export_trials([], tmp_path / "trials.csv") == 0
    assert "number" in pd.read_csv(tmp_path / "trials.csv").columns


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"got 'trials\.xls'; .*choices: \.csv, \.json, \.parquet"):
        export_trials([DONE], tmp_path / "trials.xls")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        export_trials([DONE], tmp_path / "file" / "trials.csv")
