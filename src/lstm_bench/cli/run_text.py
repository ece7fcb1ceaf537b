"""Runs as text: a list, one run, and the difference between two."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.options import RESULTS
from lstm_bench.cli.output import duration, print_columns, print_pairs, size_text, terminal_width
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from lstm_bench.record.catalogue import CatalogueEntry
    from lstm_bench.record.record import Record
    from lstm_bench.report.runs.difference import Pair
    from lstm_bench.report.runs.selection import Selection

__all__ = [
    "entry_object",
    "entry_title",
    "next_commands",
    "print_difference",
    "print_list",
    "print_next",
    "print_run",
]

_MISSING = "–"
_SHORT = 8
"""Characters of a shortened id."""
_WIDE = 100
"""Narrowest terminal that shows ids and times in full."""
_SHOWN = ("IC", "Rank IC", "1day.excess_return_with_cost.annualized_return")
_BRIEF = (
    "Features", "Label", "Instruments", "Train", "Valid", "Test", "Network", "Loss", "Optimizer", "Epochs",
    "Strategy",
)  # fmt: skip
"""Rows of the configuration table that ``runs show`` prints."""
_OF_LSTM = ("Network", "Loss", "Optimizer", "Epochs")
"""Those of them that say nothing about scores of another model."""
_METRIC_TITLES = {"1day.excess_return_with_cost.annualized_return": "Return"}
_FIXED_COLUMNS = ("seed", "started", "experiment", "features")
_STATES = {"damaged": "is damaged", "being written": "is being written", "diverged": "diverged"}


def _short_id(entry: CatalogueEntry) -> str:
    """Return the beginning of a run's id."""
    return entry.id[:_SHORT]


def _results_option(results: Path) -> str:
    """Return ``--results`` for a suggested command, with a blank before it; nothing for the default folder."""
    return "" if results == RESULTS else f" --results {shlex.quote(str(results))}"


def entry_title(entry: CatalogueEntry) -> str:
    """Return a run's experiment, seed and folder."""
    seed = "" if entry.seed is None else f", seed {entry.seed}"
    return f"{entry.experiment}{seed}: {entry.path}"


def entry_object(entry: CatalogueEntry) -> dict[str, Any]:
    """Return a run as plain data."""
    return {
        "run": entry.id,
        "path": str(entry.path),
        "experiment": entry.experiment,
        "state": entry.state,
        "fault": entry.fault or None,
        "features": entry.features,
        "model": None if entry.model is None else entry.model.to_json(),
        "seed": entry.seed,
        "started": None if entry.started is None else entry.started.isoformat(),
        "status": entry.status,
        "epochs": entry.epochs,
        "best_epoch": entry.best_epoch,
        "seconds": entry.seconds,
        "data_fingerprint": entry.data_fingerprint,
        "metrics": None if entry.metrics is None else dict(entry.metrics),
    }


def print_list(entries: Sequence[CatalogueEntry], total: int, selection: Selection, results: Path) -> None:
    """Print the selected runs of ``total``, one per line, and below them the faults of damaged ones."""
    if not total:
        typer.echo(f"{results} has no run yet; lstm-bench run CONFIG makes one")
        return
    if not entries:
        typer.echo(f"{counted(total, 'run')} in {results}; none matches")
        return
    width = terminal_width()
    is_wide = width is None or width >= _WIDE
    requested = [condition.figure for condition in selection.conditions] + [selection.sort]
    more = [name for name in dict.fromkeys(requested) if name not in (*_SHOWN, *_FIXED_COLUMNS)]
    metrics = [*_SHOWN, *more]
    titles = [_METRIC_TITLES.get(name, name) for name in metrics]
    headers = ["Run", "Experiment", "Features", "Started", "Seed", *titles]
    print_columns(headers, [_line(entry, metrics, is_wide) for entry in entries], words=4)
    for entry in entries:
        if entry.state in _STATES:
            fault = f": {entry.fault}" if entry.fault else ""
            typer.echo(f"{entry.experiment}/{_short_id(entry)} {_STATES[entry.state]}{fault}")
    of_total = f" of {total}" if len(entries) < total else ""
    typer.echo(
        f"{counted(len(entries), 'run')}{of_total}; lstm-bench runs show RUN"
        f"{_results_option(results)} shows one"
    )


def _line(entry: CatalogueEntry, metrics: Sequence[str], is_wide: bool) -> list[str]:
    from lstm_bench.report.runs.selection import figure_of

    return [
        entry.id if is_wide else _short_id(entry),
        entry.experiment,
        entry.features or _MISSING,
        _moment(entry.started, is_wide),
        _MISSING if entry.seed is None else str(entry.seed),
        *(_figure(figure_of(entry, name)) for name in metrics),
    ]


def _moment(moment: datetime | None, is_wide: bool) -> str:
    form = "%Y-%m-%d %H:%M" if is_wide else "%Y-%m-%d"
    return _MISSING if moment is None else f"{moment.astimezone():{form}}"


def _figure(value: float) -> str:
    if math.isnan(value):
        return _MISSING
    return f"{value:.0f}" if value.is_integer() and abs(value) >= 1 else f"{value:.4f}"


