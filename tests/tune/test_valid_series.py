"""The daily series of a trial on valid: their file, and what is no such file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.tune import training
from lstm_bench.tune.valid_series import ValidSeries, read_series, series_path, write_series


def made_up(seed: int, days: int = 7) -> ValidSeries:
    values = np.random.default_rng(seed).normal(size=(3, days))
    values[seed % 3, 2] = np.nan
    return ValidSeries(np.arange("2015-01-05", days, dtype="datetime64[D]"), *values)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = series_path(tmp_path / "search" / "0123.json")
    assert path == tmp_path / "search" / "0123.valid.parquet"
    assert read_series(path) is None
    written = {7: made_up(7), 3: made_up(3, days=5)}
    write_series(path, written)
    read = read_series(path)
    assert read is not None
    assert list(read) == [3, 7]
    for seed, one in written.items():
        np.testing.assert_array_equal(read[seed].days, one.days)
        for name in ("ic", "rank_ic", "top_return"):
            np.testing.assert_array_equal(getattr(read[seed], name), getattr(one, name))
    assert pq.read_schema(path).names == ["seed", "datetime", "ic", "rank_ic", "top_return"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k.valid.parquet"
    contents: list[Any] = [
        b"no parquet",
        pa.table({"seed": [1]}),
        pa.table({name: ["a"] for name in ("seed", "datetime", "ic", "rank_ic", "top_return")}),
    ]
    for content in contents:
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            pq.write_table(content, path)
        with pytest.raises(DataError, match=r"k\.valid\.parquet: cannot be read"):
            read_series(path)


def test_a_full_disk_costs_the_series_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(number: int) -> None:
        def write(path: Path, series: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(training, "write_series", write)

    fail(errno.ENOSPC)
    training._keep_series(tmp_path / "k.valid.parquet", {0: made_up(0)})
    assert "has no room for the daily series of the trial on valid" in caplog.text
    fail(errno.EACCES)
    with pytest.raises(OSError, match="denied"):
        training._keep_series(tmp_path / "k.valid.parquet", {0: made_up(0)})


def test_the_means_are_over_the_days_that_have_a_value() -> None:
    days = np.arange("2015-01-05", 3, dtype="datetime64[D]")
    series = ValidSeries(days, np.array([0.1, np.nan, 0.3]), np.full(3, np.nan), np.zeros(3))
    assert series.means() == {"IC": pytest.approx(0.2)}
