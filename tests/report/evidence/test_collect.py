"""Collection of records into evidence: counts, rows that stay, and reductions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from lstm_bench.bench.manifest import BenchRow
from lstm_bench.core.errors import DataError
from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.record.evidence import daily_path, read_evidence, study_path, write_study
from lstm_bench.record.record import Record
from lstm_bench.report.evidence.collect import collect
from lstm_bench.report.evidence.verification import verify
from lstm_bench.report.leaderboard.groups import group_rows
from lstm_bench.report.leaderboard.rows import rows_of

MakeRow = Callable[..., BenchRow]


def bytes_of(results: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (results / "leaderboard").glob("*.parquet")}


def test_a_record_becomes_a_row_and_its_days(results: Path, make_row: MakeRow) -> None:
    row = make_row("alpha158", seeds=[0, 1])
    found = collect(results)["alpha158"]
    record = Record(results / "alpha158" / row.runs[1])
    assert [result.seed for result in found.results] == [0, 1]
    result = found.results[1]
    assert result.metrics == record.metrics()
    assert (result.status, result.run_id, result.reduced, result.commit) == (
        "complete",
        row.runs[1],
        "",
        "c0ffee",
    )
    assert (result.train_seconds, result.total_seconds, result.epochs, result.n_epochs) == (
        30.25,
        30.75,
        11,
        200,
    )
    assert (str(result.first_day), str(result.last_day)) == ("2008-01-02", "2020-08-01")
    report = record.table("report")
    for name in ("return", "bench", "cost", "turnover"):
        np.testing.assert_array_equal(found.daily["default", 1].series[name], report[name])
    config = json.loads(result.config)
    assert config["qlib_init"] == {"region": "cn"}, "where the data lies is the machine's affair"
    assert config["task"]["model"]["kwargs"]["seed"] == 1


def test_the_files_give_back_what_was_collected(results: Path, make_row: MakeRow) -> None:
    make_row("alpha158", failures={2: "CUDA out of memory"})
    written = collect(results)["alpha158"]
    read = read_evidence(results)["alpha158"]
    assert read.results == written.results
    assert list(read.daily) == list(written.daily)
    for key, daily in written.daily.items():
        np.testing.assert_array_equal(read.daily[key].days, daily.days)
        for name, values in daily.series.items():
            np.testing.assert_array_equal(read.daily[key].series[name], values)


def test_evidence_without_a_complete_seed_is_read_back(results: Path, make_row: MakeRow) -> None:
    make_row("alpha158", absent=range(3))
    written = collect(results)["alpha158"]
    read = read_evidence(results)["alpha158"]
    assert verify(read).results == written.results
    assert read.daily == {}


def test_collecting_again_changes_no_byte(results: Path, make_row: MakeRow) -> None:
    make_row("alpha158")
    make_row("alpha158", "tuned", overrides=["task.model.kwargs.hidden_size=32"])
    collect(results)
    before = bytes_of(results)
    collect(results)
    assert bytes_of(results) == before
    shutil.rmtree(results / "leaderboard")
    collect(results)
    assert bytes_of(results) == before


def test_failed_missing_and_diverged_seeds_are_kept_apart(results: Path, make_row: MakeRow) -> None:
    make_row("alpha158", "default", range(4), failures={1: "worker killed"}, absent=[2])
    diverged = {"status": "diverged", "epochs": 1, "best_epoch": -1, "parameters": 55105}
    make_row("alpha158", "wild", [0], diverged=True, training=diverged, overrides=["task.model.kwargs.lr=9"])
    found = {(result.row, result.seed): result for result in collect(results)["alpha158"].results}
    assert [found["default", seed].status for seed in range(4)] == [
        "complete",
        "failed",
        "missing",
        "complete",
    ]
    assert found["default", 1].message == "worker killed"
    assert found["wild", 0].status == "failed"
    assert "diverged" in found["wild", 0].message
    assert found["wild", 0].run_id


def test_evidence_outlives_its_records(results: Path, make_row: MakeRow) -> None:
    row = make_row("alpha158", seeds=range(3))
    before = collect(results)["alpha158"].results
    for seed in (0, 2):
        shutil.rmtree(results / "alpha158" / row.runs[seed])
    assert collect(results)["alpha158"].results == before
    shutil.rmtree(results / "alpha158")
    assert collect(results)["alpha158"].results == before
    make_row("alpha158", seeds=[5])
    assert [result.seed for result in collect(results)["alpha158"].results] == [0, 1, 2, 5]


@pytest.mark.parametrize("change", [{"overrides": ["task.model.kwargs.lr=5e-4"]}, {"data": "cd" * 32}])
def test_another_configuration_or_other_data_replace_a_row(
    results: Path, make_row: MakeRow, change: dict[str, object]
) -> None:
    make_row("alpha158", seeds=range(3))
    make_row("alpha158", "other", seeds=[7])
    collect(results)
    make_row("alpha158", seeds=[1], **change)
    found = collect(results)["alpha158"]
    assert [(result.row, result.seed) for result in found.results] == [("default", 1), ("other", 7)]
    assert set(found.daily) == {("default", 1), ("other", 7)}


def test_two_manifests_cannot_claim_one_row(results: Path, make_row: MakeRow) -> None:
    make_row("alpha158")
    shutil.copytree(results / "alpha158", results / "copy")
    with pytest.raises(DataError, match=r"alpha158/default is in .*alpha158.* and in .*copy"):
        collect(results)


SEGMENTS = "task.dataset.kwargs.segments"
CUT = {"status": "finished", "epochs": 11, "best_epoch": 9, "parameters": 1}


@pytest.mark.parametrize(
    ("overrides", "provenance", "expected"),
    [
        ([], {}, ""),
        ([f"{SEGMENTS}.train=[2008-01-02, 2014-12-31]"], {}, ""),
        ([f"{SEGMENTS}.test=[2017-01-01, 2020-07-31]"], {}, ""),  # 2020-08-01 is a Saturday
        (
            [f"{SEGMENTS}.train=[2013-01-01, 2014-12-31]"],
            {},
            "train 2013-01-01..2014-12-31 of 2008-01-02..2014-12-31",
        ),
        ([], {"calendar": ["2010-01-04", "2020-09-30"]}, ""),
        (
            [f"{SEGMENTS}.test=[2017-01-01, 2020-06-30]"],
            {"calendar": ["2010-01-04", "2020-07-10"]},
            "test 2017-01-01..2020-06-30 of 2017-01-01..2020-07-10",
        ),
        (["task.model.kwargs.n_epochs=11"], {"synthetic": True, "training": CUT}, ""),
        (["task.model.kwargs.n_epochs=11", "market=csi500"], {"training": CUT}, ""),
        (["task.model.kwargs.n_epochs=11", "qlib_init.region=us"], {"training": CUT}, ""),
        ([f"{SEGMENTS}.train=[2013-01-01, 2014-12-31]", "market=sp500"], {}, ""),
        (["task.model.kwargs.n_epochs=11"], {}, ""),  # stopped early: the cap changed nothing
        (["task.model.kwargs.n_epochs=11"], {"training": CUT}, "ended by n_epochs 11, Qlib's is 200"),
    ],
)
def test_what_makes_a_run_a_reduced_one(
    results: Path, make_row: MakeRow, overrides: list[str], provenance: dict[str, object], expected: str
) -> None:
    make_row("alpha158", seeds=[0], overrides=overrides, **provenance)
    assert collect(results)["alpha158"].results[0].reduced == expected


def test_headlines_have_columns_where_some_seed_has_them(results: Path, make_row: MakeRow) -> None:
    import pyarrow.parquet as pq

    make_row("alpha158", seeds=[0])
    collect(results)
    path = study_path(results, "alpha158")
    before, earlier = path.read_bytes(), read_evidence(results)["alpha158"]
    assert not set(HEADLINES) & set(pq.read_schema(path).names)

    figures = {"Long Precision": 0.5, "1day.excess_return_with_cost.sortino_ratio": float("nan")}
    figures |= {"Top Turnover": 0.3}
    make_row("alpha158", "with", seeds=[0], overrides=["task.model.kwargs.lr=0.01"], figures=figures)
    written = collect(results)["alpha158"]
    assert [name for name in pq.read_schema(path).names if name in HEADLINES] == [
        "Long Precision",
        "Top Turnover",
    ]
    read = read_evidence(results)["alpha158"]
    assert read.results == written.results
    without, has = read.results
    assert without == earlier.results[0]
    assert {name: has.metrics.get(name) for name in HEADLINES if name in has.metrics} == {
        "Long Precision": 0.5,
        "Top Turnover": 0.3,
    }
    write_study(results, earlier)
    assert path.read_bytes() == before


def test_a_file_with_other_columns_is_refused(results: Path, make_row: MakeRow) -> None:
    import pyarrow.parquet as pq

    make_row("alpha158")
    collect(results)
    path = study_path(results, "alpha158")
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["Rank IC"]), path)
    with pytest.raises(DataError, match=r"no column Rank IC \(double\)"):
        read_evidence(results)
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        read_evidence(results)
    pq.write_table(table, path)
    daily_path(results, "alpha158").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        read_evidence(results)


def test_rows_of_the_same_days_and_stocks_meet_whichever_folder_they_came_from(
    results: Path, make_row: MakeRow
) -> None:
    later = {"data": "cd" * 32, "calendar": ["2008-01-02", "2021-03-31"]}
    make_row("before", data_used="1" * 64)
    make_row("after", data_used="1" * 64, **later)
    make_row("changed", data_used="2" * 64, **later)
    make_row("old")  # of the first folder, without a digest
    rows = {row.study: row for row in rows_of(collect(results))}
    assert rows["after"].setting == rows["before"].setting == rows["old"].setting
    assert rows["changed"].setting.data_fingerprint == "cd" * 32
    assert len(group_rows(rows.values())) == 2
    # and so from the files alone, for one study as for all
    assert rows_of(read_evidence(results), ["after"])[0].setting == rows["before"].setting


def test_seeds_of_a_row_before_and_after_days_were_added_stay_together(
    results: Path, make_row: MakeRow
) -> None:
    make_row("s", seeds=[0, 1], data_used="1" * 64)
    collect(results)
    shutil.rmtree(results / "s")
    make_row("s", seeds=[2], data_used="1" * 64, data="cd" * 32)
    (row,) = rows_of(collect(results))
    assert [result.seed for result in row.complete] == [0, 1, 2]
    shutil.rmtree(results / "s")
    make_row("s", seeds=[3], data_used="2" * 64, data="ef" * 32)
    (row,) = rows_of(collect(results))
    assert [result.seed for result in row.complete] == [3]


def test_evidence_without_digests_has_no_column_for_them(results: Path, make_row: MakeRow) -> None:
    make_row("s")
    before = collect(results)["s"]
    assert "data_used" not in pq.read_schema(study_path(results, "s")).names
    make_row("s", "other", data_used="1" * 64, overrides=["task.model.kwargs.hidden_size=8"])
    after = collect(results)["s"]
    assert "data_used" in pq.read_schema(study_path(results, "s")).names
    assert [one for one in after.results if one.row == "default"] == list(before.results)
