"""Files of other kinds and encodings are named, with a way out."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.provider import Provider

TEXT = "日期,开盘,收盘,最高,最低,成交量\n2020-01-06,1,1,1,1,10\n2020-01-07,2,2,2,2,10\n"


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("xl/workbook.xml", TEXT)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("written", "encoding", "words"),
    [
        ("gbk", "utf-8", "not utf-8; name its encoding with --encoding: one of gb18030"),
        ("gb18030", "utf-8", "not utf-8; name its encoding with --encoding"),
        ("utf-16", "utf-8", "--encoding: utf-16, which the file's first bytes indicate"),
        ("utf-16-le", "utf-8", "--encoding: utf-16-le or utf-16-be, as the NUL bytes in it suggest"),
        ("utf-8", "ascii", "the text is not ascii; name its encoding with --encoding: utf-8"),
        ("utf-8-sig", "ascii", "--encoding: utf-8-sig, which the file's first bytes indicate"),
        ("gbk", "utf-16", "the text is not utf-16; name its encoding"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, written: str, encoding: str, words: str) -> None:
    path = tmp_path / "600000.csv"
    path.write_bytes(TEXT.encode(written))
    with pytest.raises(DataError) as refused:
        import_bars(path, tmp_path / "out", ImportOptions(adjust_by="none", encoding=encoding))
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)
    right = "utf-8-sig" if written == "utf-8-sig" else written
    summary = import_bars(path, tmp_path / "out", ImportOptions(adjust_by="none", encoding=right))
    assert (summary.days, Provider(tmp_path / "out").universe("all").instruments) == (2, ("600000",))


def test_a_cell_far_down_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    rows = "".join(f"2020-01-0{day},A{k},1,1,1,1,10\n" for k in range(3000) for day in (6, 7))
    start = "date,symbol,open,high,low,close,volume\n" + rows
    path.write_bytes(start.encode() + "2020-01-06,\u5e73\u5b89,1,1,1,1,10\n".encode("gbk"))
    with pytest.raises(DataError, match="the text is not utf-8; name its encoding with --encoding"):
        import_bars(path, tmp_path / "out", ImportOptions(adjust_by="none"))


def test_an_encoding_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TEXT)
    with pytest.raises(
        DataError, match="--encoding: got 'gkb', expected the name of an encoding, such as utf-8, gb18030"
    ):
        import_bars(tmp_path / "a.csv", tmp_path / "out", ImportOptions(encoding="gkb"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", archive(), "a ZIP archive or an Excel workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0" + bytes(100), "an Excel workbook"),
        ("a.csv", gzip.compress(TEXT.encode()), "give it a name that ends with .csv.gz"),
        ("a.csv.gz", gzip.compress(TEXT.encode() * 50)[:-40], "cannot be unpacked.*cut off or damaged"),
        ("a.csv.gz", TEXT.encode(), "cannot be unpacked"),
        ("a.csv", b"PAR1" + bytes(50), "a Parquet file; give it a name"),
        ("a.parquet", TEXT.encode(), "cannot be read: .*[Pp]arquet"),
        ("a.csv", b"<!DOCTYPE html><html>Too many requests</html>", "a web page"),
        ("a.csv", b'{"Information": "limit of requests"}', "JSON"),
        ("a.csv", bytes(np.random.default_rng(0).integers(0, 256, 500, dtype=np.uint8)), "a.csv: "),
    ],
    # an archive holds the time that it was made, and would give the test another name in each process
    ids=["zip", "xls", "gzip", "cut off", "no gzip", "parquet", "no parquet", "html", "json", "noise"],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        import_bars(tmp_path / name, tmp_path / "out", ImportOptions())