def print_run(entry: CatalogueEntry, rows: Sequence[str], results: Path) -> None:
    """Print a run's figures, configuration and origin in brief, its leaderboard ``rows``, and commands that use it."""
    from lstm_bench.record.publish import folder_size
    from lstm_bench.report.leaderboard.published import COLUMNS

    typer.echo(f"{entry_title(entry)}, {size_text(folder_size(entry.path))}")
    if entry.fault or entry.state == "being written":
        typer.echo(f"this record {_STATES[entry.state]}{f': {entry.fault}' if entry.fault else ''}")
    if entry.status is not None:
        took = "" if entry.seconds is None else f", {duration(entry.seconds)} in all"
        trained = (
            f"{entry.status.replace('_', ' ')} after {counted(entry.epochs or 0, 'epoch')}, "
            f"best epoch {entry.best_epoch}"
        )
        done = trained if entry.model is None else f"model: {entry.model.name}"
        typer.echo(f"{done}; started {_moment(entry.started, True)}{took}")
    typer.echo()
    metrics = entry.metrics or {}
    if lines := [[title, f"{metrics[name]:.6f}"] for name, title in COLUMNS.items() if name in metrics]:
        print_columns(["metric", "value"], lines)
        typer.echo()
    pairs = [*_configuration(entry), *_origin(entry), *(("Row", row) for row in rows)]
    if pairs:
        print_pairs(pairs)
        typer.echo()
    print_next(entry, rows, results)


def _configuration(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    from lstm_bench.config.workflow import load_workflow
    from lstm_bench.report.pages.configuration_table import configuration_table

    if not (entry.path / "config.yaml").is_file():
        return
    try:
        config = load_workflow(entry.path / "config.yaml").resolved()
    except ConfigError as error:
        yield "Configuration", f"cannot be read: {error}"
        return
    left_out = () if entry.model is None else _OF_LSTM
    for name, text in configuration_table(config, None, None).lines:
        if name.text in _BRIEF and name.text not in left_out:
            yield name.text, text.text


def _origin(entry: CatalogueEntry) -> Iterator[tuple[str, str]]:
    provenance = _provenance(entry)
    if "data_fingerprint" in provenance:
        kind, span = ", synthetic" if provenance.get("synthetic") else "", ""
        calendar = provenance.get("calendar")
        if isinstance(calendar, list) and len(calendar) == 2:
            span = f", {calendar[0]} to {calendar[1]}"
        yield "Data", f"{str(provenance['data_fingerprint'])[:12]}{span}{kind}"
    git = provenance.get("git")
    if isinstance(git, Mapping):
        dirty = ", with uncommitted changes" if git.get("dirty") else ""
        yield "Code", f"{str(git.get('commit'))[:12]}{dirty}"
    packages, device = provenance.get("packages"), provenance.get("device")
    if isinstance(packages, Mapping):
        named = [f"{name} {packages[name]}" for name in ("lstm-bench", "torch") if name in packages]
        yield "Versions", ", ".join([*named, f"Python {provenance.get('python')}"])
    if isinstance(device, Mapping):
        yield "Device", f"{device.get('name')}, {device.get('model') or provenance.get('processor')}"
    if command := _command(provenance):
        yield "Command", command


def _command(provenance: Mapping[str, Any]) -> str:
    words = provenance.get("command")
    if not isinstance(words, list) or not words:
        return ""
    return shlex.join(["lstm-bench" if words[0] == "__main__.py" else str(words[0]), *map(str, words[1:])])


def _provenance(entry: CatalogueEntry) -> Mapping[str, Any]:
    """Read the provenance of a record; nothing if it cannot be read."""
    from lstm_bench.record.record import Record

    try:
        return dict(Record(entry.path).provenance())
    except DataError:
        return {}


def print_next(entry: CatalogueEntry, rows: Sequence[str], results: Path) -> None:
    """Print the commands that use a run, each with its purpose."""
    for command, purpose in next_commands(entry, rows, results):
        typer.echo(f"{command}\n    {purpose}")


def next_commands(entry: CatalogueEntry, rows: Sequence[str], results: Path) -> Iterator[tuple[str, str]]:
    """Yield the commands that use a run, each with its purpose."""
    where, run = _results_option(results), _short_id(entry)
    if entry.state == "being written":
        return
    if entry.state in ("damaged", "diverged"):
        command = _command(_provenance(entry))
        if command.startswith("lstm-bench"):
            yield f"{command} --force", "trains it again"
        yield f"lstm-bench runs rm {run}{where}", "removes it"
        return
    yield f"lstm-bench report {run}{where}", "writes a page of its figures"
    if entry.model is None:
        yield f"lstm-bench predict {run}{where}", "scores new days with its weights"
    if rows:
        yield f"lstm-bench leaderboard{where}", f"shows it in the row {', '.join(rows)}"
    elif _may_be_evidence(entry.experiment):
        yield (
            f"lstm-bench leaderboard --include {shlex.quote(entry.experiment)}{where}",
            f"makes rows of all runs in {entry.experiment}: one per configuration, over its seeds",
        )


def _may_be_evidence(experiment: str) -> bool:
    from lstm_bench.config.experiment import check_evidence_name

    try:
        check_evidence_name(experiment)
    except ValueError:
        return False
    return True


def print_difference(records: tuple[Record, Record], found: Mapping[str, Mapping[str, Pair]]) -> None:
    """Print how two runs differ, part by part."""
    a, b = records
    typer.echo(f"A {a.path}\nB {b.path}")
    sections = {name: part for name, part in found.items() if part}
    if not sections:
        typer.echo("nothing differs")
    for name, part in sections.items():
        typer.echo()
        if name == "metrics":
            lines = [[key, _signed(x), _signed(y), _signed(y - x)] for key, (x, y) in part.items()]
            print_columns([name, "A", "B", "B - A"], lines)
        else:
            lines = [[key, _value(x), _value(y)] for key, (x, y) in part.items()]
            print_columns([name, "A", "B"], lines, words=3)


def _signed(value: float) -> str:
    return _MISSING if math.isnan(value) else f"{value:.6f}"


def _value(value: Any) -> str:
    if value is None:
        return _MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)
