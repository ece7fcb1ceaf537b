from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider

DAYS = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")


def write_bars(root: Path, code: str, field: str, start: int, values: list[float]) -> None:
    folder = root / "features" / code
    folder.mkdir(parents=True, exist_ok=True)
    np.asarray([start, *values], dtype="<f4").tofile(folder / f"{field}.day.bin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("calendars", "instruments", "features"):
        (tmp_path / part).mkdir()
    (tmp_path / "calendars/day.txt").write_text("\n".join(map(str, DAYS)) + "\n")
    (tmp_path / "instruments/all.txt").write_text(
        "SH1\t2020-01-01\t2020-01-10\nSZ2\t2020-01-03\t2020-01-10\n"
    )
    (tmp_path / "instruments/small.txt").write_text(
        "SH1\t2020-01-01\t2020-01-03\nSH1\t2020-01-02\t2020-01-05\nSH1\t2020-01-08\t2020-01-09\n"
        "sz2\t2019-01-01\t2020-01-04\nSZ9\t2021-01-01\t2021-02-01\n"
    )
    write_bars(tmp_path, "sh1", "close", 0, [1, 2, 3, np.nan, 5, 6, 7, 8, 9, 10])
    write_bars(tmp_path, "SZ2", "close", 3, [30, 40, 50])
    write_bars(tmp_path, "SZ2", "volume", 2, [1, 1, 1])
    return tmp_path


def test_bars_land_on_their_days(folder: Path) -> None:
    panel = Provider(folder).panel(["SZ2", "SH1"], ["close"], 0, 10)
    assert panel.instruments == ("SH1", "SZ2")
    nan = np.nan
    np.testing.assert_array_equal(panel.fields["close"][:, 0], [1, 2, 3, nan, 5, 6, 7, 8, 9, 10])
    np.testing.assert_array_equal(
        panel.fields["close"][:, 1], [nan, nan, nan, 30, 40, 50, nan, nan, nan, nan]
    )
    assert panel.fields["close"].dtype == np.float32
    assert panel.fields["close"].flags.f_contiguous
    assert panel.first.tolist() == [0, 3]
    assert panel.last.tolist() == [9, 5]


@pytest.mark.parametrize(("begin", "end"), [(0, 10), (2, 7), (4, 5), (6, 10), (0, 3), (7, 7)])
def test_a_part_of_the_calendar_is_a_slice_of_the_whole(folder: Path, begin: int, end: int) -> None:
    provider = Provider(folder)
    whole = provider.panel(["SH1", "SZ2"], ["close", "volume"], 0, 10)
    part = provider.panel(["SH1", "SZ2"], ["close", "volume"], begin, end)
    for field in whole.fields:
        np.testing.assert_array_equal(part.fields[field], whole.fields[field][begin:end])
    assert part.offset == begin
    np.testing.assert_array_equal(part.days, DAYS[begin:end])


def test_the_row_span_is_the_union_over_fields(folder: Path) -> None:
    panel = Provider(folder).panel(["SZ2"], ["close", "volume"], 0, 10)
    assert (panel.first[0], panel.last[0]) == (2, 5)


def test_an_instrument_without_bars_has_no_rows(folder: Path) -> None:
    panel = Provider(folder).panel(["SZ9", "SH1"], ["close"], 0, 10)
    assert panel.first[1] > panel.last[1]
    assert np.isnan(panel.fields["close"][:, 1]).all()


def test_a_missing_field_is_nan_and_reported_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        for provider in (Provider(folder), Provider(folder)):
            assert np.isnan(provider.panel(["SH1"], ["vwap"], 0, 10).fields["vwap"]).all()
    assert [record.message for record in caplog.records if "vwap" in record.message] == [
        "no instrument read has the field 'vwap'; it counts as missing (NaN) everywhere"
    ]


def test_a_missing_field_that_nothing_needs_is_not_reported(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        panel = Provider(folder).panel(["SH1"], ["close", "vwap"], 0, 10, needed={"close"})
    assert not panel.present["vwap"].any()
    assert not caplog.records


def test_membership_joins_overlapping_spans(folder: Path) -> None:
    universe = Provider(folder).universe("SMALL")
    member = universe.member(DAYS, ["SH1", "SZ2", "SZ9"])
    assert DAYS[member[:, 0]].astype(str).tolist() == [f"2020-01-{d:02d}" for d in (1, 2, 3, 4, 5, 8, 9)]
    assert member[:, 1].tolist() == [True] * 4 + [False] * 6
    assert not member[:, 2].any()
    assert universe.instruments == ("SH1", "SZ2", "SZ9")
    assert universe.between(DAYS[5], DAYS[6]).instruments == ()
    assert universe.between(DAYS[4], DAYS[6]).instruments == ("SH1",)


def test_an_unknown_market_names_the_known_ones(folder: Path) -> None:
    with pytest.raises(DataError, match=r"did you mean 'small'.*all, small"):
        Provider(folder).universe("smal")


@pytest.mark.parametrize("part", ["calendars", "instruments", "features"])
def test_a_folder_that_is_not_qlibs_is_refused(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    with pytest.raises(DataError, match=part):
        Provider(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        Provider(tmp_path / "nowhere")


@pytest.mark.parametrize("lines", ["2020-01-02\n2020-01-01\n", "2020-01-01\n2020-01-01\n", "monday\n", ""])
def test_a_calendar_out_of_order_is_refused(folder: Path, lines: str) -> None:
    (folder / "calendars/day.txt").write_text(lines)
    with pytest.raises(DataError, match=r"day\.txt"):
        _ = Provider(folder).calendar


def test_a_broken_instruments_line_is_named(folder: Path) -> None:
    (folder / "instruments/small.txt").write_text("SH1\t2020-01-01\t2020-01-03\nSH1 2020-01-01\n")
    with pytest.raises(DataError, match="line 2"):
        Provider(folder).universe("small")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x00\x00", "whole number"),
        (b"", "whole number"),
        (np.asarray([8, 1, 2, 3], "<f4").tobytes(), "fit a calendar"),
        (np.asarray([-1, 1], "<f4").tobytes(), "fit a calendar"),
        (np.asarray([np.nan, 1], "<f4").tobytes(), "fit a calendar"),
    ],
)
def test_a_broken_file_of_bars_is_named(folder: Path, content: bytes, message: str) -> None:
    (folder / "features/sh1/close.day.bin").write_bytes(content)
    with pytest.raises(DataError, match=rf"close\.day\.bin.*{message}"):
        Provider(folder).panel(["SH1"], ["close"], 0, 10)


def test_a_file_cut_off_between_two_values_is_named(folder: Path) -> None:
    write_bars(folder, "sh1", "open", 0, [1, 2, 3, 4, 5, 6, 7])
    with pytest.raises(
        DataError, match=r"open\.day\.bin: cut off: got 7 bars, expected 10, as many as close\.day\.bin"
    ):
        Provider(folder).panel(["SH1"], ["open"], 0, 10)
    assert Provider(folder).panel(["SH1"], ["close"], 0, 10).last.tolist() == [9]


def test_a_field_that_begins_on_its_own_day_may_end_on_any_day(folder: Path) -> None:
    write_bars(folder, "sh1", "own", 2, [1, 2, 3])
    panel = Provider(folder).panel(["SH1"], ["own", "close"], 0, 10)
    assert np.flatnonzero(~np.isnan(panel.fields["own"][:, 0])).tolist() == [2, 3, 4]


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "features/sh1/open.day.bin").mkdir()
    with pytest.raises(DataError, match=r"open\.day\.bin: cannot be read: Is a directory"):
        Provider(folder).panel(["SH1"], ["open"], 0, 10)


def test_a_panel_knows_who_has_a_field(folder: Path) -> None:
    panel = Provider(folder).panel(["SH1", "SZ2", "SZ9"], ["close", "volume"], 0, 10)
    assert panel.present["close"].tolist() == [True, True, False]
    assert panel.present["volume"].tolist() == [False, True, False]
    # outside the rows that were asked for, too
    assert Provider(folder).panel(["SZ2"], ["close"], 0, 1).present["close"].tolist() == [True]
    rebuilt = Panel(panel.days, 0, panel.instruments, panel.fields, panel.first, panel.last)
    assert all(present.all() for present in rebuilt.present.values())


def test_fields_are_those_of_any_instrument(folder: Path) -> None:
    assert Provider(folder).fields == ("close", "volume")


def test_folders_that_differ_in_case_alone_are_refused(folder: Path) -> None:
    write_bars(folder, "SH1", "close", 0, [1])
    with pytest.raises(DataError, match="'SH1' and 'sh1' differ in case alone"):
        Provider(folder).panel(["SH1"], ["close"], 0, 10)


@pytest.mark.parametrize("part", ["calendars/day.txt", "instruments/small.txt"])
def test_a_text_that_is_not_utf_8_is_named(folder: Path, part: str) -> None:
    (folder / part).write_bytes(b"\xff\xfe2020")
    provider = Provider(folder)
    with pytest.raises(DataError, match=rf"{part}: expected UTF-8 text; byte 0"):
        _ = provider.universe("small"), provider.calendar


@pytest.mark.parametrize(
    ("line", "message"),
    [("SH1\t\t2020-01-03", "expected a code"), ("SH1\t2020-01-01\t", "expected a code"),
     ("SH1\tNaT\t2020-01-03", "expected a code"), ("SH1\t2020-01-04\t2020-01-03", "expected a first day before")],
)  # fmt: skip
def test_a_span_without_days_is_named(folder: Path, line: str, message: str) -> None:
    (folder / "instruments/small.txt").write_text(f"SH1\t2020-01-01\t2020-01-03\n{line}\n")
    with pytest.raises(DataError, match=f"line 2: .*{message}"):
        Provider(folder).universe("small")


def test_dates_become_positions(folder: Path) -> None:
    provider = Provider(folder)
    assert provider.locate("2020-01-02", "2020-01-04", "test") == (1, 4)
    assert provider.locate(None, None, "test") == (0, 10)
    assert provider.locate("20200102", np.datetime64("2020-01-04"), "test") == (1, 4)


def test_dates_partly_outside_are_clamped_with_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        assert Provider(folder).locate("2008-01-01", "2020-01-04", "segment train") == (0, 4)
    assert "segment train: 2008-01-01..2020-01-04 reaches outside" in caplog.text


@pytest.mark.parametrize(
    ("start", "end", "warns"),
    [("2008-01-01", None, True), ("2019-12-31", None, True), (None, "2020-01-13", True), (None, "2030-01-01", True),
     ("2020-01-01", None, False), (None, "2020-01-12", False), (None, "2020-01-11", False)],
)  # fmt: skip
def test_any_weekday_outside_the_calendar_is_reported(
    folder: Path, caplog: pytest.LogCaptureFixture, start: str | None, end: str | None, warns: bool
) -> None:
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        assert Provider(folder).locate(start, end, "test") == (0, 10)
    assert bool(caplog.records) is warns


def test_new_years_day_is_no_gap(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "calendars/day.txt").write_text("2020-01-02\n2020-01-03\n")
    with caplog.at_level(logging.WARNING, logger="lstm_bench"):
        assert Provider(folder).locate("2020-01-01", "2020-01-05", "test") == (0, 2)
    assert not caplog.records


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [("2030-01-01", "2031-01-01", "no trading day"), ("2020-01-05", "2020-01-03", "after its end"),
     ("soon", None, "expected a day"), ("NaT", None, "expected a day")],
)  # fmt: skip
def test_impossible_dates_are_refused(folder: Path, start: str, end: str | None, message: str) -> None:
    with pytest.raises(DataError, match=f"segment valid.*{message}"):
        Provider(folder).locate(start, end, "segment valid")
