"""Intraday bars are refused in every form of time, and daily bars with a time are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.importing.reading.intraday import split_stamp

Write = Callable[..., Path]

FORMS = {
    "blank": "%Y-%m-%d %H:%M:%S",
    "iso": "%Y-%m-%dT%H:%M:%S",
    "zulu": "%Y-%m-%dT%H:%M:%S.000Z",
    "zone": "%Y-%m-%d %H:%M:%S-04:00",
    "short": "%Y/%m/%d %H:%M",
    "american": "%m/%d/%Y %I:%M:%S %p",
    "german": "%d.%m.%Y %H:%M",
    "digits": "%Y%m%d%H%M",
    "more digits": "%Y%m%d%H%M%S000",
    "epoch": "%s",
    "milliseconds": "%s000",
}


def minutes(form: str, per_day: int = 3) -> list[str]:
    starts = (pd.Timestamp("2020-01-02 09:50"), pd.Timestamp("2020-01-03 09:50"))
    stamps = [start + pd.Timedelta(minutes=k) for start in starts for k in range(per_day)]
    return [stamp.strftime(form.replace("%s", str(int(stamp.timestamp())))) for stamp in stamps]


def table(stamps: list[str], head: str = "datetime") -> str:
    rows = [f"{stamp},A1,10,10,10,{10 + k / 100},1000\n" for k, stamp in enumerate(stamps)]
    return f"{head},symbol,open,high,low,close,volume\n" + "".join(rows)


@pytest.mark.parametrize("drop_bad", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_minute_bars_are_refused_in_every_form(
    write: Write, tmp_path: Path, form: str, drop_bad: bool
) -> None:
    source = write(table(minutes(FORMS[form])))
    with pytest.raises(DataError) as refused:
        import_bars(source, tmp_path / "out", ImportOptions(adjust_by="none", drop_bad=drop_bad))
    message = str(refused.value)
    assert f"{source}: A1 has 3 bars on " in message
    assert "these are minute bars (several times within a day); only daily bars are read" in message
    assert "9:50" in message
    assert "9:51" in message
    assert "drop" not in message


def test_times_of_a_separate_column(write: Write, tmp_path: Path) -> None:
    text = "date,time,symbol,open,high,low,close,volume\n" + "".join(
        f"2020010{day},{clock},A1,1,1,1,1,10\n" for day in (2, 3) for clock in ("093500", "094000")
    )
    with pytest.raises(
        DataError, match="A1 has 2 bars on 20200102, at 093500, 094000: these are minute bars"
    ):
        import_bars(write(text), tmp_path / "out", ImportOptions(adjust_by="none"))


def test_a_file_for_each_time(write: Write, tmp_path: Path) -> None:
    for clock in ("09:50", "09:51"):
        write(table([f"2020-01-02 {clock}", f"2020-01-03 {clock}"]), f"files/{clock.replace(':', '')}.csv")
    with pytest.raises(DataError, match="A1 has 2 bars on 2020-01-02, at 09:50, 09:51"):
        import_bars(tmp_path / "files", tmp_path / "out", ImportOptions(adjust_by="none"))


def test_timestamps_of_parquet(tmp_path: Path) -> None:
    for name, zone in (("naive", None), ("zone", "America/New_York")):
        stamps = pd.to_datetime(minutes(FORMS["blank"])).tz_localize(zone)
        prices = {field: np.ones(6) for field in ("open", "high", "low", "close", "volume")}
        pd.DataFrame({"date": stamps, "symbol": "A1", **prices}).to_parquet(tmp_path / f"{name}.parquet")
        with pytest.raises(DataError, match=r"A1 has 3 bars on 2020-01-02, at .*minute bars"):
            import_bars(tmp_path / f"{name}.parquet", tmp_path / "out", ImportOptions(adjust_by="none"))


@pytest.mark.parametrize(
    "stamps",
    [
        ["2020-01-02 00:00:00-05:00", "2020-07-02 00:00:00-04:00"],
        ["2020-01-02 15:00:00", "2020-01-03 15:00:00"],
        ["2020-01-02 21:00:00Z", "2020-07-02 20:00:00Z"],  # the close in New York, by the season
    ],
)
def test_daily_bars_with_a_time_are_daily_bars(write: Write, tmp_path: Path, stamps: list[str]) -> None:
    assert import_bars(write(table(stamps)), tmp_path / "out", ImportOptions(adjust_by="none")).days == 2


def test_a_repeated_row_is_a_duplicate_and_not_a_minute_bar(write: Write, tmp_path: Path) -> None:
    days = ["2020-01-02 15:00", "2020-01-03 15:00", "2020-01-06 15:00", "2020-01-06 16:30"]
    with pytest.raises(DataError, match="conflicting rows: 1"):
        import_bars(write(table(days)), tmp_path / "out", ImportOptions(adjust_by="none"))


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("2020-01-02", ("2020-01-02", "")),
        ("20200102", ("20200102", "")),
        ("01/02/2020", ("01/02/2020", "")),
        ("2020-01-02T09:50:00+08:00", ("2020-01-02", "09:50:00")),
        ("20200102 09:50", ("20200102", "09:50")),
        ("20200102 095000", ("20200102", "09:50:00")),
        ("2020-01-02_09:50", ("2020-01-02", "09:50")),
        ("2020-01-02-09:50:00", ("2020-01-02", "09:50:00")),
        ("2020年1月2日 09:50", ("2020年1月2日", "09:50")),
        ("1/2/2020 9:50:00 AM", ("1/2/2020", "9:50:00 AM")),
        ("1577958600000", ("2020-01-02", "09:50:00")),
        ("", ("", "")),
    ],
)
def test_dates_and_times_are_split(text: str, split: tuple[str, str]) -> None:
    assert split_stamp(text) == split
