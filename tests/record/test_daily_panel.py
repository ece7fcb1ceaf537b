"""Daily series of records, arranged on common days."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.core.errors import DataError
from lstm_bench.record.daily_panel import daily_panel
from lstm_bench.record.record import Record


def leave(
    folder: Path, days: pd.DatetimeIndex, seed: int, *, liquidity: bool = True, traded: bool = True
) -> Record:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    columns = ["ic", "rank_ic"]
    if liquidity:
        columns += [
            f"{which}_liquidity_{name}" for name in ("low", "mid", "high") for which in ("ic", "rank_ic")
        ]
    index = days.rename("datetime")
    pd.DataFrame(rng.normal(size=(len(days), len(columns))), index, columns).to_parquet(folder / "ic.parquet")
    if traded:
        names = ["return", "bench", "cost", "turnover"]
        later = index[1:]
        table = pd.DataFrame(rng.normal(size=(len(later), 4)), later, names)
        table["bench"] = later.day_of_year / 1e4
        table.to_parquet(folder / "report.parquet")
    return Record(folder)


def test_tables_are_aligned_by_day(tmp_path: Path) -> None:
    days = pd.bdate_range("2020-01-01", periods=10)
    record = leave(tmp_path / "a", days, 1)
    panel = daily_panel(record)
    np.testing.assert_array_equal(panel.days, days.to_numpy().astype("datetime64[D]"))
    ic, report = record.table("ic"), record.table("report")
    np.testing.assert_array_equal(panel.series["rank_ic"][0], ic["rank_ic"])
    np.testing.assert_array_equal(panel.by_liquidity["mid"]["ic"][0], ic["ic_liquidity_mid"])
    excess = report["return"] - report["bench"] - report["cost"]
    np.testing.assert_array_equal(panel.series["excess"][0, 1:], excess)
    assert np.isnan(panel.series["excess"][0, 0])
    np.testing.assert_array_equal(panel.bench[1:], report["bench"])


def test_what_a_record_lacks_is_absent(tmp_path: Path) -> None:
    days = pd.bdate_range("2020-01-01", periods=10)
    assert set(daily_panel(leave(tmp_path / "whole", days, 1)).series) == {"ic", "rank_ic", "excess"}
    assert daily_panel(leave(tmp_path / "older", days, 2, liquidity=False)).by_liquidity == {}
    panel = daily_panel(leave(tmp_path / "signal", days, 3, traded=False))
    assert set(panel.series) == {"ic", "rank_ic"}
    assert np.isnan(panel.bench).all()
    with pytest.raises(DataError):
        daily_panel(Record(tmp_path / "signal" / "nothing"))
