"""The daily series of a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.data.arrays import Days, Floats
from lstm_bench.evaluate.measures import Series
from lstm_bench.evaluate.regimes import DailyPanel
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.evaluate.signal.liquidity import TERCILES
from lstm_bench.record.record import Record

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["daily_panel"]


def daily_panel(record: Record) -> DailyPanel:
    """Read the daily ICs, returns and the benchmark of a record as a panel of one run.

    Days are those of the ICs and of the backtest's report. Returns are absent without a backtest, and ICs by liquidity
    from records of earlier versions.

    Raises ``DataError`` if the record has no IC, or a table is damaged.
    """
    ics = record.table("ic")
    report = record.table("report") if record.has_table("report") else None
    days = np.unique(np.concatenate([_days(table) for table in (ics, report) if table is not None]))

    def placed(table: pd.DataFrame, values: pd.Series | Floats) -> Floats:
        row = np.full(len(days), np.nan)
        row[np.searchsorted(days, _days(table))] = values
        return row

    series: dict[Series, Floats] = {
        "ic": placed(ics, ics["ic"])[None],
        "rank_ic": placed(ics, ics["rank_ic"])[None],
    }
    bench = np.full(len(days), np.nan)
    if report is not None:
        series["excess"] = placed(report, return_series(report)["excess_return_with_cost"])[None]
        bench = placed(report, report["bench"])
    by_liquidity: dict[str, dict[Series, Floats]] = {
        name: {
            "ic": placed(ics, ics[f"ic_liquidity_{name}"])[None],
            "rank_ic": placed(ics, ics[f"rank_ic_liquidity_{name}"])[None],
        }
        for name in TERCILES
        if f"rank_ic_liquidity_{name}" in ics.columns
    }
    return DailyPanel(days, series, bench, by_liquidity)


def _days(table: pd.DataFrame) -> Days:
    days: Days = table.index.to_numpy().astype("datetime64[D]")
    return days
