"""Bars and features against plain pandas and pyqlib."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lstm_bench
from lstm_bench import InputError
from lstm_bench.data.qlib_folder import History, write_qlib_folder

CONFIGS = Path(__file__).parents[2] / "configs"
FIXTURES = Path(__file__).parents[1] / "oracle" / "fixtures"


def read_bars(market: Path, code: str, field: str) -> pd.Series:
    """A field as plain pandas, by day."""
    content = np.fromfile(market / "features" / code.lower() / f"{field}.day.bin", dtype="<f4")
    calendar = pd.DatetimeIndex((market / "calendars" / "day.txt").read_text().split())
    begin = int(content[0])
    return pd.Series(content[1:], index=calendar[begin : begin + len(content) - 1])


def test_features_are_plain_pandas(market: Path, days: list[str]) -> None:
    start, end = days[100], days[180]
    codes = sorted(path.name.upper() for path in (market / "features").iterdir())
    panel = lstm_bench.load_panel(market, instruments=codes, start=start, end=end)
    assert panel.days[[0, -1]].astype(str).tolist() == [start, end]
    features = {
        "MA5": "Mean($close, 5)/$close",
        "SO_FAR": "Mean($close, 0)",
        "RETURN": "Ref($close, -2)/Ref($close, -1)-1",
    }
    table = lstm_bench.compute_features(panel, features)
    assert table.index.names == ["datetime", "instrument"]
    assert table.index.is_monotonic_increasing
    assert not table.index.has_duplicates
    assert list(table.columns) == list(features)
    assert set(table.dtypes) == {np.dtype(np.float32)}

    wanted = []
    for code in codes:
        close = read_bars(market, code, "close").astype(np.float64)
        columns = {
            "MA5": close.rolling(5, min_periods=1).mean() / close,
            "SO_FAR": close.loc[start:].expanding().mean(),  # it begins with the span
            "RETURN": close.shift(-2) / close.shift(-1) - 1,
        }
        frame = pd.DataFrame(columns).loc[start:end]
        wanted.append(frame.set_index(pd.MultiIndex.from_product([frame.index, [code]])))
    expected = pd.concat(wanted).sort_index()
    assert len(expected) > 20 * 60
    assert table.index.equals(expected.index)
    np.testing.assert_allclose(table.to_numpy(), expected.to_numpy(), rtol=1e-5, atol=1e-6)


def test_a_window_sees_no_further_back_than_it_reaches(market: Path, days: list[str]) -> None:
    """An exponential mean is cut off where Qlib cuts it off, N - 1 days before the first."""
    panel = lstm_bench.load_panel(market, instruments=["SH600000"], start=days[100], end=days[120])
    table = lstm_bench.compute_features(panel, {"EMA": "EMA($close, 4)"})
    close = read_bars(market, "SH600000", "close").astype(np.float64)
    expected = close.loc[days[97] : days[120]].ewm(span=4, min_periods=1).mean().loc[days[100] :]
    np.testing.assert_allclose(table["EMA"], expected, rtol=1e-6)


def test_membership_bounds_the_rows_of_a_market(market: Path, days: list[str]) -> None:
    start, end = days[30], days[290]
    panel = lstm_bench.load_panel(market, "csi300", start=start, end=end)
    table = lstm_bench.compute_features(panel, {"close": "$close"})
    expected = set()
    for line in (market / "instruments" / "csi300.txt").read_text().splitlines():
        code, first, last = line.split("\t")
        rows = read_bars(market, code, "close").loc[max(first, start) : min(last, end)]
        expected |= {(day, code) for day in rows.index}
    assert set(table.index) == expected
    everything = lstm_bench.load_panel(market, instruments=panel.instruments, start=start, end=end)
    assert len(lstm_bench.compute_features(everything, {"close": "$close"})) > len(table)


@pytest.mark.parametrize("features", ["Alpha158", "Alpha360"])
def test_feature_sets_are_the_datasets_raw_table(
    features: Any, overrides: dict[str, Any], market: Path, days: list[str]
) -> None:
    file = CONFIGS / f"lstm_{features.lower()}.yaml"
    raw = lstm_bench.build_dataset(lstm_bench.load_workflow(file, overrides)).table("raw")["feature"]
    panel = lstm_bench.load_panel(market, "csi300", start=days[0], end=days[-1])
    table = lstm_bench.compute_features(panel, features)
    pd.testing.assert_frame_equal(table, pd.DataFrame(raw))
    some = [table.columns[7], table.columns[2], table.columns[130]]
    pd.testing.assert_frame_equal(lstm_bench.compute_features(panel, features, columns=some), table[some])


def test_features_are_qlibs(tmp_path: Path) -> None:
    """Every expression of the fixtures, on the hard cases that they were made from, as one table each."""
    about = json.loads((FIXTURES / "features.json").read_text())
    calendar = np.asarray(about["calendar"], "datetime64[D]")
    bars = pd.read_parquet(FIXTURES / "features_bars.parquet")
    histories, spans = [], []
    for code, frame in bars.groupby("instrument"):
        place = np.searchsorted(calendar, frame["datetime"].to_numpy().astype("datetime64[D]"))
        fields = {
            name: frame[name].to_numpy(np.float32) for name in ("open", "high", "low", "close", "volume")
        }
        histories.append(History(str(code), int(place[0]), fields))
        spans.append((str(code), calendar[place[0]], calendar[place[-1]]))
    write_qlib_folder(tmp_path / "market", calendar, {"all": spans}, histories)
    answers = pd.read_parquet(FIXTURES / "features_values.parquet")
    panel = lstm_bench.load_panel(tmp_path / "market", "all", start=about["start"], end=about["end"])
    expected = {str(text): rows for text, rows in answers.groupby("expression", observed=True)}
    assert len(expected) > 600
    table = lstm_bench.compute_features(panel, {text: text for text in expected})
    days = table.index.get_level_values("datetime")
    faults = []
    for text, rows in expected.items():  # of some, pyqlib's values are stored for some days only
        column = table.loc[days.isin(rows["datetime"]), text].astype(np.float64)
        stored = rows.astype({"instrument": str}).set_index(["datetime", "instrument"])["value"]
        wanted = stored[~stored.index.duplicated()].astype(np.float64).reindex(column.index)
        same = (column == wanted) | (column.isna() & wanted.isna())  # infinite values too
        near = (column - wanted).abs() <= 1e-5 * wanted.abs().clip(lower=1.0)
        if not (same | near).all():
            faults.append(text)
    assert not faults


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected one of them"),
        ({"market": "csi300", "instruments": ["SH600000"]}, "expected one of them"),
        ({"instruments": "SH600000"}, "expected a list of codes"),
        ({"instruments": ["SH600000", "SH9"]}, "no bars of SH9"),
        ({"market": "csi30"}, "did you mean 'csi300'"),
        ({"market": "csi300", "start": "soon"}, "got 'soon', expected a da"),
        ({"market": "csi300", "start": "1990-01-01", "end": "1990-02-01"}, "no trading day"),
    ],
)
def test_a_panel_that_cannot_be(market: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lstm_bench.load_panel(market, **arguments)


@pytest.mark.parametrize(
    ("features", "columns", "message"),
    [
        ("Alpha159", None, "did you mean 'Alpha158'"),
        ({}, None, "empty mapping"),
        ("Alpha158", ["KMIDD"], "did you mean 'KMID'"),
        ("Alpha158", "KMID", "expected a list"),
        ("Alpha158", ["KMID", "KMID"], "expected a list of different names"),
        ({"x": "Meen($close, 5)"}, None, "Meen"),
    ],
)
def test_features_that_cannot_be(market: Path, features: Any, columns: Any, message: str) -> None:
    panel = lstm_bench.load_panel(market, "csi300")
    with pytest.raises(InputError, match=message):
        lstm_bench.compute_features(panel, features, columns)


def test_no_row_is_said(market: Path) -> None:
    listed = (market / "instruments" / "all.txt").read_text().splitlines()
    days = (market / "calendars" / "day.txt").read_text().split()
    late = next(line.split("\t")[0] for line in listed if line.split("\t")[1] > days[20])
    panel = lstm_bench.load_panel(market, instruments=[late], end=days[10])
    with pytest.raises(lstm_bench.DataError, match="no bars on"):
        lstm_bench.compute_features(panel, {"close": "$close"})
