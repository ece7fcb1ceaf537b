"""An extended folder equals one made at once; a failure leaves the old one."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.atomic import recover
from lstm_bench.core.errors import DataError
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.health.check import check_data
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.provider import Provider

Read = Callable[[Path, str], dict[str, np.ndarray]]
Write = Callable[..., Path]
UsBars = Callable[..., pd.DataFrame]

HEADER = "date,symbol,open,high,low,close,volume,adjusted close\n"
APPEND = ImportOptions(append=True)


def write_csv(bars: pd.DataFrame, path: Path) -> Path:
    bars.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("adjust_by", ["adjusted-close", "split"])
@pytest.mark.parametrize("overlap", [0, 5])
def test_in_two_steps_or_one_it_is_the_same(
    us_bars: UsBars, tmp_path: Path, adjust_by: str, overlap: int
) -> None:
    bars = us_bars(stocks=5, days=120)
    days = sorted(bars["date"].unique())
    bars = bars[(bars["symbol"] != "TK04") | (bars["date"] >= days[100])]  # one is new
    options = ImportOptions(adjust_by=adjust_by, market="us")
    import_bars(write_csv(bars, tmp_path / "all.csv"), tmp_path / "whole", options)
    early = write_csv(bars[bars["date"] < days[90]], tmp_path / "early.csv")
    late = write_csv(bars[bars["date"] >= days[90 - overlap]], tmp_path / "late.csv")
    out = tmp_path / "steps"
    import_bars(early, out, options)
    summary = import_bars(late, out, replace(options, append=True, basis="same"))
    assert (summary.days, summary.first_day, summary.new_instruments) == (30, days[90], 1)
    assert not summary.rescaled
    whole, steps = Provider(tmp_path / "whole"), Provider(out)
    assert (out / "calendars/day.txt").read_bytes() == (whole.root / "calendars/day.txt").read_bytes()
    for market in ("all", "us"):
        assert steps.universe(market) == whole.universe(market)
    for code in whole.folders:
        for field in whole.fields_of(code):
            a, b = (p.panel([code], [field], 0, 120).fields[field] for p in (whole, steps))
            # the bar at the joint is a return over a close that was rounded to float32
            np.testing.assert_allclose(a, b, rtol=3e-7, atol=2e-7, err_msg=f"{code} {field}")
    assert check_data(out).is_clean
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"whole", "steps"}


def old_and_new(write: Write, tmp_path: Path, new: str, options: ImportOptions) -> Path:
    """Extend a folder of two days by the rows ``new``."""
    old = write(HEADER + "2020-01-06,A,10,10,10,10,100,5\n2020-01-07,A,12,12,12,12,100,6\n", "old.csv")
    import_bars(old, tmp_path / "out", ImportOptions())
    import_bars(write(HEADER + new, "new.csv"), tmp_path / "out", options)
    return tmp_path / "out"


def test_another_basis_is_refused_or_rescaled(write: Write, tmp_path: Path, read: Read) -> None:
    # a dividend halves what the vendor now says of the past: the last close of the folder, 6, is 3 by now
    new = "2020-01-07,A,12,12,12,12,100,3\n2020-01-08,A,5,5,5,5,100,2.5\n"
    with pytest.raises(DataError, match=r"A \(folder over file 2 on 2020-01-07\).*--basis rescale"):
        old_and_new(write, tmp_path, new, APPEND)
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(DataError, match="another basis"):
        old_and_new(write, tmp_path, new, ImportOptions(append=True, basis="same"))
    shutil.rmtree(tmp_path / "out")
    out = old_and_new(write, tmp_path, new, ImportOptions(append=True, basis="rescale"))
    got = read(out, "A")
    np.testing.assert_array_equal(got["close"], np.asarray([5, 6, 5], np.float32))
    np.testing.assert_array_equal(got["factor"], np.asarray([0.5, 0.5, 1], np.float32))
    np.testing.assert_array_equal(got["volume"], np.asarray([200, 200, 100], np.float32))
    np.testing.assert_array_equal(got["change"], np.asarray([np.nan, 0.2, -1 / 6], np.float32))


def test_a_revised_past_is_refused(write: Write, tmp_path: Path) -> None:
    new = "2020-01-06,A,10,10,10,10,100,4\n2020-01-07,A,12,12,12,12,100,6\n2020-01-08,A,10,10,10,10,100,5\n"
    with pytest.raises(
        DataError, match=r"A \(folder over file 1.25 on 2020-01-06, 1 on 2020-01-07\).*contradict"
    ):
        old_and_new(write, tmp_path, new, ImportOptions(append=True, basis="rescale"))


def test_without_a_common_day_the_basis_is_not_guessed(write: Write, tmp_path: Path, read: Read) -> None:
    new = "2020-01-08,A,10,10,10,10,100,5\n"
    with pytest.raises(DataError, match=r"A: the files have no day in common.*--basis same"):
        old_and_new(write, tmp_path, new, APPEND)
    before = fingerprint(Provider(tmp_path / "out"))
    assert len(Provider(tmp_path / "out").calendar) == 2
    shutil.rmtree(tmp_path / "out")
    out = old_and_new(write, tmp_path, new, ImportOptions(append=True, basis="same"))
    np.testing.assert_array_equal(read(out, "A")["close"], np.asarray([5, 6, 5], np.float32))
    assert fingerprint(Provider(out)) != before


def test_a_new_stock_with_days_of_its_own_is_refused(write: Write, tmp_path: Path) -> None:
    new = "2020-01-08,A,12,12,12,12,100,6\n2020-01-07,A,12,12,12,12,100,6\n2019-01-02,B,1,1,1,1,1,1\n"
    words = "B is new and has bars on 1 day that the folder's calendar lacks, the first 2019-01-02"
    with pytest.raises(DataError, match=words):
        old_and_new(write, tmp_path, new, APPEND)


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Read the files of a folder: name -> time of the last change, content."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("basis", ["check", "same", "rescale"])
def test_the_same_files_again_are_nothing_to_do(write: Write, tmp_path: Path, basis: str) -> None:
    new = "2020-01-07,A,12,12,12,12,100,6\n2020-01-08,A,12,12,12,12,100,6\n"
    options = replace(APPEND, basis=basis)
    out = old_and_new(write, tmp_path, new, options)
    before = tree(out)
    summary = import_bars(tmp_path / "new.csv", out, options)
    assert (summary.days, summary.first_day, summary.last_day) == (0, "2020-01-08", "2020-01-08")
    assert (summary.instruments, summary.ended, summary.said) == (0, (), ())
    assert tree(out) == before
    summary = import_bars(tmp_path / "old.csv", out, options)
    assert (summary.days, tree(out)) == (0, before)
    revised = write(
        HEADER + "2020-01-06,A,10,10,10,10,100,5\n2020-01-07,A,12,12,12,12,100,7\n", "revised.csv"
    )
    with pytest.raises(DataError, match="contradict the folder on days that both have"):
        import_bars(revised, out, options)


def test_new_days_are_added_and_bars_left_out_are_reported(write: Write, tmp_path: Path, read: Read) -> None:
    row = "2020-01-0{0},{1},1,1,1,1,10,1\n"
    out = tmp_path / "out"
    import_bars(
        write(HEADER + "".join(row.format(6, code) for code in "AB"), "old.csv"), out, ImportOptions()
    )
    first = write(HEADER + "".join(row.format(day, "A") for day in (6, 7)), "a.csv")
    assert import_bars(first, out, APPEND).days == 1
    both = write(HEADER + "".join(row.format(day, code) for day in (6, 7, 8) for code in "AB"), "ab.csv")
    summary = import_bars(both, out, APPEND)
    assert (summary.days, summary.first_day) == (1, "2020-01-08")
    assert any("not written: 1 bars of B" in sentence for sentence in summary.said)
    np.testing.assert_array_equal(read(out, "B")["close"], np.asarray([1, np.nan, 1], np.float32))
    assert import_bars(first, out, APPEND).days == 0
    late = write(HEADER + row.format(7, "C"), "c.csv")
    with pytest.raises(DataError, match=r"no day after 2020-01-08.* bars of C, which the folder lacks"):
        import_bars(late, out, APPEND)


def test_another_unit_of_volume_is_refused(write: Write, tmp_path: Path) -> None:
    new = "2020-01-07,A,12,12,12,12,10000,6\n2020-01-08,A,12,12,12,12,10000,6\n"
    with pytest.raises(DataError, match="A: volumes of the files are 100 times those of the folder"):
        old_and_new(write, tmp_path, new, APPEND)


def test_markets_continue_and_ended_instruments_are_reported(
    write: Write, tmp_path: Path, read: Read
) -> None:
    day = "2020-01-0{0},{1},1,1,1,1,10,1\n"
    old = write(HEADER + "".join(day.format(d, code) for d in (6, 7) for code in "ABC"), "old.csv")
    members = write(
        "A\t2020-01-06\t2020-01-07\nB\t2020-01-06\t2020-01-06\nC\t2020-01-07\t2020-01-07\n", "m.txt"
    )
    out = tmp_path / "out"
    import_bars(old, out, ImportOptions(market="top", members=members))
    (out / "NOTES.txt").write_text("mine")
    new = write(
        HEADER + "".join(day.format(d, code) for d in (7, 8) for code in "AB") + day.format(9, "B"), "n.csv"
    )
    summary = import_bars(new, out, APPEND)
    assert (summary.ended, summary.instruments, summary.benchmark) == (("C",), 2, "EQUALWEIGHT")
    assert (out / "instruments/top.txt").read_text().splitlines() == [
        "A\t2020-01-06\t2020-01-08", "B\t2020-01-06\t2020-01-06", "C\t2020-01-07\t2020-01-07",
    ]  # fmt: skip
    assert (out / "instruments/all.txt").read_text().splitlines()[1:] == [
        "B\t2020-01-06\t2020-01-09", "C\t2020-01-06\t2020-01-07",
    ]  # fmt: skip
    assert (out / "NOTES.txt").read_text() == "mine"
    assert len(read(out, "C")["close"]) == 2


@pytest.mark.parametrize("option", ["equal-weight", "SPX"])
def test_an_index_continues_and_stays_outside_all(
    write: Write, tmp_path: Path, read: Read, option: str
) -> None:
    day = "2020-01-0{0},{1},{2},{2},{2},{2},10,{2}\n"
    old = write(HEADER + day.format(6, "A", 1) + day.format(6, "SPX", 100), "old.csv")
    new = write(
        HEADER + "".join(day.format(6 + d, "A", 1 + d) + day.format(6 + d, "SPX", 100 + d) for d in (0, 1)),
        "n.csv",
    )
    import_bars(old, tmp_path / "out", ImportOptions(benchmark="SPX"))
    summary = import_bars(new, tmp_path / "out", replace(APPEND, benchmark=option))
    assert (tmp_path / "out/instruments/all.txt").read_text() == "A\t2020-01-06\t2020-01-07\n"
    np.testing.assert_array_equal(read(tmp_path / "out", "SPX")["close"], np.asarray([100, 101], np.float32))
    np.testing.assert_array_equal(read(tmp_path / "out", "A")["close"], np.asarray([1, 2], np.float32))
    assert summary.ended == ()


def test_a_field_of_the_folder_must_be_there(write: Write, tmp_path: Path) -> None:
    old = write("date,symbol,open,high,low,close,volume,factor,vwap\n2020-01-06,A,1,1,1,1,1,1,1\n", "old.csv")
    import_bars(old, tmp_path / "out", ImportOptions())
    new = write("date,symbol,open,high,low,close,volume,factor\n2020-01-07,A,1,1,1,1,1,1\n", "new.csv")
    with pytest.raises(DataError, match="the folder has the fields vwap of A, and the files have no column"):
        import_bars(new, tmp_path / "out", ImportOptions(append=True, basis="same"))


KILLED = """\
import os, signal, sys
from pathlib import Path
from lstm_bench.core import atomic
from lstm_bench.data import qlib_folder
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions

