"""``lstm-bench runs``: list, show, compare and remove the records of runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.completion import RunArgument, RunArguments
from lstm_bench.cli.options import RESULTS, Json, Results, option, parse_option, takes_options
from lstm_bench.cli.output import print_json, size_text
from lstm_bench.cli.paths import check_results
from lstm_bench.cli.run_text import entry_object, entry_title, print_difference, print_list, print_run
from lstm_bench.core.errors import InputError

if TYPE_CHECKING:
    from lstm_bench.record.catalogue import CatalogueEntry
    from lstm_bench.report.runs.selection import Selection

__all__ = ["app"]

app = typer.Typer(help="List, show, compare and remove the records of runs.", no_args_is_help=True)


@dataclass(frozen=True)
class ListOptions:
    """Options of ``runs list``."""

    results: Results = RESULTS
    experiment: list[str] = option(list, "Only this experiment's runs. Repeatable.", metavar="NAME")
    features: list[str] = option(list, "Only runs of this feature set. Repeatable.", metavar="SET")
    seed: str | None = option(None, "Only these seeds: 3, or 3,7, or 0-4.", metavar="SEEDS")
    since: str | None = option(None, "Only runs that began on this day or later.", metavar="YYYY-MM-DD")
    until: str | None = option(None, "Only runs that began on this day or earlier.", metavar="YYYY-MM-DD")
    where: list[str] = option(
        list,
        "A condition on a metric, epochs or seconds, such as 'IC>0.03'. Repeatable.",
        metavar="CONDITION",
    )
    sort: str = option(
        "started",
        "A metric, started, seed, epochs, seconds, experiment or features; greatest or newest first.",
        metavar="KEY",
    )
    reverse: bool = option(False, "Reverse the order.", "--reverse")
    limit: int | None = option(None, "Most runs to list.", min=1)
    as_json: Json = False


@app.command("list")
@takes_options
def list_command(options: ListOptions) -> None:
    """List runs with their main figures, newest first, and damaged records with what is wrong."""
    from lstm_bench.record.catalogue import list_runs

    check_results(options.results)
    selection = _selection(options)
    entries = list_runs(options.results)
    selected = selection.of(entries)
    if options.as_json:
        print_json({"runs": [entry_object(entry) for entry in selected], "of": len(entries)})
        return
    print_list(selected, len(entries), selection, options.results)


def _selection(options: ListOptions) -> Selection:
    from lstm_bench.report.runs.selection import Condition, Selection

    return Selection(
        experiments=tuple(options.experiment),
        features=tuple(options.features),
        seeds=() if options.seed is None else parse_option("--seed", options.seed, _seeds),
        since=None if options.since is None else parse_option("--since", options.since, _day),
        until=None if options.until is None else parse_option("--until", options.until, _day),
        conditions=tuple(parse_option("--where", text, Condition.parse) for text in options.where),
        sort=parse_option("--sort", options.sort, Selection.parse_sort),
        is_reversed=options.reverse,
        limit=options.limit,
    )


@app.command("show")
def show_command(run: RunArgument, results: Results = RESULTS, as_json: Json = False) -> None:
    """Show a run's figures, configuration and origin in brief, and the commands that use it."""
    from lstm_bench.bench.manifest import rows_with
    from lstm_bench.record.catalogue import find_entry

    entry = find_entry(run, results)
    rows = rows_with(entry.path)
    if as_json:
        print_json(entry_object(entry) | {"rows": rows} | _contents(entry))
        return
    print_run(entry, rows, results)


@app.command("diff")
def diff_command(a: RunArgument, b: RunArgument, results: Results = RESULTS, as_json: Json = False) -> None:
    """Show how two runs differ: configuration, data, code, machine, training and metrics."""
    from lstm_bench.record.saved import find_record
    from lstm_bench.report.runs.difference import compare_runs

    records = find_record(a, results), find_record(b, results)
    found = compare_runs(*records)
    if as_json:
        paths = {"a": str(records[0].path), "b": str(records[1].path)}
        print_json(paths | found)
        return
    print_difference(records, found)


@app.command("rm")
def rm_command(
    runs: RunArguments,
    results: Results = RESULTS,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Free disk space: remove records, with their controls. A run that is being written is refused."""
    from lstm_bench.record.catalogue import find_entry
    from lstm_bench.record.publish import check_idle, folder_size, remove
    from lstm_bench.run.controls.document import remove_controls

    entries = {entry.path.resolve(): entry for entry in (find_entry(run, results) for run in runs)}
    for path in entries:
        check_idle(path)
    if not yes:
        _ask(list(entries.values()), sum(folder_size(path) for path in entries))
    freed = sum(remove(path) + remove_controls(path) for path in entries)
    if as_json:
        print_json({"removed": [str(entry.path) for entry in entries.values()], "bytes": freed})
        return
    removed = "1 record" if len(entries) == 1 else f"{len(entries)} records"
    typer.echo(f"removed {removed}; {size_text(freed)} freed")


def _seeds(text: str) -> tuple[int, ...]:
    """Parse seeds; a single number is that seed."""
    from lstm_bench.config.values.seeds import parse_seeds

    return (int(text),) if text.strip().isdecimal() else parse_seeds(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"got {text!r}, expected a day such as 2026-01-31") from error


def _contents(entry: CatalogueEntry) -> dict[str, Any]:
    """Read the configuration and the provenance of a record; None if it cannot be read."""
    from lstm_bench.record.record import Record

    contents: dict[str, Any] = {"config": None, "provenance": None}
    record = Record(entry.path)
    try:
        contents["provenance"] = record.provenance()
        contents["config"] = record.config().to_file()
    except InputError:  # the entry's fault names the reason
        pass
    return contents


def _ask(entries: list[CatalogueEntry], size: int) -> None:
    """Ask for confirmation; exit if it is refused."""
    from lstm_bench.bench.manifest import rows_with

    for entry in entries:
        rows = "".join(f"; the row {row} keeps its evidence" for row in rows_with(entry.path))
        typer.echo(f"{entry_title(entry)}{rows}")
    what = "this record" if len(entries) == 1 else f"these {len(entries)} records"
    if not sys.stdin.isatty():
        raise InputError(f"rm: stdin is no terminal to confirm on; --yes removes {what} without asking")
    if not typer.confirm(f"Remove {what}, {size_text(size)}?"):
        typer.echo("nothing removed")
        raise typer.Exit
