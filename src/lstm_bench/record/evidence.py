"""The evidence: per study one row per seed and its daily series, as Parquet files that are committed.

``results/leaderboard/<study>.parquet`` has a row per (row of the leaderboard, seed),
``results/leaderboard/<study>.daily.parquet`` the daily series of the complete ones. Every figure of a published
table follows from them alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.core.atomic import staged_file
from lstm_bench.core.errors import DataError
from lstm_bench.evaluate.headlines import HEADLINES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DAILY",
    "FOLDER",
    "METRICS",
    "Daily",
    "Evidence",
    "SeedResult",
    "Status",
    "daily_path",
    "read_evidence",
    "read_study",
    "same_data",
    "study_path",
    "write_study",
]

FOLDER = "leaderboard"
"""Below the results."""

_RISK = ("mean", "std", "annualized_return", "information_ratio", "max_drawdown")
METRICS = (
    *("IC", "ICIR", "Rank IC", "Rank ICIR"),
    *(f"{side} Ann {what}" for side in ("Long-Short", "Long-Avg") for what in ("Return", "Sharpe")),
    *(f"1day.excess_return_{cost}_cost.{key}" for cost in ("without", "with") for key in _RISK),
    *("1day.ffr", "1day.pa", "1day.pos"),
)
"""Metric columns, by Qlib's names; null where a run has no such figure. Files of today may also have ``HEADLINES``."""

DAILY = ("ic", "rank_ic", "return", "bench", "cost", "turnover")
"""Daily columns; null on a day without one."""

_LATER = "data_used"
"""A column that files have which were written since there is one."""

Status = Literal["complete", "failed", "missing"]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SeedResult:
    """One seed of one row. What a seed that is not complete does not have is None.

    Attributes
    ----------
    study, row, features, trial : see :class:`lstm_bench.bench.manifest.BenchRow`; row is its label
    status : ``complete``; ``failed`` with a ``message``; ``missing`` where there is no record
    calendar_first, calendar_last : of the data
    first_day, last_day : from the train segment's start to the test segment's end, clipped to the calendar
    synthetic : whether the data is a synthetic market
    versions : JSON of the interpreter's and the packages' versions
    config : JSON of the resolved workflow with its seed, without the machine's paths
    reduced : why the run is not of the benchmark's full size; empty where it is
    data_fingerprint : of the data folder that the data were first used from
    data_used : digest of the days and stocks that the run used; files of before there was one lack the column
    metrics : name in ``METRICS`` or ``HEADLINES`` -> value
    """

    study: str
    row: str
    features: str
    trial: int | None
    seed: int
    status: Status
    message: str
    config: str
    reduced: str = ""
    run_id: str | None = None
    data_fingerprint: str | None = None
    calendar_first: date | None = None
    calendar_last: date | None = None
    first_day: date | None = None
    last_day: date | None = None
    synthetic: bool | None = None
    numerics: int | None = None
    commit: str | None = None
    dirty: bool | None = None
    versions: str | None = None
    device: str | None = None
    device_model: str | None = None
    training_path: str | None = None
    training_status: str | None = None
    train_seconds: float | None = None
    total_seconds: float | None = None
    epochs: int | None = None
    best_epoch: int | None = None
    n_epochs: int | None = None
    parameters: int | None = None
    data_used: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Daily:
    """Daily series of one seed.

    Attributes
    ----------
    days : ``[T]`` datetime64[D], ascending
    series : each name of ``DAILY`` -> ``[T]`` float64, NaN where there is nothing
    """

    days: npt.NDArray[np.datetime64]
    series: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Evidence:
    """One study's evidence.

    Attributes
    ----------
    study : its name
    results : sorted by (row, seed)
    daily : (row, seed) -> series, of the complete ones
    """

    study: str
    results: tuple[SeedResult, ...]
    daily: Mapping[tuple[str, int], Daily]

    @classmethod
    def of(
        cls, study: str, results: Iterable[SeedResult], daily: Mapping[tuple[str, int], Daily]
    ) -> Evidence:
        """Put results in order."""
        ordered = tuple(sorted(results, key=lambda result: (result.row, result.seed)))
        return cls(study, ordered, {key: daily[key] for key in sorted(daily)})


def same_data(a: SeedResult, b: SeedResult) -> bool:
    """Whether two seeds were computed from the same data: of the same folder, or the same days and stocks of two."""
    return a.data_fingerprint == b.data_fingerprint or (
        a.data_used is not None and a.data_used == b.data_used
    )


def study_path(results: Path, study: str) -> Path:
    """Return the file of a study's seeds."""
    return results / FOLDER / f"{study}.parquet"


def daily_path(results: Path, study: str) -> Path:
    """Return the file of a study's daily series."""
    return results / FOLDER / f"{study}.daily.parquet"


def read_evidence(results: Path) -> dict[str, Evidence]:
    """Read all studies' evidence, by name in order.

    Raises
    ------
    DataError
        Where a file is not as :func:`write_study` writes it, or has no counterpart.
    """
    names = {path.name.removesuffix(".parquet") for path in (results / FOLDER).glob("*.parquet")}
    return {name: read_study(results, name) for name in sorted({n.removesuffix(".daily") for n in names})}


def read_study(results: Path, study: str) -> Evidence:
    """Read one study's evidence.

    Raises
    ------
    DataError
        Where a file cannot be read, or its columns are not those of the evidence.
    """
    table = _read(study_path(results, study), _seed_schema(), optional=(_LATER, *HEADLINES))
    columns = table.to_pydict()
    metrics = [*METRICS, *HEADLINES]
    own = [name for name in columns if name not in metrics]
    found = [
        SeedResult(
            **{name: columns[name][i] for name in own},
            metrics={name: columns[name][i] for name in metrics if columns[name][i] is not None},
        )
        for i in range(table.num_rows)
    ]
    return Evidence(study, tuple(found), _read_daily(daily_path(results, study)))


