"""pyqlib reads the synthetic market as this package does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import BENCHMARK, synthesize

pytestmark = pytest.mark.oracle

FIELDS = ["open", "high", "low", "close", "volume", "factor", "change"]


def rows(provider: Provider, market: str) -> pd.DataFrame:
    """Rows of a market: the days from first to last bar inside the membership spans."""
    universe = provider.universe(market)
    panel = provider.panel(universe.instruments, FIELDS, 0, len(provider.calendar))
    position = np.arange(len(panel.days))[:, None]
    row = (
        universe.member(panel.days, panel.instruments) & (panel.first <= position) & (position <= panel.last)
    )
    instrument, day = np.nonzero(row.T)
    columns = {field: panel.fields[field][day, instrument] for field in FIELDS}
    codes = np.array(panel.instruments, dtype=object)[instrument]
    return pd.DataFrame(
        {"instrument": codes, "datetime": panel.days[day].astype("datetime64[ns]"), **columns}
    )


def test_pyqlib_reads_the_same_bars(ask_oracle: Callable[..., Path], tmp_path: Path) -> None:
    synthesize(tmp_path / "market", stocks=30, days=400, seed=2)
    read = ask_oracle("read_market.py", tmp_path / "market")
    provider = Provider(tmp_path / "market")
    for market in ("csi300", "all"):
        theirs = pd.read_parquet(read / f"{market}.parquet")
        theirs = theirs.sort_values(["instrument", "datetime"], ignore_index=True)
        pd.testing.assert_frame_equal(rows(provider, market), theirs, check_dtype=False, rtol=0, atol=0)
    index = pd.read_parquet(read / "index.parquet")
    panel = provider.panel([BENCHMARK], FIELDS, 0, len(provider.calendar))
    for field in FIELDS:
        np.testing.assert_array_equal(index[field].to_numpy(), panel.fields[field][:, 0])
