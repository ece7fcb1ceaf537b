"""The leaderboard as tables of text: the columns of Qlib's README, how sure they are, and each row's provenance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_bench.report.leaderboard.cell import Cell
from lstm_bench.report.leaderboard.groups import Group
from lstm_bench.report.leaderboard.published import COLUMNS, Reference
from lstm_bench.report.leaderboard.rows import Row
from lstm_bench.report.leaderboard.setting import Kind, Setting

__all__ = ["TITLES", "Line", "Style", "Table", "TextCell", "leaderboard_tables"]

_OURS = ("Seeds", "Parameters", "Training time", "n_epochs", "Epochs run", "Test evaluations")
_NONE = "–"

TITLES: Mapping[Kind, str] = {
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
    """

    compat: bool = False


@dataclass(frozen=True)
class TextCell:
    """A cell.

    Attributes
    ----------
    head, tail : together its first line; the head is the mean, the tail its deviation
    is_best : whether the mean cannot be told from the best of the table
    below : more lines: the interval, the skill
    """

    head: str
    tail: str = ""
    is_best: bool = False
    below: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """The first line, without marks."""
        return f"{self.head}{self.tail}"


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes
    ----------
    model, row : the first cell: a model, and the name of its row; of a reference, why it is no row
    cells : the other cells
    is_reference : whether it was not computed from evidence
    """

    model: str
    row: str
    cells: tuple[TextCell, ...]
    is_reference: bool = False

    @property
    def name(self) -> str:
        """The first cell."""
        return f"{self.model}, {self.row}"


@dataclass(frozen=True)
class Table:
    """A table of text. Its title says what its rows have in common.

    ``evidence`` are the files that its cells are computed from, of the ``studies``. ``has_skill`` says whether its
    rows are compared with baselines, ``has_best`` whether rows that cannot be told from the best are marked,
    ``has_evaluations`` whether evaluations on test were counted, ``lacks_days`` whether a row lacks days.
    """

    features: str
    title: str
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    evidence: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    has_skill: bool = False
    has_best: bool = False
    has_evaluations: bool = False
    lacks_days: bool = False


def leaderboard_tables(
    groups: Sequence[Group], style: Style, evidence_file: Callable[[str], str]
) -> list[Table]:
    """Make a table of each group: its rows, then its reference lines.

    ``evidence_file`` returns the path of a study's evidence file as the document shows it.
    """
    named = _differing(groups)
    return [_table(group, style, evidence_file, named) for group in groups]


def _differing(groups: Iterable[Group]) -> set[str]:
    """Return which of label and numerics differ between tables; titles name only these."""
    settings = [group.setting for group in groups]
    known: dict[str, set[str] | set[int]] = {
        "label": {setting.label for setting in settings},
        "numerics": {setting.numerics for setting in settings if setting.numerics},
    }
    return {name for name, values in known.items() if len(values) > 1}


def _table(group: Group, style: Style, evidence_file: Callable[[str], str], named: set[str]) -> Table:
    header = ("Model Name", "Dataset", *COLUMNS.values(), *_OURS)
    is_reduced = group.setting.kind == "reduced"
    studies = tuple(sorted({row.study for row in group.rows}))
    lines = [_line(row, group, style) for row in group.rows]
    lines += [_reference_line(reference) for reference in group.references]
    return Table(
        features=group.setting.features,
        title=_title(group.setting, named),
        header=(*header, "Reduced") if is_reduced else header,
        lines=tuple(lines),
        evidence=tuple(map(evidence_file, studies)),
        studies=studies,
        has_skill=bool(group.standing.baselines),
        has_best=any(group.standing.best.values()),
        has_evaluations=bool(group.evaluations),
        lacks_days=any(group.standing.lack(row) for row in group.rows),
    )


def _title(setting: Setting, named: set[str]) -> str:
    start, end = setting.test
    data = f"data `{setting.data_fingerprint[:12]}`" if setting.data_fingerprint else "no seed complete"
    text = f"{setting.market} ({setting.region}), test {start} to {end}, {data}"
    if "label" in named:
        text += f", label `{setting.label}`"
    if "numerics" in named and setting.numerics:
        text += f", numerics {setting.numerics}"
    return f"{TITLES[setting.kind]}: {text}" if setting.kind in TITLES else text


def _line(row: Row, group: Group, style: Style) -> Line:
    figures = [_figure(row, metric, group, style) for metric in COLUMNS]
    words = [_seeds(row, group), *_provenance(row), _evaluations(row, group)]
    words += ["; ".join(row.reductions)] if group.setting.kind == "reduced" else []
    return Line(row.model_name, row.name, (TextCell(row.dataset or _NONE), *figures, *map(TextCell, words)))


def _figure(row: Row, metric: str, group: Group, style: Style) -> TextCell:
    cell, skill = row.cell(metric), group.standing.skill(row, metric)
    if cell.n == 0:
        return TextCell(_NONE)
    below = []
    if cell.interval.is_decided:
        below.append(f"[{cell.interval.low:.4f}, {cell.interval.high:.4f}]")
    if skill is not None:
        below.append(f"skill {skill.value:+.4f}")
    is_best = row.name in group.standing.best[metric]
    return TextCell(f"{cell.mean:.4f}", _tail(cell, row, style), is_best, tuple(below))


def _tail(cell: Cell, row: Row, style: Style) -> str:
    """Format the deviation, and the number of seeds if some of the trained seeds have no value."""
    text = f"±{cell.std:.{2 if style.compat else 4}f}" if cell.n > 1 else ""
    seeds = len(row.complete) + row.diverged
    return text if cell.n == seeds or not row.has_seeds else f"{text} ({cell.n} of {seeds} seeds)"


def _seeds(row: Row, group: Group) -> str:
    """Format the number of complete seeds, with remarks."""
    remarks = group.standing.remarks(row)
    return f"{len(row.complete)} ({remarks})" if remarks else str(len(row.complete))


def _provenance(row: Row) -> tuple[str, ...]:
    """Parameters, mean training seconds per seed and the devices, ``n_epochs`` and epochs, as far as known."""
    epochs = [
        number for number in row.known("epochs") if number > 0
    ]  # a model that is not an LSTM trains none
    seconds = row.known("train_seconds")
    devices = sorted({result.device for result in row.complete if result.device})
    return (
        ", ".join(f"{value:,}" for value in row.parameters) or _NONE,
        f"{np.mean(seconds):.1f} s on {', '.join(devices)}" if seconds else _NONE,
        str(row.config.task.model.kwargs.n_epochs) if row.model is None else _NONE,
        f"{np.mean(epochs):.1f} ({min(epochs)}–{max(epochs)})" if epochs else _NONE,
    )


def _evaluations(row: Row, group: Group) -> str:
    """Format the evaluations of the row's runs, and of all on its test data."""
    found = group.evaluations.get(row.name)
    return _NONE if found is None else f"{found.of_row:,} of {found.total:,}"


def _reference_line(reference: Reference) -> Line:
    figures = [
        TextCell(f"{mean:.4f}", "" if np.isnan(std) else f"±{std:.2f}")
        for mean, std in reference.cells.values()
    ]
    seeds = _NONE if reference.seeds is None else str(reference.seeds)
    words = (seeds, *[_NONE] * (len(_OURS) - 1))
    cells = (TextCell(reference.dataset or _NONE), *figures, *map(TextCell, words))
    return Line(reference.name, reference.remark, cells, is_reference=True)
