"""Prices decide whether they are raw or adjusted; contradictions are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import factor_of
from lstm_bench.data.importing.adjusting.raw_or_adjusted import decide
from lstm_bench.data.importing.importer import import_bars
from lstm_bench.data.importing.options import ImportOptions, ImportSummary
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

Read = Callable[[Path, str], dict[str, np.ndarray]]
Make = Callable[..., ImportSummary]

DAYS = 60


def walk(seed: int, deviation: float = 0.01, days: int = DAYS) -> np.ndarray:
    """Make adjusted closes."""
    return 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, deviation, days)))


def bars(code: str, close: np.ndarray, **columns: object) -> pd.DataFrame:
    """Make rows of a symbol whose four prices are the close."""
    dates = np.busday_offset("2020-01-06", np.arange(len(close)), roll="forward").astype(str)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return pd.DataFrame({"date": dates, "symbol": code, **prices, "volume": 1000.0} | columns)


def stepped(step: float, at: int = 30, days: int = DAYS) -> np.ndarray:
    """Make a factor of one step."""
    return np.where(np.arange(days) < at, 1.0, step)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Import tables of rows, into a folder of the path ``out``."""

    def imported(*tables: pd.DataFrame, **options: object) -> ImportSummary:
        pd.concat(tables).to_csv(tmp_path / "bars.csv", index=False)
        return import_bars(tmp_path / "bars.csv", tmp_path / "out", ImportOptions(**options))  # type: ignore[arg-type]

    return imported


@pytest.mark.parametrize("written", ["4.0", "4:1", "4/1"])
@pytest.mark.parametrize("none", ["0", "1", "", "0.0"])
@pytest.mark.parametrize("adjusted", [True, False])
def test_splits_in_every_way_of_writing(
    make: Make, tmp_path: Path, read: Read, written: str, none: str, adjusted: bool
) -> None:
    true, factor = walk(1), stepped(4.0)
    split = [written if day == 30 else none for day in range(DAYS)]
    summary = make(bars("A", true if adjusted else true / factor, split=split))
    got = read(tmp_path / "out", "A")
    np.testing.assert_allclose(got["change"][1:], true[1:] / true[:-1] - 1, atol=1e-6)
    assert summary.adjusted_by == ("none" if adjusted else "split")
    assert "1 of 1 split" in summary.said[0]
    expected = factor / 4 if adjusted else factor
    np.testing.assert_allclose(got["factor"], expected)


@pytest.mark.parametrize("column", ["split", "factor"])
def test_a_column_that_is_the_inverse_is_refused(make: Make, column: str) -> None:
    values = stepped(0.25) if column == "factor" else np.where(np.arange(DAYS) == 30, 0.25, 1.0)
    raw = walk(2) / stepped(4.0)
    words = rf"closes move with the .*A 2020-02-17.*inverse.*--adjust-by {column} or none"
    with pytest.raises(DataError, match=words):
        make(bars("A", raw, **{column: values}))
    assert make(bars("A", raw, **{column: values}), adjust_by="none").adjusted_by == "none"


def test_symbols_that_contradict_each_other_are_refused_by_name(make: Make, tmp_path: Path) -> None:
    factor = stepped(2.0)
    tables = [bars("RAW", walk(3) / factor, factor=factor), bars("ADJ", walk(4), factor=factor)]
    with pytest.raises(DataError) as refused:
        make(*tables)
    message = str(refused.value)
    assert "contradict each other" in message
    assert "raw: RAW 2020-02-17 (factor times 2, close -" in message
    assert "adjusted: ADJ 2020-02-17" in message
    assert "--adjust-by factor" in message
    assert "--adjust-by none" in message
    assert not (tmp_path / "out").exists()
    assert make(*tables, adjust_by="factor").adjusted_by == "factor"


def test_one_split_that_a_vendor_forgot_is_refused_among_few_and_reported_among_many(make: Make) -> None:
    factor = stepped(2.0)
    good = [bars(f"S{k:03d}", walk(k), factor=factor) for k in range(101)]
    bad = bars("BAD", walk(999) / factor, factor=factor)
    with pytest.raises(DataError, match="raw: BAD 2020-02-17"):
        make(*good[:20], bad)
    summary = make(*good, bad)
    assert summary.adjusted_by == "none"
    assert "101 of 102 steps of the factor (1 against it)" in summary.said[0]


