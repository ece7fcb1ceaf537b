"""Rows with defects are refused with file and line, or dropped and counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions

Read = Callable[[Path, str], dict[str, np.ndarray]]
Write = Callable[..., Path]

HEADER = "date,symbol,open,high,low,close,volume,factor\n"
GOOD = "2020-01-06,A,1,1,1,1,10,1\n"


@pytest.mark.parametrize(
    ("row", "kind", "text"),
    [
        (
            "2020-02-30,A,1,1,1,1,10,1",
            "bad date",
            "date: got '2020-02-30', expected a day such as 2020-01-31",
        ),
        ("01/31/2020,A,1,1,1,1,10,1", "bad date", "--date-format names another form"),
        ("2020-01-311,A,1,1,1,1,10,1", "bad date", "got '2020-01-311'"),
        (",A,1,1,1,1,10,1", "bad date", "got ''"),
        ("2020-01-07,../A,1,1,1,1,10,1", "bad symbol", "got '../A'"),
        ("2020-01-07,,1,1,1,1,10,1", "bad symbol", "got ''"),
        ("2020-01-07,A,1,1,1,1.O,10,1", "bad number", "close: got '1.O', expected a number"),
        ("2020-01-07,A,1,1,1,inf,10,1", "bad number", "close: got 'inf'"),
        ('2020-01-07,A,1,1,1,"1,5",10,1', "bad number", "close: got '1,5'"),
        ("2020-01-07,A,1,,1,1,10,1", "missing value", "high: got nan, expected a number beside"),
        ("2020-01-07,A,1,1,1,1,,1", "missing value", "volume: got nan"),
        ("2020-01-07,A,1,1,0,1,10,1", "price not positive", "low: got 0, expected more than 0"),
        ("2020-01-07,A,1,1,1,-1,10,1", "price not positive", "close: got -1"),
        ("2020-01-07,A,1,1,1,1,-10,1", "volume negative", "volume: got -10"),
        ("2020-01-07,A,1,1,1,1,10,0", "factor not positive", "factor: got 0"),
        ("2020-01-07,A,1,1,1,1,10", "ragged row", "got 7 cells, expected 8"),
        ("2020-01-06,A,1,1,1,1,10,1", "duplicate row", "A 2020-01-06 is also at"),
        ("2020-01-06,a,1,1,1,2,10,1", "conflicting rows", "A 2020-01-06 is also at"),
    ],
)
def test_each_defect_is_named_with_file_and_line(
    write: Write, tmp_path: Path, row: str, kind: str, text: str
) -> None:
    source = write(HEADER + GOOD + "\n" + row + "\n2020-01-08,A,1,1,1,1,10,1\n")
    with pytest.raises(DataError) as refused:
        import_bars(source, tmp_path / "out", ImportOptions())
    message = str(refused.value)
    assert message.startswith(f"1 defect in the rows ({kind}: 1)")
    assert f"{source}:4: {kind}: " in message  # behind a header, a bar and an empty line
    assert text in message
    assert not (tmp_path / "out").exists()
    summary = import_bars(source, tmp_path / "out", ImportOptions(drop_bad=True))
    assert summary.dropped == {kind: 1}
    assert summary.rows == (1 if kind == "conflicting rows" else 2)


def test_lines_hold_behind_cells_of_several_lines(write: Write, tmp_path: Path) -> None:
    source = write(
        "note,"
        + HEADER
        + '"two\nlines",'
        + GOOD
        + "short\n\n"
        + '"three\n\nlines",'
        + "2020-01-07,A,1,1,1,x,10,1\n"
    )
    with pytest.raises(DataError) as refused:
        import_bars(source, tmp_path / "out", ImportOptions())
    assert f"{source}:4: ragged row: got 1 cell, expected 9" in str(refused.value)
    assert f"{source}:6: bad number: close: got 'x'" in str(refused.value)


def test_many_defects_are_counted_and_each_kind_is_shown(write: Write, tmp_path: Path) -> None:
    rows = [f"2020-01-{day:02d},A,1,1,1,x,10,1\n" for day in range(1, 31)]
    source = write(HEADER + GOOD.replace("A", "B") + "".join(rows) + "2020-01-31,A,1,1,1,0,10,1\n")
    with pytest.raises(DataError) as refused:
        import_bars(source, tmp_path / "out", ImportOptions())
    message = str(refused.value)
    assert message.startswith("31 defects in the rows (bad number: 30, price not positive: 1)")
    assert len(message.splitlines()) == 8
    assert f"{source}:33: price not positive" in message
    assert "  and 25 more" in message


def test_a_split_on_a_row_that_is_dropped_still_counts(write: Write, tmp_path: Path, read: Read) -> None:
    source = write(
        "date,open,high,low,close,volume,split\n2020-01-06,10,10,10,10,100,1\n2020-01-07,5,5,5,oops,200,2\n"
        "2020-01-08,5,5,5,5,200,1\n",
        "a.csv",
    )
    summary = import_bars(source, tmp_path / "out", ImportOptions(drop_bad=True))
    assert summary.dropped == {"bad number": 1}
    np.testing.assert_array_equal(read(tmp_path / "out", "A")["close"], np.asarray([10, 10], np.float32))
    negative = write("date,open,high,low,close,volume,split\n2020-01-06,1,1,1,1,1,-2\n", "b.csv")
    with pytest.raises(DataError, match="split not positive: split: got '-2'"):
        import_bars(negative, tmp_path / "no", ImportOptions())


def test_a_parquet_files_rows_are_numbered(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "date": pd.to_datetime(["2020-01-06", "2020-01-07", "NaT"]),
            "symbol": ["A", "A", "A"],
            **{name: [1.0, -1.0, 1.0] for name in ("open", "high", "low", "close", "factor")},
            "volume": [10, 10, 10],
        }
    )
    source = tmp_path / "bars.parquet"
    table.to_parquet(source)
    with pytest.raises(DataError) as refused:
        import_bars(source, tmp_path / "out", ImportOptions())
    assert f"{source}:2: price not positive: open: got -1" in str(refused.value)
    assert f"{source}:3: bad date: date: got None" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "expected a header"),
        (b"date;close", "no column for 'open'"),
        (b"date,close,close\n", "the header names 'close' more than once"),
        (b"date,symbol,open,high,low,close,volume,factor\n", "holds no usable bar"),
        (b"date,a\xff,b\n", "the text is not utf-8; name its encoding with --encoding"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    source = tmp_path / "bars.csv"
    source.write_bytes(content)
    with pytest.raises(DataError, match=words) as refused:
        import_bars(source, tmp_path / "out", ImportOptions())
    assert str(source) in str(refused.value)


def test_unusable_places_are_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        import_bars(tmp_path / "nowhere", tmp_path / "out", ImportOptions())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected CSV or Parquet files"):
        import_bars(tmp_path / "empty", tmp_path / "out", ImportOptions())
    write(HEADER + GOOD, "both/a.csv")
    write("date,open,high,low,close,volume,factor\n2020-01-06,1,1,1,1,10,1\n", "both/b.csv")
    with pytest.raises(DataError, match=r"b.csv: got other fields than .*a.csv has: symbol"):
        import_bars(tmp_path / "both", tmp_path / "out", ImportOptions())
