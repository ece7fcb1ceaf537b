"""The files of a record.

``results/<experiment>/<run_id>/`` holds

======================  ====================================================================
``config.yaml``         the resolved configuration, a Qlib workflow file again
``metrics.json``        the figures under Qlib's names and some more, fractions
``analysis.json``       precision, groups, risk under two conventions, tails, holdings: sections of figures
``epochs.parquet``      losses per epoch
``pred.parquet``        ``score`` per (datetime, instrument) of the test segment
``label.parquet``       ``LABEL0``, the raw label of the same rows
``ic.parquet``          per day: IC, Rank IC, precision, group returns, autocorrelation and turnover of the scores;
                        with a backtest and volumes also IC and Rank IC among stocks of low, middle, high liquidity
``ic_decay.parquet``    IC and Rank IC with the labels of later days, per lag
``ic_periods.parquet``  IC and Rank IC per year and per month
``report.parquet``      the backtest's daily report
``positions.parquet``   what it held, per day and instrument
``holdings.parquet``    per day: number and concentration of what it held, cash, days held
``drawdowns.parquet``   the worst five drawdowns of each series of returns
``ensemble.parquet``    IC, ICIR, Rank IC and Rank ICIR of subsets of an ensemble's members
``model.safetensors``   weights of the best epoch
``statistics.json``     statistics of the processors, fitted on the fit period
``provenance.json``     code, packages, device, data fingerprint, seconds, memory
======================  ====================================================================

The backtest's four tables exist if the configuration requests a backtest. A run that diverged before any epoch
was usable has no scores: it leaves ``config.yaml``, an empty ``metrics.json``, ``epochs.parquet`` and
``provenance.json``. Scores of another model than the configuration's LSTM have no ``epochs.parquet``,
``model.safetensors`` and ``statistics.json``; ``provenance.json`` names the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from lstm_bench.core.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["AGAIN", "CONFIG", "SEAL", "TableName", "check_table"]

TableName = Literal[
    "epochs", "pred", "label", "ic", "ic_decay", "ic_periods", "report", "positions", "holdings", "drawdowns",
    "ensemble",
]  # fmt: skip

SEAL = "provenance.json"
"""The file that is written last. A folder without it is not a record."""

CONFIG = "config.yaml"

AGAIN = "compute the run again with --force"
"""Advice on a damaged record, in messages."""

_ROW, _DAY, _SAMPLE = (None,), ("datetime",), ("datetime", "instrument")
_LAYOUT: Mapping[TableName, tuple[tuple[str | None, ...], tuple[str, ...]]] = {
    "epochs": (("epoch",), ("train_loss", "valid_loss", "valid_score")),
    "pred": (_SAMPLE, ("score",)),
    "label": (_SAMPLE, ("LABEL0",)),
    "ic": (_DAY, ("ic", "rank_ic")),
    "ic_decay": (_ROW, ("lag", "ic", "rank_ic")),
    "ic_periods": (_ROW, ("span", "period", "days", "ic", "icir", "rank_ic", "rank_icir")),
    "report": (_DAY, ("return", "bench", "cost", "turnover")),
    "positions": (_SAMPLE, ("weight",)),
    "holdings": (_DAY, ("holdings",)),
    "ensemble": (_ROW, ("members", "draw", "IC", "ICIR", "Rank IC", "Rank ICIR")),
    "drawdowns": (_ROW, ("series", "accumulation", "rank", "depth", "start", "bottom", "recovery", "days")),
}
"""Table -> its index, and the columns that it has in records of every version."""

_DAYS = ("datetime", "start", "bottom", "recovery")
_TEXTS = ("instrument", "span", "period", "series", "accumulation")
_MAY_BE_EMPTY: tuple[TableName, ...] = ("positions", "drawdowns")


def check_table(name: TableName, table: pd.DataFrame, path: Path) -> None:
    """Check a table that was read from a record.

    Raises ``DataError`` if its index or columns are not those of the table, a column holds values of another kind, a
    row occurs twice, or it has no rows and should have some.
    """
    index, columns = _LAYOUT[name]
    if tuple(table.index.names) != index or not set(columns) <= set(table.columns):
        got = _names([*table.index.names, *table.columns])
        raise DataError(
            f"{path}: holds another table: got {got}, expected {_names([*index, *columns])}; {AGAIN}"
        )
    for column in (*index, *table.columns):
        values = table.index.get_level_values(column) if column in index else table[column]
        if column is not None and (wrong := _wrong_kind(str(column), values)):
            raise DataError(f"{path}: {column}: {wrong}; {AGAIN}")
    if index != _ROW and table.index.has_duplicates:
        raise DataError(f"{path}: holds a row twice; {AGAIN}")
    if name not in _MAY_BE_EMPTY and table.empty:
        raise DataError(f"{path}: holds no row; {AGAIN}")


def _wrong_kind(column: str, values: pd.Series[Any] | pd.Index[Any]) -> str:
    """Describe a column's kind of values if it is wrong; an empty string if it is right."""
    import pandas as pd

    kinds = pd.api.types
    if column in _DAYS:
        is_right, expected = kinds.is_datetime64_any_dtype(values.dtype), "days"
    elif column in _TEXTS:
        is_right, expected = (
            kinds.is_string_dtype(values) and not kinds.is_numeric_dtype(values.dtype),
            "texts",
        )
    else:
        is_right, expected = kinds.is_numeric_dtype(values.dtype), "numbers"
    return "" if is_right else f"got values of the type {values.dtype}, expected {expected}"


def _names(columns: Iterable[object]) -> str:
    """Join the names of an index and columns; an index may have no name."""
    return ", ".join(str(name) for name in columns if name is not None)