def write_study(results: Path, evidence: Evidence) -> bool:
    """Write a study's two files, each in one rename, if they say something else than before.

    Returns
    -------
    bool
        Whether there was something to write.
    """
    # a headline that no seed has gets no column: what was written before there were any stays as it is
    extra = [name for name in HEADLINES if any(name in result.metrics for result in evidence.results)]
    later = any(result.data_used is not None for result in evidence.results)
    path, schema = study_path(results, evidence.study), _seed_schema(extra, later=later)
    own = [entry.name for entry in fields(SeedResult) if entry.name in schema.names]
    rows = [
        {name: getattr(result, name) for name in own}
        | {name: result.metrics.get(name) for name in (*METRICS, *extra)}
        for result in evidence.results
    ]
    wrote_seeds = _write(path, rows, schema)
    return _write_daily(daily_path(results, evidence.study), evidence) or wrote_seeds


def _read_daily(path: Path) -> dict[tuple[str, int], Daily]:
    table = _read(path, _daily_schema())
    row = np.asarray(table["row"].to_pylist(), dtype=object)
    seed = table["seed"].to_numpy()
    days = table["datetime"].to_numpy().astype("datetime64[D]")
    series = {name: table[name].to_numpy() for name in DAILY}
    new = [i for i in range(len(row)) if i == 0 or (row[i], seed[i]) != (row[i - 1], seed[i - 1])]
    found: dict[tuple[str, int], Daily] = {}
    ends = [*new[1:], len(row)] if new else []  # no day at all where no seed is complete
    for begin, end in zip(new, ends, strict=True):
        key = (str(row[begin]), int(seed[begin]))
        if key in found:
            raise DataError(f"{path}: the days of row {key[0]!r}, seed {key[1]} are in two places")
        found[key] = Daily(days[begin:end], {name: values[begin:end] for name, values in series.items()})
    return found


def _write_daily(path: Path, evidence: Evidence) -> bool:
    import pyarrow as pa

    schema = _daily_schema()
    parts = []
    for (row, seed), daily in evidence.daily.items():
        n = len(daily.days)
        columns: dict[str, Any] = {"study": [evidence.study] * n, "row": [row] * n, "seed": [seed] * n}
        columns["datetime"] = daily.days.astype("datetime64[ms]")
        columns |= {name: pa.array(daily.series[name], from_pandas=True) for name in DAILY}
        parts.append(pa.table(columns, schema=schema))
    return _write(path, pa.concat_tables(parts) if parts else [], schema)


def _seed_schema(extra: Iterable[str] = HEADLINES, *, later: bool = True) -> pa.Schema:
    """Columns of the seeds' file: the fields of :class:`SeedResult`, the ``later`` one if wanted, and the metrics."""
    import pyarrow as pa

    kinds = {"str": pa.string(), "Status": pa.string(), "int": pa.int64(), "float": pa.float64()}
    kinds |= {"bool": pa.bool_(), "date": pa.date32()}
    own = [entry for entry in fields(SeedResult) if entry.name != "metrics"]
    own = [entry for entry in own if later or entry.name != _LATER]
    columns = [
        pa.field(entry.name, kinds[str(entry.type).removesuffix(" | None")], str(entry.type).endswith("None"))
        for entry in own
    ]
    return pa.schema([*columns, *(pa.field(name, pa.float64()) for name in (*METRICS, *extra))])


def _daily_schema() -> pa.Schema:
    import pyarrow as pa

    keys = [
        ("study", pa.string()),
        ("row", pa.string()),
        ("seed", pa.int64()),
        ("datetime", pa.timestamp("ms")),
    ]
    return pa.schema(
        [*(pa.field(name, kind, False) for name, kind in keys), *(pa.field(n, pa.float64()) for n in DAILY)]
    )


def _read(path: Path, schema: pa.Schema, optional: Iterable[str] = ()) -> pa.Table:
    """Read a file of these columns; those that are ``optional`` are null where the file has them not."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    for name in optional:
        if name not in table.column_names:
            at = min(schema.get_field_index(name), table.num_columns)
            entry = schema.field(name)
            table = table.add_column(at, entry, pa.nulls(table.num_rows, entry.type))
    if not table.schema.equals(schema):
        there, expected = (_columns(one) for one in (table.schema, schema))
        wrong = [f"no column {text}" for text in expected if text not in there]
        wrong += [f"unexpected column {text}" for text in there if text not in expected]
        raise DataError(f"{path}: not the evidence's columns: {'; '.join(wrong) or 'their order differs'}")
    return table


def _columns(schema: pa.Schema) -> list[str]:
    return [f"{entry.name} ({entry.type}{'' if entry.nullable else ', never null'})" for entry in schema]


def _write(path: Path, content: pa.Table | list[dict[str, Any]], schema: pa.Schema) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(content, schema=schema) if isinstance(content, list) else content
    # another release of pyarrow writes other bytes: a file that says the same stays
    if path.is_file() and _says(path, table):
        return False
    with staged_file(path) as staged:
        pq.write_table(table, staged, compression="zstd")
    return True


def _says(path: Path, table: pa.Table) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return bool(pq.read_table(path, partitioning=None).equals(table))
    except pa.ArrowInvalid:  # cut off or foreign: to be written anew
        return False
