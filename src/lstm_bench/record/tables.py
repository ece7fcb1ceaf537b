"""Converts a run's arrays to the tables of its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.analysis import SignalAnalysis
from lstm_bench.evaluate.signal.metrics import SignalMetrics
from lstm_bench.evaluate.trading.backtest import BacktestResult

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.model.trainer import Epoch

__all__ = [
    "daily_table",
    "drawdown_table",
    "epoch_table",
    "position_table",
    "row_table",
    "sample_table",
    "signal_table",
    "table_rows",
]


def sample_table(
    name: str,
    values: npt.NDArray[np.floating],
    day: npt.NDArray[np.int64],
    instrument: npt.NDArray[np.int64],
    days: npt.NDArray[np.datetime64],
    instruments: Sequence[str],
) -> pd.DataFrame:
    """Return a table of one value per sample ``[S]``, sorted and indexed by (datetime, instrument).

    ``day`` and ``instrument`` are the positions ``[S]`` of the samples in ``days`` and ``instruments``.
    """
    import pandas as pd

    order = np.lexsort((instrument, day))
    index = pd.MultiIndex.from_arrays(
        [days.astype("datetime64[ns]")[day[order]], np.asarray(instruments, dtype=object)[instrument[order]]],
        names=["datetime", "instrument"],
    )
    return pd.DataFrame({name: values[order]}, index=index)


def epoch_table(epochs: Sequence[Epoch]) -> pd.DataFrame:
    """Return a row per epoch: losses, score and seconds."""
    import pandas as pd

    table = pd.DataFrame([asdict(epoch) for epoch in epochs])
    return table.rename(columns={"number": "epoch"}).set_index("epoch")


def signal_table(
    signal: SignalMetrics, analysis: SignalAnalysis, further: Mapping[str, npt.NDArray[Any]] = {}
) -> pd.DataFrame:
    """Return daily ICs, long-short returns if requested, the series of the analysis, and ``further`` ones."""
    columns = {"ic": signal.ic, "rank_ic": signal.rank_ic}
    if signal.long_short is not None and signal.long_average is not None:
        columns |= {"long_short": signal.long_short, "long_average": signal.long_average}
    return daily_table(columns | analysis.series() | dict(further), analysis.days)


def daily_table(columns: Mapping[str, npt.NDArray[Any]], days: npt.NDArray[np.datetime64]) -> pd.DataFrame:
    """Return columns ``[T]`` indexed by ``datetime``."""
    import pandas as pd

    return pd.DataFrame(dict(columns), index=pd.DatetimeIndex(days.astype("datetime64[ns]"), name="datetime"))


def row_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table of rows with the same columns."""
    import pandas as pd

    return pd.DataFrame([dict(row) for row in rows])


def table_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Convert a table to rows for JSON: days as ISO strings, None for missing values."""
    plain = table.astype(object)
    for name in table.select_dtypes("datetime"):
        plain[name] = table[name].dt.strftime("%Y-%m-%d").astype(object)
    return [
        {str(name): value for name, value in row.items()}
        for row in plain.where(table.notna(), None).to_dict("records")
    ]


def drawdown_table(drawdowns: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return drawdowns of :class:`~lstm_bench.evaluate.analysis.PortfolioAnalysis`, of which there may be none."""
    import pandas as pd

    kinds = {"series": "str", "accumulation": "str", "rank": "int64", "depth": "float64"}
    kinds |= dict.fromkeys(("start", "bottom", "recovery"), "datetime64[ns]") | {"days": "int64"}
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in drawdowns], dtype=kind) for name, kind in kinds.items()}
    )


def position_table(portfolio: BacktestResult) -> pd.DataFrame:
    """Return the holdings at each close, indexed by (datetime, instrument)."""
    import pandas as pd

    held = portfolio.positions
    index = pd.MultiIndex.from_arrays(
        [
            portfolio.days.astype("datetime64[ns]")[held.day],
            np.asarray(portfolio.instruments, dtype=object)[held.instrument],
        ],
        names=["datetime", "instrument"],
    )
    columns = {"amount": held.amount, "price": held.price, "weight": held.weight, "days_held": held.days_held}
    return pd.DataFrame(columns, index=index)
