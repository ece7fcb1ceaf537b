"""Cells are parsed, missing or bad."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.data.importing.reading.cells import parse_days, parse_numbers, parse_splits, parse_symbols


def column(*cells: object, kind: pa.DataType | None = None) -> pa.ChunkedArray:
    whole = pa.array(cells, type=kind)
    return pa.chunked_array([whole[: len(cells) // 2], whole[len(cells) // 2 :]])  # as a large file comes


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_pythons_to_the_last_bit(numbers: list[float]) -> None:
    for form in (repr, str, " {!r} ".format):
        got, bad = parse_numbers(column(*map(form, numbers)))
        assert not bad.any()
        np.testing.assert_array_equal(got, numbers)
        got, bad = parse_numbers(column(*map(form, numbers), "x"))  # with a bad cell, each is parsed alone
        np.testing.assert_array_equal(got, [*numbers, np.nan])
        assert bad.tolist() == [False] * len(numbers) + [True]


@pytest.mark.parametrize("missing", ["", " ", "-", "NA", "NaN", "nan", "null", "None", "N/A"])
def test_missing_cells_are_not_bad(missing: str) -> None:
    got, bad = parse_numbers(column("1", missing))
    assert np.isnan(got).tolist() == [False, True]
    assert not bad.any()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,234.5", 1234.5),
        ("12,345,678", 12345678.0),
        ("+1.", 1.0),
        (".5", 0.5),
        ("1E3", 1000.0),
        ("-$2", -2.0),
    ],
)
def test_other_ways_to_write_a_number(text: str, number: float) -> None:
    got, bad = parse_numbers(column(text))
    assert (got.tolist(), bad.tolist()) == ([number], [False])


@pytest.mark.parametrize(
    "text", ["1,5", "1.234,5", "12,34", "1 000", "inf", "-Infinity", "0x10", "1_000", "1e999", "١"]
)
def test_other_texts_are_bad_numbers(text: str) -> None:
    got, bad = parse_numbers(column("1", text))
    assert bad.tolist() == [False, True]
    assert np.isnan(got[1])


def test_numbers_of_typed_columns() -> None:
    for kind in (pa.int64(), pa.float32(), pa.decimal128(10, 2)):
        cells = (
            column(1, None, 3).cast(kind)
            if kind != pa.decimal128(10, 2)
            else column(1, None, 3).cast(pa.float64()).cast(kind)
        )
        got, bad = parse_numbers(cells)
        np.testing.assert_array_equal(got, [1, np.nan, 3])
        assert not bad.any()
    got, bad = parse_numbers(column(1.0, np.inf))
    assert bad.tolist() == [False, True]
    got, bad = parse_numbers(column("1", "x", "1").dictionary_encode())
    assert bad.tolist() == [False, True, False]


@given(st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)))
def test_days_are_read_in_every_usual_form(day: datetime.date) -> None:
    forms = (
        "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y-%m-%d 00:00:00", "%Y-%m-%dT16:00:00.000Z",
        "%Y-%m-%d 00:00:00-05:00", " %Y-%m-%d ",
    )  # fmt: skip
    got, bad = parse_days(
        column(*(f"{day:{form}}" for form in forms), f"{day.year}-{day.month}-{day.day}"), None
    )
    assert not bad.any()
    assert set(got.tolist()) == {day}
    got, bad = parse_days(column(f"{day:%d/%m/%Y}", f"{day:%Y-%m-%d}"), "%d/%m/%Y")
    assert (got[0], bad.tolist()) == (np.datetime64(day), [False, True])


@pytest.mark.parametrize(
    "text", ["01/02/2020", "2020-13-01", "2020-1-1x", "202011", "2020-01/01", "1577836800", ""]
)
def test_ambiguous_days_are_bad(text: str) -> None:
    got, bad = parse_days(column("2020-01-01", text), None)
    assert bad.tolist() == [False, True]
    assert np.isnat(got[1])


def test_days_of_typed_columns_are_days_as_they_are_written() -> None:
    moment = datetime.datetime(2020, 1, 6, 4, tzinfo=datetime.UTC)  # still the 5th in New York
    for kind, day in (
        (pa.timestamp("ns"), 6), (pa.timestamp("us", "America/New_York"), 5), (pa.date32(), 6), (pa.date64(), 6),
    ):  # fmt: skip
        got, bad = parse_days(column(moment, None, kind=pa.timestamp("us", "UTC")).cast(kind), None)
        assert got[0] == np.datetime64(f"2020-01-0{day}"), kind
        assert bad.tolist() == [False, True]
    got, bad = parse_days(column(20200106, 20201301), None)
    assert (str(got[0]), bad.tolist()) == ("2020-01-06", [False, True])


def test_symbols_name_folders() -> None:
    got, bad = parse_symbols(
        column(" brk.b ", "^GSPC", "600000.SH", "", "..", "a/b", "a\\b", "a b", "c:", "x" * 65)
    )
    assert got[:3].tolist() == ["BRK.B", "^GSPC", "600000.SH"]
    assert bad.tolist() == [False] * 3 + [True] * 7


def test_splits_are_new_shares_per_old_one() -> None:
    got, bad = parse_splits(column("2", "1:4", "3/2", "0", "", "1.0", "NA", "x", "1:0"))
    np.testing.assert_array_equal(got, [2, 0.25, 1.5, 1, 1, 1, 1, 1, 1])
    assert bad.tolist() == [False] * 7 + [True] * 2
    got, bad = parse_splits(column(2.0, None, 0.0))
    np.testing.assert_array_equal(got, [2, 1, 1])
