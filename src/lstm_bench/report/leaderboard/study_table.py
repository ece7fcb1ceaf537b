"""A study's leaderboard as numbers for trackers: a row per benched configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from statistics import fmean, stdev

from lstm_bench.bench.manifest import Bench
from lstm_bench.record.record import Record
from lstm_bench.report.leaderboard.published import COLUMNS

__all__ = ["mean_and_std", "study_table"]


def mean_and_std(metric: str, runs: Sequence[Mapping[str, float]]) -> tuple[float, float]:
    """Mean and standard deviation (ddof 1) of a metric over the runs that have it; NaN if there are too few."""
    values = [value for run in runs if not isnan(value := run.get(metric, nan))]
    return (fmean(values) if values else nan, stdev(values) if len(values) > 1 else nan)


def study_table(experiment: Path) -> tuple[list[str], list[list[str | float]]]:
    """Return the columns and rows of an experiment, a folder with a manifest beside its records.

    A row has its name, its feature set, its complete seeds, and mean and standard deviation of each of Qlib's columns.
    The highest mean IC comes first.
    """
    columns = ["row", "features", "seeds"]
    columns += [f"{name} {what}" for name in COLUMNS.values() for what in ("mean", "std")]
    rows: list[list[str | float]] = []
    bench = Bench.load(experiment)
    for label, row in bench.rows.items() if bench is not None else ():
        records = [Record.find(experiment / name) for name in row.runs.values()]
        runs = [record.metrics() for record in records if record is not None and record.failure() is None]
        figures = [figure for metric in COLUMNS for figure in mean_and_std(metric, runs)]
        rows.append([label, row.features, float(len(runs)), *figures])
    place = columns.index("IC mean")
    return columns, sorted(rows, key=lambda row: -float(row[place]) if row[place] == row[place] else 1.0)
