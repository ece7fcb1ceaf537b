"""The leaderboard as tables of text: the columns of Qlib's README and the provenance of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.report.leaderboard.published import COLUMNS, PublishedRow
from lstm_bench.report.leaderboard.rows import (
    FEATURE_SETS,
    Cell,
    Group,
    Row,
    Setting,
    group_rows,
    published_rows,
)
from lstm_bench.report.leaderboard.setting import Kind

__all__ = ["KINDS", "Style", "Table", "leaderboard_tables"]

_OURS = ("Seeds", "Parameters", "Training time", "n_epochs", "Epochs run")
_NONE = "–"

KINDS: Mapping[Kind, str] = {
    "reduced": "Reduced runs, not comparable with full ones",
    "own": "Another market than that of Qlib's benchmark",
    "synthetic": "Synthetic data, not comparable with real data",
}
"""Beginning of a table's title if it is not Qlib's benchmark."""


@dataclass(frozen=True)
class Style:
    """How cells are written.

    Attributes
    ----------
    compat : the standard deviation with two decimals, as in Qlib's README, rather than four
    intervals : add the 95 % interval of the mean over seeds by Student's t, if there are three or more
    """

    compat: bool = False
    intervals: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text. Its title says what its rows have in common.

    ``evidence`` are the files that its cells are computed from; empty for published rows.
    """

    features: str
    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    evidence: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()


def leaderboard_tables(rows: Iterable[Row], style: Style, evidence_file: Callable[[str], str]) -> list[Table]:
    """Make the tables: per feature set the measured rows, then the rows that Qlib published, if comparable.

    ``evidence_file`` returns the path of a study's evidence file as the document shows it.
    """
    groups = group_rows(rows)
    named = _differing(groups)
    measured = [_table(group, style, evidence_file, named) for group in groups]
    names = [*FEATURE_SETS, *(table.features for table in measured)]
    tables: list[Table] = []
    for features in dict.fromkeys(names):
        tables += [table for table in measured if table.features == features]
        tables += _published(published_rows(groups, features))
    return tables


def _differing(groups: Iterable[Group]) -> set[str]:
    """Return which of label and numerics differ between tables; titles name only these."""
    settings = [group.setting for group in groups]
    known: dict[str, set[str] | set[int]] = {
        "label": {setting.label for setting in settings},
        "numerics": {setting.numerics for setting in settings if setting.numerics},
    }
    return {name for name, values in known.items() if len(values) > 1}


def _table(group: Group, style: Style, evidence_file: Callable[[str], str], named: set[str]) -> Table:
    reduced = group.setting.is_reduced
    header = ("Model Name", "Dataset", *COLUMNS.values(), *_OURS, *(("Reduced",) if reduced else ()))
    studies = tuple(sorted({row.study for row in group.rows}))
    return Table(
        features=group.setting.features,
        title=_title(group.setting, named),
        header=header,
        lines=tuple(_line(row, style, reduced) for row in group.rows),
        evidence=tuple(map(evidence_file, studies)),
        studies=studies,
    )


def _title(setting: Setting, named: set[str]) -> str:
    start, end = setting.test
    data = f"data `{setting.data_fingerprint[:12]}`" if setting.data_fingerprint else "no seed complete"
    text = f"{setting.market} ({setting.region}), test {start} to {end}, {data}"
    if "label" in named:
        text += f", label `{setting.label}`"
    if "numerics" in named and setting.numerics:
        text += f", numerics {setting.numerics}"
    return f"{KINDS[setting.kind]}: {text}" if setting.kind in KINDS else text


def _line(row: Row, style: Style, reduced: bool) -> tuple[str, ...]:
    seeds = len(row.complete) + row.diverged
    figures = (_cell(row.cell(metric), style, seeds) for metric in COLUMNS)
    last = ("; ".join(row.reductions),) if reduced else ()
    return (f"LSTM, {row.name}", row.dataset, *figures, *_provenance(row), *last)


def _cell(cell: Cell, style: Style, seeds: int) -> str:
    """Format a mean, with its number of seeds if some of the trained seeds have no value."""
    if cell.n == 0:
        return _NONE
    text = f"{cell.mean:.4f}"
    if cell.n > 1:
        text += f"±{cell.std:.{2 if style.compat else 4}f}"
        if style.intervals and cell.interval.is_decided:
            text += f" [{cell.interval.low:.4f}, {cell.interval.high:.4f}]"
    return text if cell.n == seeds else f"{text} ({cell.n} of {seeds} seeds)"


def _provenance(row: Row) -> tuple[str, ...]:
    """Seeds, parameters, mean training seconds per seed and the devices, ``n_epochs`` and epochs run."""
    epochs, seconds = row.known("epochs"), row.known("train_seconds")
    parameters = dict.fromkeys(f"{value:,}" for value in row.known("parameters"))
    devices = sorted({result.device for result in row.complete if result.device})
    return (
        f"{len(row.complete)} ({row.shortfall})" if row.shortfall else str(len(row.complete)),
        ", ".join(parameters) or _NONE,
        f"{np.mean(seconds):.1f} s on {', '.join(devices)}" if seconds else _NONE,
        str(row.config.task.model.kwargs.n_epochs),
        f"{np.mean(epochs):.1f} ({min(epochs)}–{max(epochs)})" if epochs else _NONE,
    )


def _published(rows: Sequence[PublishedRow]) -> list[Table]:
    if not rows:
        return []
    title = f"As published by Qlib, {counted(rows[0].seeds, 'seed')}, another vintage of the data"
    header = ("Model Name", "Dataset", *COLUMNS.values())
    lines = [
        ("LSTM", row.dataset, *(f"{mean:.4f}±{std:.2f}" for mean, std in row.cells.values())) for row in rows
    ]
    return [Table(rows[0].features, title, header, tuple(lines))]
