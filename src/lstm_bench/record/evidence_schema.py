"""The columns of the evidence files, version 1.

Later versions are to store their number in the Parquet metadata, under ``lstm_bench_evidence``. Files of version 1
have no such key.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lstm_bench.core.atomic import staged_file
from lstm_bench.core.errors import DataError
from lstm_bench.evaluate.headlines import HEADLINES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DAILY",
    "DAILY_COLUMNS",
    "METRICS",
    "SEED_COLUMNS",
    "VERSION",
    "Column",
    "arrow_schema",
    "read_table",
    "write_table",
]

VERSION = 1

_VERSION_KEY = b"lstm_bench_evidence"

Kind = Literal["string", "int64", "float64", "bool", "date32", "timestamp[ms]"]


@dataclass(frozen=True)
class Column:
    """A column of a file.

    Attributes
    ----------
    name
    kind : its Arrow type
    nullable : whether it may hold nulls
    description
    optional : whether a file may lack the column. It is written only if it has a value, and read as nulls if absent.
    """

    name: str
    kind: Kind
    nullable: bool
    description: str
    optional: bool = False


_RISK = ("mean", "std", "annualized_return", "information_ratio", "max_drawdown")
METRICS = (
    *("IC", "ICIR", "Rank IC", "Rank ICIR"),
    *(f"{side} Ann {what}" for side in ("Long-Short", "Long-Avg") for what in ("Return", "Sharpe")),
    *(f"1day.excess_return_{cost}_cost.{key}" for cost in ("without", "with") for key in _RISK),
    *("1day.ffr", "1day.pa", "1day.pos"),
)
"""Metric columns of every file, under Qlib's names. A file may also have those of ``HEADLINES``."""

DAILY = ("ic", "rank_ic", "return", "bench", "cost", "turnover")
"""Columns of daily series."""

SEED_COLUMNS = (
    Column("study", "string", False, "name of the study"),
    Column("row", "string", False, "label of the leaderboard's row"),
    Column("features", "string", False, "Alpha158, Alpha360 or the name of another feature set"),
    Column("trial", "int64", True, "number of the trial that proposed the configuration"),
    Column("seed", "int64", False, "seed of the run"),
    Column("status", "string", False, "complete, failed or missing"),
    Column("message", "string", False, "why a seed failed; empty otherwise"),
    Column(
        "config", "string", False, "JSON of the resolved workflow with its seed, without the machine's paths"
    ),
    Column(
        "reduced", "string", False, "why the run is smaller than the full benchmark; empty for a full run"
    ),
    Column("run_id", "string", True, "name of the record"),
    Column("data_fingerprint", "string", True, "SHA-256 of the folder from which the data were first used"),
    Column("calendar_first", "date32", True, "first day of the data"),
    Column("calendar_last", "date32", True, "last day of the data"),
    Column("first_day", "date32", True, "start of the train segment, clipped to the calendar"),
    Column("last_day", "date32", True, "end of the test segment, clipped to the calendar"),
    Column("synthetic", "bool", True, "whether the data are a synthetic market"),
    Column("numerics", "int64", True, "version of the numerics"),
    Column("commit", "string", True, "commit of the code"),
    Column("dirty", "bool", True, "whether the checkout had uncommitted changes"),
    Column("versions", "string", True, "JSON of the versions of the interpreter and the packages"),
    Column("device", "string", True, "device of the run"),
    Column("device_model", "string", True, "model of the processor or GPU"),
    Column("training_path", "string", True, "training path"),
    Column("training_status", "string", True, "how training ended"),
    Column("train_seconds", "float64", True, "seconds of training"),
    Column("total_seconds", "float64", True, "seconds of the run"),
    Column("epochs", "int64", True, "trained epochs"),
    Column("best_epoch", "int64", True, "epoch of the best validation score, from 0"),
    Column("n_epochs", "int64", True, "most epochs allowed"),
    Column("parameters", "int64", True, "number of the model's parameters"),
    Column("data_used", "string", True, "digest of the days and stocks that the run used", optional=True),
    *(Column(name, "float64", True, "metric under Qlib's name; null if undefined") for name in METRICS),
    *(Column(name, "float64", True, "metric that Qlib does not have", optional=True) for name in HEADLINES),
)
"""``<study>.parquet``: a row per row of the leaderboard and seed. Columns are null for seeds that are not complete."""

DAILY_COLUMNS = (
    Column("study", "string", False, "name of the study"),
    Column("row", "string", False, "label of the leaderboard's row"),
    Column("seed", "int64", False, "seed of the run"),
    Column("datetime", "timestamp[ms]", False, "trading day"),
    *(Column(name, "float64", True, "daily series; null on a day without a value") for name in DAILY),
)
"""``<study>.daily.parquet``: a row per seed and day."""


def read_table(path: Path, columns: Collection[Column]) -> pa.Table:
    """Read a file and check its columns. Absent optional columns become nulls.

    Raises
    ------
    DataError
        If the file cannot be read, is of a later version, or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    version = (table.schema.metadata or {}).get(_VERSION_KEY, b"1").decode(errors="replace")
    if version != str(VERSION):
        raise DataError(f"{path}: got evidence of version {version}, expected {VERSION}; update lstm-bench")
    schema = arrow_schema(columns)
    for position, column in enumerate(columns):
        if column.optional and column.name not in table.column_names:
            field = schema.field(column.name)
            at = min(position, table.num_columns)
            table = table.add_column(at, field, pa.nulls(table.num_rows, field.type))
    if not table.schema.equals(schema):
        existing, expected = _described(table.schema), _described(schema)
        wrong = [f"no column {text}" for text in expected if text not in existing]
        wrong += [f"unexpected column {text}" for text in existing if text not in expected]
        raise DataError(f"{path}: not the evidence's columns: {'; '.join(wrong) or 'their order differs'}")
    return table


def write_table(path: Path, table: pa.Table, columns: Collection[Column]) -> bool:
    """Write a table that has all columns, without optional columns that hold only nulls.

    Returns
    -------
    bool
        Whether the file was written. An existing file with the same content stays, since other releases of pyarrow
        write other bytes.
    """
    import pyarrow.parquet as pq

    empty = [one.name for one in columns if one.optional and table[one.name].null_count == table.num_rows]
    table = table.drop_columns(empty)
    if path.is_file() and _holds(path, table):
        return False
    with staged_file(path) as staged:
        pq.write_table(table, staged, compression="zstd")
    return True


def _holds(path: Path, table: pa.Table) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return bool(pq.read_table(path, partitioning=None).equals(table))
    except pa.ArrowInvalid:  # truncated, or another kind of file
        return False


def arrow_schema(columns: Collection[Column]) -> pa.Schema:
    """Return the Arrow schema of columns."""
    import pyarrow as pa

    kinds = {
        "string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(),
        "date32": pa.date32(), "timestamp[ms]": pa.timestamp("ms"),
    }  # fmt: skip
    return pa.schema([pa.field(one.name, kinds[one.kind], one.nullable) for one in columns])


def _described(schema: pa.Schema) -> list[str]:
    return [f"{field.name} ({field.type}{'' if field.nullable else ', never null'})" for field in schema]
