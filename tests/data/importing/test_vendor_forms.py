"""Each vendor's form, adjusted or raw, with splits and dividends or without: the right value, or a way out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.data.importing.vendors import FORMS, Stock, stock

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions

Read = Callable[[Path, str], dict[str, np.ndarray]]

CODES = ("SH600000", "SH600001")
ENCODING = {"akshare": "gbk"}
LOTS = {"akshare", "tushare"}
NAMES = {"akshare": "{0}", "baostock": "SH.{0}", "tushare": "{0}.SH", "stooq": "SH{0}.US"}

IMPORTED = {
    "yahoo_history": {True, False},
    "yahoo_download": {False},
    "qlib_collector": {True, False},
    "dump_bin": {True, False},
    "baostock": {True},
    "tushare": {True, False},
    "alpha_vantage": {True, False},
}
"""Form -> whether adjusted, for those that are imported without an option."""


def refusal(form: str, adjusted: bool, events: bool) -> str:
    if form == "baostock":
        return "raw by the column adjustflag.*--adjust-by none takes the raw prices as they are"
    if form == "akshare" and events and not adjusted:
        return r"show raw prices: on 10 of 318 days .*the close moves by .*--factor.*--adjust-by none takes"
    if form == "akshare":
        return "the closes on all 318 days.*--adjust-by none if they are adjusted already"
    return "no column says how prices are adjusted; .*--adjust-by none if they are adjusted already"


def code(form: str, one: Stock) -> str:
    return NAMES.get(form, "SH{0}").format(one.code[2:])


@pytest.mark.parametrize("events", [True, False], ids=["events", "none"])
@pytest.mark.parametrize("adjusted", [True, False], ids=["adjusted", "raw"])
@pytest.mark.parametrize("form", FORMS)
def test_the_right_value_or_a_way_out(
    form: str, adjusted: bool, events: bool, tmp_path: Path, read: Read
) -> None:
    stocks = [stock(name, events) for name in CODES]
    files, out = tmp_path / "files", tmp_path / "out"
    files.mkdir()
    FORMS[form](stocks, adjusted, files)
    options = ImportOptions(encoding=ENCODING.get(form, "utf-8"))
    if adjusted not in IMPORTED.get(form, ()):
        with pytest.raises(DataError, match=refusal(form, adjusted, events)):
            import_bars(files, out, options)
        if events and not adjusted:
            return
        options = replace(options, adjust_by="none")
    summary = import_bars(files, out, options)
    assert (summary.said != ()) == (options.adjust_by == "auto" or form in LOTS)
    for one in stocks:
        got = read(out, code(form, one))
        np.testing.assert_allclose(got["change"][1:], one.returns[1:], atol=4e-4, err_msg=one.code)
        volume = one.bars["volume"].to_numpy()
        shares: np.ndarray | float = 1.0  # what raw prices and volumes of the file are of
        if form in ("yahoo_download", "qlib_collector") or (form == "yahoo_history" and not adjusted):
            shares = one.splits_factor
        elif form == "alpha_vantage" and adjusted:
            shares = one.factor
        if not np.isnan(
            got["factor"]
        ).all():  # adjusted price / factor and adjusted volume * factor are raw, of Yahoo's shares
            np.testing.assert_allclose(got["volume"] * got["factor"], volume / shares, rtol=1e-5)
            if not (form == "yahoo_history" and adjusted):  # its factor has only splits
                raw = one.bars["close"].to_numpy() * shares
                np.testing.assert_allclose(got["close"] / got["factor"], raw, rtol=2e-4)
        else:
            np.testing.assert_allclose(got["volume"], volume / shares, rtol=1e-5)


def test_yahoos_prices_have_the_shares_of_the_last_day(tmp_path: Path, read: Read) -> None:
    one = stock("SH600000", events=True)
    FORMS["yahoo_history"]([one], True, tmp_path)
    import_bars(tmp_path, tmp_path / "out", ImportOptions())
    got = read(tmp_path / "out", one.code)
    np.testing.assert_allclose(got["factor"], one.splits_factor, rtol=1e-6)


def test_gbk_is_named(tmp_path: Path) -> None:
    FORMS["akshare"]([stock("SH600000", events=False)], True, tmp_path)
    with pytest.raises(
        DataError, match="the text is not utf-8; name its encoding with --encoding: one of gb18030"
    ):
        import_bars(tmp_path, tmp_path / "out", ImportOptions(adjust_by="none"))


def test_hong_kongs_volume_is_in_shares(tmp_path: Path, read: Read) -> None:
    one = stock("HK00700", events=False)
    FORMS["akshare"]([one], True, tmp_path)
    table = (tmp_path / "HK00700.csv").read_text(encoding="gbk")
    (tmp_path / "HK00700.csv").write_text(table.replace("股票代码", "名称"), encoding="gbk")
    import_bars(tmp_path, tmp_path / "out", ImportOptions(adjust_by="none", encoding="gbk"))
    np.testing.assert_allclose(
        read(tmp_path / "out", "HK00700")["volume"], one.bars["volume"] / 100, rtol=1e-6
    )  # the number as the file has it


@pytest.mark.parametrize("names", ["Price,Ticker", "Attributes,Symbols", ","])
@pytest.mark.parametrize("by_ticker", [False, True])
def test_three_rows_of_headers_in_either_order(
    names: str, by_ticker: bool, tmp_path: Path, read: Read
) -> None:
    stocks = [stock(name, events=True) for name in ("AAPL", "BRK-B")]
    FORMS["yahoo_download"](stocks, False, tmp_path)
    path = tmp_path / "download.csv"
    first, second, *rest = path.read_text().splitlines()
    upper, lower = names.split(",")
    first, second = upper + first[first.index(",") :], lower + second[second.index(",") :]
    rows = [second, first, *rest] if by_ticker else [first, second, *rest]
    path.write_text("\n".join(rows) + "\n")
    summary = import_bars(path, tmp_path / "out", ImportOptions())
    assert (summary.files, summary.instruments, summary.rows) == (1, 2, 320)
    for one in stocks:
        np.testing.assert_allclose(read(tmp_path / "out", one.code)["change"][1:], one.returns[1:], atol=4e-4)


def test_a_defect_of_a_wide_file_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text(
        "Price,Close,High,Low,Open,Volume\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,\n"
        "2020-01-06,1,1,1,1,10\n2020-01-07,1,x,1,1,10\n2020-01-08,1,1\n"
    )
    with pytest.raises(DataError) as refused:
        import_bars(path, tmp_path / "out", ImportOptions(adjust_by="none"))
    assert f"{path}:5: bad number: High: got 'x'" in str(refused.value)
    assert f"{path}:6: ragged row: got 3 cells, expected 6" in str(refused.value)


def test_a_repeated_column_of_a_wide_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text(
        "Price,Close,High,Low,Open,Volume,Close\nTicker,AAPL,AAPL,AAPL,AAPL,AAPL,AAPL\nDate,,,,,,\n"
        "2020-01-06,1,1,1,1,10,2\n"
    )
    with pytest.raises(DataError, match="the header names 'Close' of 'AAPL' more than once"):
        import_bars(path, tmp_path / "out", ImportOptions(adjust_by="none"))


@pytest.mark.parametrize("volume", ["", "0"])
def test_baostocks_suspended_days_are_no_bars(tmp_path: Path, read: Read, volume: str) -> None:
    path = tmp_path / "one.csv"
    path.write_text(
        "date,code,open,high,low,close,volume,adjustflag,tradestatus\n"
        "2020-01-06,sh.600000,1,1,1,1,10,1,1\n"
        f"2020-01-07,sh.600000,1,1,1,1,{volume},1,0\n"
        "2020-01-08,sh.600000,2,2,2,2,10,1,1\n"
    )
    summary = import_bars(path, tmp_path / "out", ImportOptions())
    assert (summary.rows, summary.no_trade) == (2, 1)
    np.testing.assert_array_equal(read(tmp_path / "out", "SH.600000")["close"], [1, 2])


@pytest.mark.parametrize("form", ["yahoo_history", "dump_bin", "qlib_collector", "tushare", "alpha_vantage"])
@pytest.mark.parametrize("adjusted", [True, False])
def test_appended_files_are_adjusted_like_the_first_ones(
    form: str, adjusted: bool, tmp_path: Path, read: Read
) -> None:
    """The last forty days have one small dividend, which shows nothing by itself."""
    stocks = [stock(name, events=True) for name in CODES]
    whole = tmp_path / "whole"
    for place in ("files", "early", "late"):
        (tmp_path / place).mkdir()
    FORMS[form](stocks, adjusted, tmp_path / "files")
    import_bars(tmp_path / "files", whole, ImportOptions())
    for path in (tmp_path / "files").iterdir():
        header, *rows = path.read_text().splitlines(keepends=True)
        rows = rows if "20200106" in rows[0] or "2020-01-06" in rows[0] else rows[::-1]
        (tmp_path / "early" / path.name).write_text("".join([header, *rows[:130]]))
        (tmp_path / "late" / path.name).write_text("".join([header, *rows[120:]]))
    out = tmp_path / "steps"
    import_bars(tmp_path / "early", out, ImportOptions())
    import_bars(tmp_path / "late", out, ImportOptions(append=True, basis="rescale"))
    assert import_bars(tmp_path / "late", out, ImportOptions(append=True, basis="rescale")).days == 0
    for one in stocks:
        a, b = (read(folder, code(form, one)) for folder in (whole, out))
        for field in ("close", "change", "volume", "factor"):
            scale = 1.0 if field == "change" else a[field][-1] / b[field][-1]
            np.testing.assert_allclose(a[field], b[field] * scale, rtol=1e-5, atol=1e-6, err_msg=field)
        np.testing.assert_allclose(a["close"] / a["factor"], b["close"] / b["factor"], rtol=1e-5)
    shutil.rmtree(out)


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        (("1", "600000"), "got '1', expected a code with its leading zeros"),
        (("700",), "got '700', expected a code with its leading zeros"),
        (("000001", "00700"), "lots of 100 for codes such as 000001, and shares for codes such as 00700"),
        (("600000", "AAPL"), "and shares for codes such as AAPL"),
    ],
)
def test_codes_with_an_ambiguous_unit_of_volume_are_refused(
    tmp_path: Path, codes: tuple[str, ...], words: str
) -> None:
    rows = [f"2020-01-0{day},{code},10,10,10,10,5" for code in codes for day in (6, 7)]
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(["日期,股票代码,开盘,收盘,最高,最低,成交量", *rows]), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(words)):
        import_bars(path, tmp_path / "out", ImportOptions(adjust_by="none"))
    assert not (tmp_path / "out").exists()
