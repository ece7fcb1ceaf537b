"""The daily series of records on common days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.evaluate.regimes import DailyPanel
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.evaluate.signal.liquidity import TERCILES
from lstm_bench.record.record import Record

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["daily_panel"]


def daily_panel(records: Sequence[Record]) -> DailyPanel:
    """Read the daily ICs, returns and the benchmark of records, such as the seeds of one configuration.

    Days are those of any record's IC or report. Returns are absent unless every record has a backtest, and ICs by
    liquidity unless every record has them; records of earlier versions have none.

    Raises ``DataError`` if a record has no IC, or a table is damaged.
    """
    if not records:
        raise DataError("records: got none, expected one or more")
    ics = [record.table("ic") for record in records]
    traded = all(record.has_table("report") for record in records)
    reports = [record.table("report") for record in records] if traded else []
    days = np.unique(np.concatenate([_days(table) for table in (*ics, *reports)]))

    def stacked(tables: Sequence[pd.DataFrame], values: Callable[[pd.DataFrame], Floats]) -> Floats:
        panel = np.full((len(tables), len(days)), np.nan)
        for row, table in zip(panel, tables, strict=True):
            row[np.searchsorted(days, _days(table))] = values(table)
        return panel

    def column(name: str) -> Floats:
        return stacked(ics, lambda table: table[name].to_numpy(np.float64))

    series = {name: column(name) for name in ("ic", "rank_ic")}
    bench = np.full(len(days), np.nan)
    if traded:
        series["excess"] = stacked(reports, lambda table: return_series(table)["excess_return_with_cost"])
        bench = stacked(reports[:1], lambda table: table["bench"].to_numpy(np.float64))[0]
    by_liquidity = {
        name: {which: column(f"{which}_liquidity_{name}") for which in ("ic", "rank_ic")}
        for name in TERCILES
        if all(f"rank_ic_liquidity_{name}" in table.columns for table in ics)
    }
    return DailyPanel(days, series, bench, by_liquidity)


def _days(table: pd.DataFrame) -> Days:
    days: Days = table.index.to_numpy().astype("datetime64[D]")
    return days