def small_dividends(stocks: int, adjusted: bool) -> list[pd.DataFrame]:
    """Make stocks whose factor has steps of half a percent under a daily noise of a percent."""
    tables = []
    for k in range(stocks):
        factor = 1.005 ** (np.arange(DAYS) // 10)
        true = walk(k + 50)
        tables.append(bars(f"S{k:03d}", true if adjusted else true / factor, factor=factor))
    return tables


def test_dividends_below_the_noise_vote_together_or_not_at_all(
    make: Make, tmp_path: Path, read: Read
) -> None:
    summary = make(*small_dividends(2, adjusted=True))
    assert "10 steps of the factor, too small beside a day's returns" in summary.said[0]
    assert "--adjust-by none takes them as they are" in summary.said[0]
    assert summary.adjusted_by == "factor"


@pytest.mark.parametrize("adjusted", [True, False])
def test_many_small_dividends_decide(make: Make, adjusted: bool) -> None:
    summary = make(*small_dividends(60, adjusted))
    assert summary.adjusted_by == ("none" if adjusted else "factor")
    assert "300 small steps of the factor together" in summary.said[0]


@pytest.mark.parametrize("adjusted", [True, False])
@pytest.mark.parametrize("unit", ["fraction", "percent", "currency", "previous close"])
def test_the_files_own_returns_decide_what_is_below_the_noise(make: Make, adjusted: bool, unit: str) -> None:
    true, factor = walk(7), 1.005 ** (np.arange(DAYS) // 10)
    close = true if adjusted else true / factor
    before = close / (true / np.append(np.nan, true[:-1]))
    column = {
        "fraction": {"change": close / before - 1},
        "percent": {"pct_chg": np.round((close / before - 1) * 100, 4)},
        "currency": {"change": close - before},
        "previous close": {"preclose": before},
    }[unit]
    summary = make(bars("A", close, factor=factor, **column))
    assert summary.adjusted_by == ("none" if adjusted else "factor")
    assert "5 of 5 steps of the factor" in summary.said[0]


def test_changes_that_were_computed_from_raw_closes_prove_nothing(make: Make) -> None:
    factor = stepped(4.0)
    raw = walk(8) / factor
    summary = make(bars("A", raw, factor=factor, change=raw / np.append(np.nan, raw[:-1]) - 1))
    assert summary.adjusted_by == "factor"


@pytest.mark.parametrize("stated", ["change", "preclose"])
@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_returns_of_raw_closes_beside_small_dividends_are_refused(
    make: Make, stated: str, scale: float
) -> None:
    factor = 1.005 ** (np.arange(DAYS) // 10)
    raw = np.round(walk(7) / factor, 2)
    before = np.append(np.nan, raw[:-1])
    column = {"change": raw / before - 1, "preclose": before}[stated]
    with pytest.raises(DataError, match="may have been computed from raw closes; choose with --adjust-by"):
        make(bars("A", raw, factor=factor * scale, **{stated: column}))


def test_small_dividends_of_adjusted_prices_are_recognised_by_cents(
    make: Make, tmp_path: Path, read: Read
) -> None:
    factor = 1.005 ** (np.arange(DAYS) // 10)
    close = np.round(walk(7) / factor, 2) * factor
    summary = make(bars("A", close, factor=factor))
    assert "adjusted already (whole cents when divided by the factor)" in summary.said[0]
    np.testing.assert_allclose(read(tmp_path / "out", "A")["close"], close, rtol=1e-6)


def test_high_prices_are_not_judged_by_cents(make: Make) -> None:
    odd = walk(9) + np.random.default_rng(0).uniform(0, 0.01, DAYS)
    summary = make(bars("A", odd, factor=1e-4))
    assert summary.adjusted_by == "factor"


@pytest.mark.parametrize("seed", range(4))
def test_a_small_split_of_yahoos_history_is_in_its_prices(
    make: Make, tmp_path: Path, read: Read, seed: int
) -> None:
    close = walk(seed, deviation=0.02)
    splits = np.where(np.arange(DAYS) == 30, 1.05, 0)
    summary = make(bars("A", close, **{"Dividends": 0.0, "Stock Splits": splits}))
    assert summary.adjusted_by == "none"
    np.testing.assert_allclose(read(tmp_path / "out", "A")["close"], close, rtol=1e-6)


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_constant_factor_is_recognised_by_cents(
    make: Make, tmp_path: Path, read: Read, adjusted: bool
) -> None:
    raw = np.round(walk(9), 2)
    summary = make(bars("A", raw * 0.123456 if adjusted else raw, factor=0.123456))
    assert summary.adjusted_by == ("none" if adjusted else "factor")
    np.testing.assert_allclose(read(tmp_path / "out", "A")["close"], raw * 0.123456, rtol=1e-6)
    assert ("whole cents" if adjusted else "no step of the factor in the files shows") in summary.said[0]


@pytest.mark.parametrize("late", [-2, -1, 1, 3])
def test_steps_on_other_days_than_those_of_the_closes_are_refused(make: Make, late: int) -> None:
    raw = walk(14) / stepped(4.0)
    with pytest.raises(
        DataError, match=r"a day or more before or after them \(on another day: A .*--adjust-by factor"
    ):
        make(bars("A", raw, factor=stepped(4.0, at=30 + late)))


def test_a_cumulative_column_of_splits_is_refused(make: Make) -> None:
    raw = walk(15) / stepped(4.0)
    with pytest.raises(
        DataError, match="has one on 30 of 60 days of A, as a cumulative factor does; name it with"
    ):
        make(bars("A", raw, split=stepped(4.0)))


def test_nothing_to_decide_is_reported(make: Make, tmp_path: Path, read: Read) -> None:
    true = walk(10)
    summary = make(bars("A", true, split=0.0))
    assert summary.said == ("prices: no split in the files, so they need no adjustment; taken as they are",)
    np.testing.assert_allclose(read(tmp_path / "out", "A")["close"], true, rtol=1e-6)
    assert not (tmp_path / "out" / "IMPORTED.json").exists()  # later files may show it


@pytest.mark.parametrize("adjusted_volume", [True, False])
@pytest.mark.parametrize("amount", [True, False])
def test_volumes_beside_adjusted_prices_become_adjusted(
    make: Make, tmp_path: Path, read: Read, adjusted_volume: bool, amount: bool
) -> None:
    true, factor = walk(11), stepped(4.0 if not amount else 1.2)
    traded = np.exp(np.random.default_rng(5).normal(9, 0.1, DAYS))  # of adjusted shares
    columns: dict[str, object] = {"volume": traded if adjusted_volume else traded * factor, "factor": factor}
    if amount:
        columns["amount"] = traded * true * (1 + 0.001 * np.sin(np.arange(DAYS)))
    summary = make(bars("A", true, **columns, change=true / np.append(np.nan, true[:-1]) - 1))
    assert summary.adjusted_by == "none"
    assert ("adjusted already" if adjusted_volume else "raw (it jumps") in summary.said[1]
    np.testing.assert_allclose(read(tmp_path / "out", "A")["volume"], traded, rtol=1e-5)


def test_an_adjusted_close_that_forgot_a_split_is_refused(make: Make) -> None:
    raw = walk(12) / stepped(4.0)
    split = np.where(np.arange(DAYS) == 30, 4.0, 1.0)
    table = bars("A", raw, split=split, **{"adj close": raw})
    with pytest.raises(
        DataError, match=r"adjusted by the adjusted close still move with the splits \(raw: A 2020-02-17"
    ):
        make(table)
    assert make(table, adjust_by="split").adjusted_by == "split"


@pytest.mark.parametrize(("flags", "words"), [((1, 3), "has the values 1, 3"), ((3, 3), "raw by the column")])
def test_adjustflag_that_is_not_adjusted_is_refused(make: Make, flags: tuple[int, int], words: str) -> None:
    tables = [bars(code, walk(k), adjustflag=flags[k]) for k, code in enumerate("AB")]
    with pytest.raises(DataError, match=words):
        make(*tables)


def test_a_folder_of_raw_prices_takes_no_adjusted_ones(make: Make, tmp_path: Path) -> None:
    true, factor = walk(13), stepped(2.0)
    make(bars("A", true / factor, factor=factor))
    assert json.loads((tmp_path / "out" / "IMPORTED.json").read_text())["prices"] == "raw"
    later = np.append(factor, [2.0, 2.0, 4.0, 4.0])
    more = bars("A", np.append(true, [true[-1]] * 4), factor=later)[40:]
    with pytest.raises(
        DataError, match=r"the folder was made of raw prices, and these are adjusted.*--adjust-by"
    ):
        make(more, append=True)
    (tmp_path / "out" / "IMPORTED.json").write_text("[]")
    with pytest.raises(DataError, match=r"IMPORTED.json: expected the note"):
        make(more, append=True)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    adjusted=st.booleans(),
    ratio=st.sampled_from([2.0, 3.0, 1.5, 0.5, 0.1, 10.0, 1.3]),
    deviation=st.floats(0.005, 0.03),
)
def test_a_split_is_never_taken_for_its_opposite(
    seed: int, adjusted: bool, ratio: float, deviation: float
) -> None:
    """At worst nothing is decided, with the fat-tailed returns of ten symbols."""
    rng = np.random.default_rng(seed)
    stocks = []
    for k in range(10):
        true = 50 * np.exp(np.cumsum(np.clip(rng.standard_t(4, DAYS) * deviation * 0.7, -0.2, 0.2)))
        factor = stepped(ratio, at=int(rng.integers(5, DAYS)))
        close = true if adjusted else true / factor
        days = np.busday_offset("2020-01-06", np.arange(DAYS), roll="forward")
        values = {"close": close, "volume": np.ones(DAYS), "factor": factor}
        stocks.append(SymbolRows(f"S{k}", days, values, np.ones(DAYS, np.bool_)))
        np.testing.assert_array_equal(factor_of(stocks[-1], "factor"), factor)
    decision = decide(stocks, "factor", None, "bars.csv")
    assert decision.adjustment.prices == ("adjusted" if adjusted else "raw") or not decision.is_conclusive