moment, new, out = sys.argv[1:]
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "writing":  # the third file of bars
    write, calls = qlib_folder._write_bytes, []
    def write_some(path, content):
        calls.append(path)
        kill() if len(calls) == 5 else write(path, content)
    qlib_folder._write_bytes = write_some
elif moment == "before":
    qlib_folder.swap = kill
elif moment == "after":
    qlib_folder.swap = lambda a, b: (atomic.swap(a, b), kill())
else:  # where names cannot be exchanged, between the two renames
    atomic._exchange = lambda a, b: False
    rename, calls = Path.rename, []
    def rename_some(path, target):
        calls.append(path)
        return kill() if len(calls) == 2 else rename(path, target)
    Path.rename = rename_some
import_bars(Path(new), Path(out), ImportOptions(append=True, basis="same"))
"""


@pytest.mark.parametrize("moment", ["writing", "before", "after", "between"])
def test_a_kill_leaves_the_old_folder_or_the_new_one(write: Write, tmp_path: Path, moment: str) -> None:
    rows = "".join(f"2020-01-0{d},{code},1,1,1,1,10,1\n" for d in (6, 7) for code in "ABC")
    home = tmp_path / "home"
    import_bars(write(HEADER + rows, "old.csv"), home / "out", ImportOptions())
    new = write(HEADER + rows.replace("2020-01-06", "2020-01-08"), "new.csv")
    before = fingerprint(Provider(home / "out"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, moment, new, home / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    if moment == "between":
        assert not (home / "out").exists()
        recover(home / "out")
    assert check_data(home / "out").is_clean
    assert (fingerprint(Provider(home / "out")) == before) == (moment != "after")
    if moment != "after":
        import_bars(new, home / "out", ImportOptions(append=True, basis="same"))
    assert len(Provider(home / "out").calendar) == 3
    assert {path.name for path in home.iterdir() if path.is_dir()} - {"out"} == (
        {left.name for left in home.glob("*.draft")} if moment == "after" else set()
    )
