"""The evidence: results and daily series of seeds, as Parquet files that are committed.

``results/leaderboard/<study>.parquet`` has a row per (row of the leaderboard, seed),
``results/leaderboard/<study>.daily.parquet`` the daily series of the complete ones. Every figure of a published
table is computed from them alone. ``evidence_schema.py`` has their columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.evaluate.headlines import HEADLINES
from lstm_bench.record.evidence_schema import (
    DAILY,
    DAILY_COLUMNS,
    METRICS,
    SEED_COLUMNS,
    SeedResult,
    arrow_schema,
    read_table,
    write_table,
)

__all__ = [
    "FOLDER",
    "Daily",
    "Evidence",
    "daily_path",
    "read_evidence",
    "read_study",
    "same_data",
    "study_path",
    "write_study",
]

FOLDER = "leaderboard"
"""Below the results."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Daily:
    """Daily series of one seed.

    Attributes
    ----------
    days : ``[T]`` datetime64[D], ascending
    series : each name of ``DAILY`` -> ``[T]`` float64, NaN on days without a value
    """

    days: npt.NDArray[np.datetime64]
    series: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence of one study.

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
        """Make evidence of results and series in any order."""
        ordered = tuple(sorted(results, key=lambda result: (result.row, result.seed)))
        return cls(study, ordered, {key: daily[key] for key in sorted(daily)})


def same_data(a: SeedResult, b: SeedResult) -> bool:
    """Whether two seeds were computed from the same folder, or from the same days and stocks of two folders."""
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
    """Read the evidence of all studies, sorted by name.

    Raises ``DataError`` if a file is not as :func:`write_study` writes it, or its counterpart is missing.
    """
    names = {path.name.removesuffix(".parquet") for path in (results / FOLDER).glob("*.parquet")}
    return {name: read_study(results, name) for name in sorted({n.removesuffix(".daily") for n in names})}


def read_study(results: Path, study: str) -> Evidence:
    """Read one study's evidence.

    Raises ``DataError`` if a file cannot be read, or its columns are not those of the evidence.
    """
    columns = read_table(study_path(results, study), SEED_COLUMNS).to_pydict()
    metrics = {name: columns.pop(name) for name in (*METRICS, *HEADLINES)}
    found = [
        SeedResult(
            **{name: values[i] for name, values in columns.items()},
            metrics={name: values[i] for name, values in metrics.items() if values[i] is not None},
        )
        for i in range(len(columns["study"]))
    ]
    return Evidence(study, tuple(found), _read_daily(daily_path(results, study)))


def write_study(results: Path, evidence: Evidence) -> bool:
    """Write those of a study's two files whose content has changed; return whether a file was written."""
    import pyarrow as pa

    rows = [
        {
            column.name: result.metrics.get(column.name)
            if column.name in (*METRICS, *HEADLINES)
            else getattr(result, column.name)
            for column in SEED_COLUMNS
        }
        for result in evidence.results
    ]
    table = pa.Table.from_pylist(rows, schema=arrow_schema(SEED_COLUMNS))
    wrote_seeds = write_table(study_path(results, evidence.study), table, SEED_COLUMNS)
    return _write_daily(daily_path(results, evidence.study), evidence) or wrote_seeds


def _read_daily(path: Path) -> dict[tuple[str, int], Daily]:
    table = read_table(path, DAILY_COLUMNS)
    row = np.asarray(table["row"].to_pylist(), dtype=object)
    seed = table["seed"].to_numpy()
    days = table["datetime"].to_numpy().astype("datetime64[D]")
    series = {name: table[name].to_numpy() for name in DAILY}
    begins = [i for i in range(len(row)) if i == 0 or (row[i], seed[i]) != (row[i - 1], seed[i - 1])]
    found: dict[tuple[str, int], Daily] = {}
    ends = [*begins[1:], len(row)] if begins else []  # a file without complete seeds has no days
    for begin, end in zip(begins, ends, strict=True):
        key = (str(row[begin]), int(seed[begin]))
        if key in found:
            raise DataError(f"{path}: the days of row {key[0]!r}, seed {key[1]} are in two places")
        found[key] = Daily(days[begin:end], {name: values[begin:end] for name, values in series.items()})
    return found


def _write_daily(path: Path, evidence: Evidence) -> bool:
    import pyarrow as pa

    schema = arrow_schema(DAILY_COLUMNS)
    parts = []
    for (row, seed), daily in evidence.daily.items():
        n = len(daily.days)
        columns: dict[str, Any] = {"study": [evidence.study] * n, "row": [row] * n, "seed": [seed] * n}
        columns["datetime"] = daily.days.astype("datetime64[ms]")
        columns |= {name: pa.array(daily.series[name], from_pandas=True) for name in DAILY}
        parts.append(pa.table(columns, schema=schema))
    return write_table(path, pa.concat_tables(parts) if parts else schema.empty_table(), DAILY_COLUMNS)
