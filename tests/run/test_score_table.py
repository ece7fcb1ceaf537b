from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.run.score_table import ScoreTable

DAYS = ["2020-01-02", "2020-01-02", "2020-01-03"]
CODES = ["SH600000", "SZ000001", "SH600000"]
VALUES = [0.5, -1.25, 3e-5]


def plain(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"datetime": DAYS, "instrument": CODES, "score": VALUES} | columns)


def indexed(name: object = "score") -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([pd.to_datetime(DAYS), CODES], names=["datetime", "instrument"])
    return pd.DataFrame({name: np.array(VALUES, dtype=np.float32)}, index=index)


def check(table: ScoreTable, values: list[float] = VALUES) -> None:
    assert table.days.dtype == np.dtype("datetime64[D]")
    assert [str(day) for day in table.days] == DAYS
    assert list(table.instruments) == CODES
    assert table.values.dtype == np.float32
    np.testing.assert_array_equal(table.values, np.array(values, dtype=np.float32))


def parquet(frame: pd.DataFrame, folder: Path) -> ScoreTable:
    path = folder / "scores.parquet"
    frame.rename(columns=str).to_parquet(path)
    return ScoreTable.read(path)


def csv(frame: pd.DataFrame, folder: Path) -> ScoreTable:
    path = folder / "scores.csv"
    frame.to_csv(path, index=frame.index.names != [None])
    return ScoreTable.read(path)


def frame(table: pd.DataFrame, folder: Path) -> ScoreTable:
    return ScoreTable.of_frame(table)


READERS = [parquet, csv, frame]
Read = Callable[[pd.DataFrame, Path], ScoreTable]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "table",
    [
        plain(),
        indexed(),
        indexed(0),
        indexed().swaplevel(),
        indexed().reset_index(),
        plain(Datetime=DAYS, INSTRUMENT=CODES).drop(columns=["datetime", "instrument"]),
        plain(label=[1.0, 2.0, 3.0]),
        plain(instrument=["sh600000", "sz000001", "Sh600000"]),
        plain(datetime=["20200102", "2020/1/2", "2020-01-03 00:00:00"]),
        plain(datetime=[datetime.date.fromisoformat(day) for day in DAYS]),
        plain(datetime=list(pd.to_datetime(DAYS).tz_localize("Asia/Shanghai"))),
        plain().astype({"instrument": "category"}),
        plain().astype({"score": "float32"}),
    ],
    ids=[
        "columns", "index", "Qlib's column 0", "index, swapped", "timestamps", "case of names", "more columns",
        "case of codes", "texts", "dates", "time zone", "categories", "float32",
    ],
)  # fmt: skip
def test_forms_of_a_table(read: Read, table: pd.DataFrame, tmp_path: Path) -> None:
    check(read(table, tmp_path))


def test_a_series_of_a_notebook() -> None:
    check(ScoreTable.of_frame(indexed()["score"]))
    check(ScoreTable.of_frame(indexed()["score"].rename(None)))


@pytest.mark.parametrize("read", READERS)
def test_missing_scores_are_missing(read: Read, tmp_path: Path) -> None:
    check(read(plain(score=[0.5, None, 2.0]), tmp_path), [0.5, np.nan, 2.0])


def test_the_origin_is_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"datetime,instrument,score\n2020-01-02,SH600000,1\n")
    assert ScoreTable.read(path).origin == {
        "file": "a.csv",
        "file_sha256": "0c04e85af8a954d55dc679ab87662011933e33730df0a143f2a712f601cc65ab",
    }
    assert ScoreTable.of_frame(plain()).origin == {}


def test_a_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(plain().to_csv(index=False).encode()))
    check(ScoreTable.read(path))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            plain().rename(columns={"score": "LABEL0"}),
            r"got the columns 'datetime', 'instrument', 'LABEL0', expected .* none is called 'score'",
        ),
        (plain().rename(columns={"instrument": "code"}), "none is called 'instrument'"),
        (plain(datetime=["2020-01-02", "soon", "x"]), r"datetime: got 'soon' in row 2 \(and 1 more\), expected a day"),
        (
            plain(datetime=["2020-01-02", "2020-01-02", "2020-01-03 09:31:00"]),
            r"datetime: got .*09:31.* in row 3, expected a day, without a time",
        ),
        (
            plain(datetime=list(pd.to_datetime(["2020-01-02", "2020-01-02", "2020-01-03 15:00"], format="mixed"))),
            r"datetime: got .* in row 3, expected a day, without a time",
        ),
        (plain(instrument=["SH600000", "", "SZ000001"]), r"instrument: got (''|None|nan) in row 2, expected a code"),
        (plain(score=[1.0, np.inf, 2.0]), "score: got .*inf.* in row 2, expected a finite number"),
        (plain(score=[1.0, 2.0, -1e300]), "score: got .*1e.*300.* in row 3, expected a finite number"),
        (plain(score=["1", "2", "high"]), "score: got 'high' in row 3, expected a finite number"),
        (plain(score=[np.nan] * 3), "score: got 3 rows without a number"),
        (
            plain(datetime=[DAYS[0]] * 3, instrument=["SH600000", "SZ000001", "sh600000"]),
            "SH600000 on 2020-01-02 has more than one row",
        ),
    ],
)  # fmt: skip
def test_tables_that_are_refused(read: Read, table: pd.DataFrame, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(table, tmp_path)


@pytest.mark.parametrize("name", ["pred.pkl", "pred.PICKLE", "pred.parquet"])
def test_a_pickle_is_refused_with_the_lines_that_convert_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    indexed().to_pickle(path, compression=None)
    with pytest.raises(DataError, match="may run any program") as caught:
        ScoreTable.read(path)
    lines = str(caught.value).splitlines()[1:]
    assert [line.strip() for line in lines] == [
        "import pandas as pd",
        f"pd.read_pickle({str(path)!r}).to_parquet({str(path.with_suffix('.parquet'))!r})",
    ]


def test_the_lines_that_convert_a_pickle_work(tmp_path: Path) -> None:
    path = tmp_path / "pred.pkl"
    indexed().to_pickle(path)
    with pytest.raises(DataError) as caught:
        ScoreTable.read(path)
    exec("\n".join(line.strip() for line in str(caught.value).splitlines()[1:]), {})
    check(ScoreTable.read(tmp_path / "pred.parquet"))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        ScoreTable.read(tmp_path / "a.csv")
    with pytest.raises(DataError, match="is a folder"):
        ScoreTable.read(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read"):
        ScoreTable.read(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(DataError, match="expected a header"):
        ScoreTable.read(tmp_path / "a.csv")


def test_something_else_than_a_table() -> None:
    with pytest.raises(DataError, match="got list, expected a DataFrame, a Series or a file"):
        ScoreTable.of_frame([1.0])  # type: ignore[arg-type]
