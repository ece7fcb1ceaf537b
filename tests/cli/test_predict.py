"""``lstm-bench predict``: from a run of the command line to a file of new scores."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def record(lstm_bench: Run, small_run: list[object], home: Path) -> Path:
    """A run that tests to 2020-09-15, and the rest of its data to predict."""
    test = (
        "{train: [2019-07-20, 2020-04-01], valid: [2020-04-02, 2020-06-10], test: [2020-06-11, 2020-09-15]}"
    )
    changes = (
        "--set",
        f"task.dataset.kwargs.segments={test}",
        "--set",
        "portfolio.backtest.end_time=2020-09-15",
    )
    done = lstm_bench(*small_run, *changes, "--experiment", "predicted", "--json")
    assert done.returncode == 0, done.stderr
    return home / str(json.loads(done.stdout)["record"])


def test_new_days_are_written_and_shown(here: Run, record: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "scores.parquet"
    done = here("-q", "predict", record, "--out", out)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(out)
    days = table.index.unique("datetime")
    assert table.index.names == ["datetime", "instrument"]
    assert table["score"].dtype == np.float32
    assert table["score"].notna().all()
    assert (str(days[0].date()), str(days[-1].date()), len(days)) == ("2020-09-16", "2020-09-30", 11)
    assert table.attrs["run_id"] == record.name
    best = table["score"].xs(days[-1], level="datetime").sort_values(ascending=False)
    row = next(line for line in done.stdout.splitlines() if best.index[0] in line)
    assert f"{best.iloc[0]:.6f}" in row
    for said in (
        "2020-09-16 to 2020-09-30",
        "the run's scores of 2020-09-15 are reproduced",
        f"written to {out}",
    ):
        assert said in done.stdout
    assert [path.name for path in out.parent.iterdir()] == ["scores.parquet"]


def test_a_csv_holds_the_same(here: Run, record: Path, tmp_path: Path) -> None:
    for name in ("scores.parquet", "scores.csv"):
        done = here(
            "predict", record.name[:8], "--results", record.parents[1], "--start", "2020-09-29", "--out", name
        )
        assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "scores.parquet")
    text = pd.read_csv(tmp_path / "scores.csv", parse_dates=["datetime"], dtype={"score": np.float32})
    assert list(text) == ["datetime", "instrument", "score"]
    np.testing.assert_array_equal(text["score"], table["score"])
    assert list(map(tuple, text[["datetime", "instrument"]].to_numpy())) == list(table.index)


def test_json_is_one_object(here: Run, record: Path) -> None:
    done = here("predict", record, "--json", "--start", "2020-09-30")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["run"] == str(record)
    assert answer["out"] is None
    assert (answer["first_day"], answer["last_day"], answer["days"]) == ("2020-09-30", "2020-09-30", 1)
    assert answer["scores"] > 10
    assert answer["bars"] == "same"
    assert answer["recorded_scores"]["agree"] is True
    assert answer["recorded_scores"]["day"] == "2020-09-15"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["nothing"],
            ["run: got 'nothing'", "the id of one in results", "`lstm-bench run CONFIG` makes one"],
        ),
        (["RECORD", "--out", "scores.txt"], ["--out: got 'scores.txt'", ".parquet or .csv"]),
        (["RECORD", "--out", "folder.csv"], ["--out: folder.csv is a folder"]),
        (["RECORD", "--start", "2021-01-01"], ["start: got 2021-01-01, but the data end on 2020-09-30"]),
        (["RECORD", "--start", "soon"], ["start: got 'soon', expected a day such as 2008-01-31"]),
        (["RECORD", "--end", "2020-09-01"], ["starts on 2020-09-16, after its end 2020-09-01"]),
        (["RECORD", "--provider-uri", "nowhere"], ["provider_uri: got 'nowhere'", "there is none"]),
        (["RECORD", "--device", "gpu"], ["--device: got 'gpu'; choices: auto, cpu"]),
    ],
)
def test_bad_input_is_refused(
    here: Run, record: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    (tmp_path / "folder.csv").mkdir()
    done = here("-q", "predict", *(str(record) if text == "RECORD" else text for text in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    reason = done.stderr.splitlines()[-1]
    assert reason.startswith("error: ")
    for word in words:
        assert word in reason
    assert [path.name for path in tmp_path.iterdir() if path.name != ".cache"] == ["folder.csv"]
