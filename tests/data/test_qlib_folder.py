from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.qlib_folder import History, write_qlib_folder

DAYS = np.arange("2020-01-06", "2020-01-10", dtype="datetime64[D]")
SPANS = {"all": [("SH600000", DAYS[1], DAYS[3]), ("SH600000", DAYS[0], DAYS[2])]}


def history() -> History:
    return History("SH600000", 1, {"close": np.array([10.5, np.nan, 11.0], np.float32)})


def test_the_folder_is_qlibs(tmp_path: Path) -> None:
    out = tmp_path / "new" / "market"
    write_qlib_folder(out, DAYS, SPANS, [history()])
    assert (out / "calendars/day.txt").read_bytes() == b"2020-01-06\n2020-01-07\n2020-01-08\n2020-01-09\n"
    assert (out / "instruments/all.txt").read_bytes() == (
        b"SH600000\t2020-01-07\t2020-01-09\nSH600000\t2020-01-06\t2020-01-08\n"
    )
    values = np.fromfile(out / "features/sh600000/close.day.bin", "<f4")
    np.testing.assert_array_equal(values, np.array([1, 10.5, np.nan, 11], np.float32))
    assert [path.name for path in out.parent.iterdir()] == ["market"]


def test_an_empty_folder_is_used_and_a_full_one_refused(tmp_path: Path) -> None:
    out = tmp_path / "market"
    out.mkdir()
    write_qlib_folder(out, DAYS, SPANS, [history()])
    with pytest.raises(DataError, match=r"market: expected a new or empty folder"):
        write_qlib_folder(out, DAYS, SPANS, [history()])
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(DataError, match=r"file: expected a new or empty folder"):
        write_qlib_folder(file, DAYS, SPANS, [history()])


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def histories() -> Iterator[History]:
        yield history()
        raise RuntimeError("bars ran out")

    with pytest.raises(RuntimeError, match="bars ran out"):
        write_qlib_folder(tmp_path / "market", DAYS, SPANS, histories())
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "market", tmp_path / ("long" * 100)):
        with pytest.raises(DataError, match=rf"{out.name}: cannot be written: "):
            write_qlib_folder(out, DAYS, SPANS, [history()])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
