"""The columns of the evidence files, version 1.

Later versions are to store their number in the Parquet metadata, under ``lstm_bench_evidence``. Files of version 1
have no such key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_type_hints

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
    "SeedResult",
    "Status",
    "arrow_schema",
    "read_table",
    "write_table",
]

VERSION = 1

_VERSION_KEY = b"lstm_bench_evidence"

Status = Literal["complete", "failed", "missing"]
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


@dataclass(frozen=True)
class SeedResult:
    """One seed of a row of the leaderboard. Fields without a value are None, for instance if the seed failed.

    Attributes
    ----------
    metrics : name in ``METRICS`` or ``HEADLINES`` -> value
    """

    study: Annotated[str, "name of the study"]
    row: Annotated[str, "label of the leaderboard's row"]
    features: Annotated[str, "Alpha158, Alpha360 or the name of another feature set"]
    trial: Annotated[int | None, "number of the trial that proposed the configuration"]
    seed: Annotated[int, "seed of the run"]
    status: Annotated[Status, "complete, failed or missing"]
    message: Annotated[str, "why a seed failed; empty otherwise"]
    config: Annotated[str, "JSON of the resolved workflow with its seed, without the machine's paths"]
    reduced: Annotated[str, "why the run is smaller than the full benchmark; empty for a full run"] = ""
    run_id: Annotated[str | None, "name of the record"] = None
    data_fingerprint: Annotated[str | None, "SHA-256 of the folder that first had the data"] = None
    calendar_first: Annotated[date | None, "first day of the data"] = None
    calendar_last: Annotated[date | None, "last day of the data"] = None
    first_day: Annotated[date | None, "start of the train segment, clipped to the calendar"] = None
    last_day: Annotated[date | None, "end of the test segment, clipped to the calendar"] = None
    synthetic: Annotated[bool | None, "whether the data are a synthetic market"] = None
    numerics: Annotated[int | None, "version of the numerics"] = None
    commit: Annotated[str | None, "commit of the code"] = None
    dirty: Annotated[bool | None, "whether the checkout had uncommitted changes"] = None
    versions: Annotated[str | None, "JSON of the versions of the interpreter and the packages"] = None
    device: Annotated[str | None, "device of the run"] = None
    device_model: Annotated[str | None, "model of the processor or GPU"] = None
    training_path: Annotated[str | None, "training path"] = None
    training_status: Annotated[str | None, "how training ended"] = None
    train_seconds: Annotated[float | None, "seconds of training"] = None
    total_seconds: Annotated[float | None, "seconds of the run"] = None
    epochs: Annotated[int | None, "trained epochs"] = None
    best_epoch: Annotated[int | None, "epoch of the best validation score, from 0"] = None
    n_epochs: Annotated[int | None, "most epochs allowed"] = None
    parameters: Annotated[int | None, "number of the model's parameters"] = None
    data_used: Annotated[str | None, "digest of the days and stocks that the run used"] = None
    model: Annotated[str | None, "JSON of the model that scored; null for the configuration's LSTM"] = None
    valid_score: Annotated[float | None, "score on valid of the best epoch, or of the model"] = None
    metrics: Mapping[str, float] = field(default_factory=dict)


_LATER_FIELDS = ("data_used", "model", "valid_score")
"""Fields that early files lack."""


def _columns_of_fields() -> Iterator[Column]:
    """Make the columns of :class:`SeedResult`'s fields: the type of a field decides the kind."""
    kinds: dict[object, Kind] = {int: "int64", float: "float64", bool: "bool", date: "date32"}
    hints = get_type_hints(SeedResult, include_extras=True)
    del hints["metrics"]
    for name, hint in hints.items():
        types = get_args(hint.__origin__) or (hint.__origin__,)
        kind = kinds.get(types[0], "string")
        yield Column(name, kind, NoneType in types, hint.__metadata__[0], optional=name in _LATER_FIELDS)


SEED_COLUMNS = (
    *_columns_of_fields(),
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

    Raises ``DataError`` if the file cannot be read, is of a later version, or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    version = (table.schema.metadata or {}).get(_VERSION_KEY, b"1").decode(errors="replace")
    if not (version.isdecimal() and int(version) <= VERSION):
        raise DataError(
            f"{path}: got evidence of version {version}, expected at most {VERSION}; update lstm-bench"
        )
    schema = arrow_schema(columns)
    for position, column in enumerate(columns):
        if column.optional and column.name not in table.column_names:
            absent = schema.field(column.name)
            at = min(position, table.num_columns)
            table = table.add_column(at, absent, pa.nulls(table.num_rows, absent.type))
    if not table.schema.equals(schema):
        existing, expected = _described(table.schema), _described(schema)
        wrong = [f"no column {text}" for text in expected if text not in existing]
        wrong += [f"unexpected column {text}" for text in existing if text not in expected]
        raise DataError(f"{path}: not the evidence's columns: {'; '.join(wrong) or 'their order differs'}")
    return table


def write_table(path: Path, table: pa.Table, columns: Collection[Column]) -> bool:
    """Write a table that has all columns, without optional columns that hold only nulls; return whether it was written.

    An existing file with the same content stays, since other releases of pyarrow write other bytes.
    """
    import pyarrow.parquet as pq

    empty = [one.name for one in columns if one.optional and table[one.name].null_count == table.num_rows]
    table = table.drop_columns(empty)
    if path.is_file() and _holds(path, table):
        return False
    if VERSION > 1:  # files of version 1 do not state it
        table = table.replace_schema_metadata({_VERSION_KEY: str(VERSION)})
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
    return [f"{one.name} ({one.type}{'' if one.nullable else ', never null'})" for one in schema]
