"""Files of evidence: their columns, their version, and that committed files are reproduced bit for bit."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.record.evidence import (
    Daily,
    Evidence,
    daily_path,
    read_evidence,
    read_study,
    study_path,
    write_study,
)
from lstm_bench.record.evidence_schema import DAILY, METRICS, SEED_COLUMNS, SeedResult, Status

RESULTS = Path(__file__).parents[2] / "results"
KINDS = {str: "string", Status: "string", int: "int64", float: "float64", bool: "bool", date: "date32"}


def evidence() -> Evidence:
    days = np.array(["2020-01-02", "2020-01-03"], dtype="datetime64[D]")
    series = {name: np.array([0.5, np.nan]) for name in DAILY}
    done = SeedResult("s", "a", "Alpha158", None, 1, "complete", "", "{}", epochs=2, metrics={"IC": 0.04})
    failed = SeedResult("s", "a", "Alpha158", None, 0, "failed", "it diverged", "{}")
    return Evidence.of("s", [done, failed], {("a", 1): Daily(days, series)})


def test_the_columns_are_the_fields_of_a_seeds_result() -> None:
    hints = get_type_hints(SeedResult)
    hints.pop("metrics")
    expected = {}
    for name, hint in hints.items():
        is_nullable = type(None) in getattr(hint, "__args__", ())
        kind = next(one for one in hint.__args__ if one is not type(None)) if is_nullable else hint
        expected[name] = (KINDS[kind], is_nullable)
    columns = {one.name: (one.kind, one.nullable) for one in SEED_COLUMNS}
    assert list(columns)[: len(expected)] == list(expected)
    assert dict(list(columns.items())[: len(expected)]) == expected
    assert list(columns)[len(expected) :][: len(METRICS)] == list(METRICS)
    assert all(one.description for one in SEED_COLUMNS)


def test_committed_evidence_is_written_again(tmp_path: Path) -> None:
    """Bit for bit with the release of pyarrow that wrote it; with others, the same tables."""
    studies = read_evidence(RESULTS)
    assert studies
    for name, study in studies.items():
        assert write_study(tmp_path, study)
        for path in (study_path, daily_path):
            again, committed = path(tmp_path, name), path(RESULTS, name)
            if pq.read_metadata(again).created_by == pq.read_metadata(committed).created_by:
                assert again.read_bytes() == committed.read_bytes(), committed
            else:
                assert pq.read_table(again).equals(pq.read_table(committed)), committed


def test_what_is_written_is_read_and_written_once(tmp_path: Path) -> None:
    study = evidence()
    assert write_study(tmp_path, study)
    read = read_study(tmp_path, "s")
    assert read.results == study.results
    assert [result.seed for result in read.results] == [0, 1]
    daily = read.daily["a", 1]
    assert np.array_equal(daily.days, study.daily["a", 1].days)
    assert all(np.array_equal(daily.series[name], [0.5, np.nan], equal_nan=True) for name in DAILY)
    assert not write_study(tmp_path, read)


def test_an_optional_column_is_written_if_it_has_a_value(tmp_path: Path) -> None:
    study = evidence()
    write_study(tmp_path, study)
    assert "data_used" not in pq.read_schema(study_path(tmp_path, "s")).names
    failed, done = study.results
    digested = dataclasses.replace(done, data_used="ab", metrics={"IC": 0.04, "Long Precision": 0.5})
    assert write_study(tmp_path, Evidence("s", (failed, digested), study.daily))
    names = pq.read_schema(study_path(tmp_path, "s")).names
    assert names.index("data_used") == names.index("parameters") + 1
    assert names[-1] == "Long Precision"
    assert read_study(tmp_path, "s").results == (failed, digested)


def test_a_study_without_complete_seeds_has_no_days(tmp_path: Path) -> None:
    study = Evidence("s", evidence().results[:1], {})
    assert write_study(tmp_path, study)
    assert read_study(tmp_path, "s").daily == {}


def test_files_of_a_later_version_are_refused(tmp_path: Path) -> None:
    write_study(tmp_path, evidence())
    path = study_path(tmp_path, "s")
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({"lstm_bench_evidence": "2"}), path)
    with pytest.raises(DataError, match=r"s\.parquet: got evidence of version 2, expected at most 1"):
        read_study(tmp_path, "s")
    pq.write_table(table.replace_schema_metadata({"lstm_bench_evidence": "1", "other": "x"}), path)
    assert read_study(tmp_path, "s").results == evidence().results


def test_files_with_other_columns_are_refused(tmp_path: Path) -> None:
    write_study(tmp_path, evidence())
    path = study_path(tmp_path, "s")
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(["Rank IC"]), path)
    with pytest.raises(DataError, match=r"no column Rank IC \(double\)"):
        read_study(tmp_path, "s")
    pq.write_table(table.append_column("more", pa.nulls(2, pa.int64())), path)
    with pytest.raises(DataError, match=r"unexpected column more \(int64\)"):
        read_study(tmp_path, "s")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"s\.parquet: cannot be read"):
        read_study(tmp_path, "s")
