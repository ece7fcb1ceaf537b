"""A record's files under the paths of the artifacts of Qlib's recorder.

Qlib pickles its artifacts. Here the stems are Qlib's, tables are Parquet and weights are safetensors. Files that Qlib
does not have keep their names. So does ``ic.parquet``; the columns that Qlib also has are written to Qlib's files as
well, one each. Qlib's daily trade indicators (``indicators_normal_1day``) are not in a record; their summary is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.record.record import Record

__all__ = ["lay_out"]

_RENAMED = {
    "report.parquet": "portfolio_analysis/report_normal_1day.parquet",
    "positions.parquet": "portfolio_analysis/positions_normal_1day.parquet",
    "model.safetensors": "params.safetensors",
}
_SPLIT = {
    "ic": "sig_analysis/ic.parquet",
    "rank_ic": "sig_analysis/ric.parquet",
    "long_short": "sig_analysis/long_short_r.parquet",
    "long_average": "sig_analysis/long_avg_r.parquet",
}
"""Column of ``ic.parquet`` -> Qlib's file for it, written in addition to the whole table."""

_FREQUENCY = "1day."
_ANALYSES = "portfolio_analysis"


def lay_out(record: Path, folder: Path) -> None:
    """Fill an existing empty folder with a record's files.

    The record's files are linked. Qlib's files of single columns, and its two tables of metrics, are also written.
    """
    for source in sorted(record.iterdir()):
        if source.name == "ic.parquet":
            table = pq.read_table(source)
            for column in set(_SPLIT) & set(table.column_names):
                pq.write_table(table.select(["datetime", column]), _place(folder, _SPLIT[column]))
        _place(folder, _RENAMED.get(source.name, source.name)).symlink_to(source)
    for name, rows in _analyses(Record(record).metrics()).items():
        if rows:
            table = pa.table({"name": list(rows), "value": list(rows.values())})
            pq.write_table(table, _place(folder, f"{_ANALYSES}/{name}_1day.parquet"))


def _analyses(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Sort the backtest's figures into Qlib's two tables, under their names there."""
    figures = {
        name.removeprefix(_FREQUENCY): value
        for name, value in metrics.items()
        if _FREQUENCY in name and name not in HEADLINES  # not in Qlib
    }
    return {
        "port_analysis": {name: value for name, value in figures.items() if "." in name},
        "indicator_analysis": {name: value for name, value in figures.items() if "." not in name},
    }


def _place(folder: Path, path: str) -> Path:
    place = folder / path
    place.parent.mkdir(exist_ok=True)
    return place
