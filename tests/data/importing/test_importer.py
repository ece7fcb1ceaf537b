"""Importing files: Qlib's conventions against a plain loop, and every layout that files come in."""

from __future__ import annotations

import filecmp
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.health.check import check_data
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.provider import Provider

Read = Callable[[Path, str], dict[str, np.ndarray]]
Write = Callable[..., Path]
UsBars = Callable[..., pd.DataFrame]

HEADER = "date,symbol,open,high,low,close,volume,factor\n"


def naive(bars: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """Symbol -> field -> values by day, by the definition of the convention."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in bars.sort_values(["symbol", "date"]).to_dict("records"):
        fields = found.setdefault(row["symbol"], {name: [] for name in (*"ohlcvf", "change")})
        factor = row["adjusted close"] / row["close"]
        for name, price in zip("ohlc", ("open", "high", "low", "close"), strict=True):
            fields[name].append(row[price] * factor)
        fields["v"].append(row["volume"] / factor)
        fields["f"].append(factor)
        closes = fields["c"]
        fields["change"].append(closes[-1] / closes[-2] - 1 if len(closes) > 1 else np.nan)
    return found


@pytest.mark.parametrize("layout", ["long", "per symbol"])
def test_a_vendors_bars_follow_qlibs_convention(
    us_bars: UsBars, tmp_path: Path, read: Read, layout: str
) -> None:
    bars = us_bars(stocks=8, days=400)
    source = tmp_path / "source"
    source.mkdir()
    if layout == "long":
        bars.to_csv(source / "us.csv", index=False)
    else:
        for symbol, rows in bars.groupby("symbol"):
            rows.drop(columns="symbol").to_csv(source / f"{symbol}.csv", index=False)
    out = tmp_path / "market"
    summary = import_bars(source, out, ImportOptions(market="us"))
    assert (summary.rows, summary.instruments, summary.days) == (3200, 8, 400)
    assert (summary.adjusted_by, summary.benchmark) == ("adjusted_close", "EQUALWEIGHT")
    names = dict(zip("ohlcvf", ("open", "high", "low", "close", "volume", "factor"), strict=True))
    by_words = naive(bars)
    for symbol, expected in by_words.items():
        got = read(out, symbol)
        for name, values in expected.items():
            np.testing.assert_array_equal(
                got[names.get(name, name)], np.asarray(values, np.float32), err_msg=f"{symbol} {name}"
            )
    assert (out / "instruments/us.txt").read_bytes() == (out / "instruments/all.txt").read_bytes()
    assert check_data(out).is_clean
    mean = [np.mean([one["change"][t] for one in by_words.values()]) for t in range(1, 400)]
    index = read(out, "EQUALWEIGHT")
    np.testing.assert_allclose(index["change"], np.asarray([np.nan, *mean], np.float32), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(index["close"], 1000 * np.cumprod([1, *np.add(mean, 1)]), rtol=1e-6)


def test_all_layouts_and_formats_give_one_market(us_bars: UsBars, tmp_path: Path) -> None:
    bars = us_bars(stocks=4, days=60)
    typed = bars.assign(date=pd.to_datetime(bars["date"]))
    shuffled = bars.sample(frac=1, random_state=0)
    places = {
        name: tmp_path / name for name in ("gz", "parquet", "years", "german", "american", "headers", "pq")
    }
    for place in places.values():
        place.mkdir()
    (places["gz"] / "us.csv.gz").write_bytes(gzip.compress(bars.to_csv(index=False).encode()))
    typed.to_parquet(places["parquet"] / "us.parquet", index=False)
    for symbol, rows in typed.groupby("symbol"):
        rows.drop(columns="symbol").to_parquet(places["pq"] / f"{str(symbol).lower()}.parquet")
    shuffled[:100].to_csv(places["years"] / "a.csv", index=False)
    shuffled[100:].to_csv(places["years"] / "b.csv", index=False)
    (places["german"] / "us.txt").write_bytes(("\ufeff" + bars.to_csv(index=False, sep=";")).encode())
    american = typed.assign(date=typed["date"].dt.strftime("%m/%d/%Y"))
    american.to_csv(places["american"] / "us.csv", index=False, lineterminator="\r\n")
    headers = {"date": "Date", "symbol": "TICKER", "adjusted close": "Adj Close", "volume": "Vol."}
    bars.rename(columns=headers).to_csv(places["headers"] / "us.csv", index=False)
    fingerprints = set()
    for name, place in places.items():
        out = tmp_path / "out" / name
        import_bars(place, out, ImportOptions(date_format="%m/%d/%Y" if name == "american" else None))
        fingerprints.add(fingerprint(Provider(out)))
    assert len(fingerprints) == 1


def test_a_split_column_makes_a_factor_that_begins_at_1(write: Write, tmp_path: Path, read: Read) -> None:
    source = write(
        "Date,Open,High,Low,Close,Volume,Stock Splits\n"
        "2020-01-06,10,10,10,10,100,0\n2020-01-07,5,5,5,5,200,2.0\n"
        "2020-01-08,,,,,,1:2\n2020-01-09,12,12,12,12,80,\n",
        "abc.csv",
    )
    summary = import_bars(source, tmp_path / "out", ImportOptions())
    assert summary.adjusted_by == "split"
    got = read(tmp_path / "out", "ABC")
    np.testing.assert_array_equal(
        got["factor"], np.asarray([1, 2, 1], np.float32)
    )  # the day of no trade split back
    np.testing.assert_array_equal(got["close"], np.asarray([10, 10, 12], np.float32))
    np.testing.assert_array_equal(got["volume"], np.asarray([100, 100, 80], np.float32))
    np.testing.assert_array_equal(got["change"], np.asarray([np.nan, 0, 0.2], np.float32))


def test_adjusted_prices_stay_and_have_no_factor_unless_one_is_given(
    write: Write, tmp_path: Path, read: Read
) -> None:
    source = write(HEADER + "2020-01-06,A,10,10,10,10,100,3\n2020-01-07,A,11,11,11,11,200,3\n")
    import_bars(source, tmp_path / "with", ImportOptions(adjust_by="none"))
    got = read(tmp_path / "with", "A")
    np.testing.assert_array_equal(got["close"], np.asarray([10, 11], np.float32))
    np.testing.assert_array_equal(got["factor"], np.asarray([3, 3], np.float32))
    import_bars(source, tmp_path / "by", ImportOptions(adjust_by="factor"))
    np.testing.assert_array_equal(read(tmp_path / "by", "A")["close"], np.asarray([30, 33], np.float32))
    bare = write("date,symbol,open,high,low,close,volume\n2020-01-06,A,10,10,10,10,100\n", "bare.csv")
    with pytest.raises(DataError, match=r"no column says how prices are adjusted.*--adjust-by none"):
        import_bars(bare, tmp_path / "bare", ImportOptions())
    summary = import_bars(bare, tmp_path / "bare", ImportOptions(adjust_by="none"))
    assert "factor" not in Provider(tmp_path / "bare").fields_of("A")
    assert summary.adjusted_by == "none"


def test_days_without_trade_are_nan_but_for_the_factor(write: Write, tmp_path: Path, read: Read) -> None:
    source = write(
        HEADER
        + "2020-01-06,A,10,10,10,10,100,1\n2020-01-07,A,0,0,0,10,0,1\n2020-01-08,A,NA,NA,,nan,-,\n"
        + "2020-01-09,A,5,5,5,5,100,2\n"
        + "".join(f"2020-01-0{day},B,1,1,1,1,5,1\n" for day in (6, 7, 8, 9))
    )
    summary = import_bars(source, tmp_path / "out", ImportOptions())
    assert summary.no_trade == 2
    got = read(tmp_path / "out", "A")
    np.testing.assert_array_equal(got["close"], np.asarray([10, np.nan, np.nan, 10], np.float32))
    np.testing.assert_array_equal(got["volume"], np.asarray([100, np.nan, np.nan, 50], np.float32))
    np.testing.assert_array_equal(got["factor"], np.asarray([1, 1, 1, 2], np.float32))
    np.testing.assert_array_equal(got["change"], np.asarray([np.nan, np.nan, np.nan, 0], np.float32))
    zero = write(HEADER + "2020-01-06,A,10,10,10,10,0,1\n", "zero.csv")
    import_bars(zero, tmp_path / "zero", ImportOptions(zero_volume_is_bar=True))
    np.testing.assert_array_equal(read(tmp_path / "zero", "A")["volume"], np.asarray([0], np.float32))


def test_a_benchmark_is_a_file_or_a_symbol_and_no_stock(write: Write, tmp_path: Path, read: Read) -> None:
    rows = "".join(
        f"2020-01-0{day},{code},1,1,1,{close},5,1\n" for day, close in ((6, 1), (7, 2)) for code in "AB"
    )
    source = write(HEADER + rows.replace(",1,1,1,2,", ",2,2,2,2,"), "bars/us.csv")
    index = write(
        "Date,Close\n2020-01-03,90\n2020-01-06,100\n2020-01-07,101\n2020-01-08,102\n", "bars/spx.csv"
    )
    summary = import_bars(source.parent, tmp_path / "file", ImportOptions(benchmark=str(index)))
    assert (summary.benchmark, summary.instruments, summary.days) == ("SPX", 2, 2)
    got = read(tmp_path / "file", "SPX")
    np.testing.assert_array_equal(got["close"], np.asarray([100, 101], np.float32))
    np.testing.assert_array_equal(got["change"], np.asarray([np.nan, 0.01], np.float32))
    assert Provider(tmp_path / "file").universe("all").instruments == ("A", "B")
    index.unlink()
    import_bars(source, tmp_path / "symbol", ImportOptions(benchmark="b"))
    assert Provider(tmp_path / "symbol").universe("all").instruments == ("A",)
    np.testing.assert_array_equal(read(tmp_path / "symbol", "B")["close"], np.asarray([1, 2], np.float32))
    with pytest.raises(DataError, match=r"--benchmark: got 'SPY', expected a file.*symbol of the files"):
        import_bars(source, tmp_path / "wrong", ImportOptions(benchmark="SPY"))
    assert import_bars(source, tmp_path / "none", ImportOptions(benchmark="none")).benchmark is None


def test_columns_and_files_can_be_named(write: Write, tmp_path: Path, read: Read) -> None:
    text = "when,O,H,L,C,qty,f,mood\n20200106,1,2,1,2,10,1,0.5\n"
    write(text, "daily_brk.b_x.csv")
    write("nothing", "readme.txt")
    columns = {
        "date": "when", "open": "O", "high": "h", "low": "L", "close": "C", "volume": "qty", "factor": "f",
        "sentiment": "mood",
    }  # fmt: skip
    options = ImportOptions(columns=columns, file_pattern="daily_{symbol}_*.csv", benchmark="none")
    import_bars(tmp_path, tmp_path / "out", options)
    np.testing.assert_array_equal(read(tmp_path / "out", "BRK.B")["sentiment"], np.asarray([0.5], np.float32))
    with pytest.raises(DataError, match=r"no column for 'date'; name one with --date; columns: when, O, H"):
        import_bars(tmp_path / "daily_brk.b_x.csv", tmp_path / "no", ImportOptions())
    with pytest.raises(DataError, match=r"no column for --close Cl; .*choices: C, H"):
        import_bars(
            tmp_path / "daily_brk.b_x.csv", tmp_path / "no", ImportOptions(columns={**columns, "close": "Cl"})
        )


def test_codes_that_other_tools_trip_over_keep_their_names(write: Write, tmp_path: Path, read: Read) -> None:
    codes = ("NA", "NAN", "TRUE", "PRN", "^GSPC", "600000.SH")
    source = write(HEADER + "".join(f"2020-01-06,{code},1,1,1,1,10,1\n" for code in codes))
    import_bars(source, tmp_path / "out", ImportOptions())
    assert set(Provider(tmp_path / "out").universe("all").instruments) == set(codes)
    assert (tmp_path / "out/features/_qlib_prn").is_dir()  # PRN is a device on Windows, and Qlib marks it so
    for code in codes:
        np.testing.assert_array_equal(read(tmp_path / "out", code)["close"], np.asarray([1], np.float32))


def test_members_have_their_own_spans(write: Write, tmp_path: Path) -> None:
    source = write(
        HEADER + "2020-01-06,A,1,1,1,1,10,1\n2020-01-07,A,1,1,1,1,10,1\n2020-01-07,B,1,1,1,1,10,1\n"
    )
    members = write("A\t2020-01-06\t2020-01-06\n", "members.txt")
    import_bars(source, tmp_path / "out", ImportOptions(market="top", members=members))
    assert (tmp_path / "out/instruments/top.txt").read_text() == "A\t2020-01-06\t2020-01-06\n"
    with pytest.raises(DataError, match="--members: expected --market"):
        import_bars(source, tmp_path / "no", ImportOptions(members=members))
    with pytest.raises(DataError, match=r"--market: got '../x'"):
        import_bars(source, tmp_path / "no", ImportOptions(market="../x"))


def test_a_folder_that_is_not_empty_is_not_touched(write: Write, tmp_path: Path) -> None:
    source = write(HEADER + "2020-01-06,A,1,1,1,1,10,1\n")
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").touch()
    with pytest.raises(DataError, match="expected a new or empty folder"):
        import_bars(source, out, ImportOptions())
    assert not filecmp.dircmp(out, tmp_path).common_dirs
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_data_folders_among_the_files_are_not_read(write: Write, tmp_path: Path) -> None:
    write(HEADER + "2020-01-06,A,1,1,1,1,10,1\n", "mine/one/a.csv")
    import_bars(tmp_path / "mine", tmp_path / "mine" / "market", ImportOptions())
    write(HEADER + "2020-01-07,A,1,1,1,1,10,1\n", "mine/b.csv")
    summary = import_bars(tmp_path / "mine", tmp_path / "mine" / "market", ImportOptions(append=True))
    assert (summary.files, summary.first_day) == (2, "2020-01-07")
