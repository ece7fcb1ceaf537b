"""``lstm-bench runs``: the records of runs, listed, looked at, compared and removed."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.completion import RunArgument, RunArguments
from lstm_bench.cli.options import check_evidence, parse_option
from lstm_bench.cli.output import print_json, size_text
from lstm_bench.cli.run_text import entry_object, entry_title, print_difference, print_list, print_run

if TYPE_CHECKING:
    from lstm_bench.record.catalogue import CatalogueEntry

__all__ = ["app"]

app = typer.Typer(help="List, look at, compare and remove the records of runs.", no_args_is_help=True)

Results = Annotated[Path, typer.Option(help="Where the records are.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_command(
    results: Results = Path("results"),
    experiment: Annotated[
        list[str] | None, typer.Option(help="Only this experiment's runs. Repeatable.", metavar="NAME")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option(help="Only runs of this feature set. Repeatable.", metavar="SET")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(help="Only these seeds: 3, or 3,7, or 0-4.", metavar="SEEDS")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only runs that began on this day or later.", metavar="YYYY-MM-DD")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only runs that began on this day or before.", metavar="YYYY-MM-DD")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="A condition on a metric, or on epochs or seconds, such as 'IC>0.03'. Repeatable.",
            metavar="CONDITION",
        ),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            help="A metric, started, seed, epochs, seconds, experiment or features; the greatest or newest first.",
            metavar="KEY",
        ),
    ] = "started",
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    limit: Annotated[int | None, typer.Option(help="At most so many.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """List runs with their main figures, the newest first; damaged records with what is wrong."""
    from lstm_bench.record.catalogue import list_runs
    from lstm_bench.report.runs.selection import Condition, Selection

    check_evidence(results)
    selection = Selection(
        experiments=tuple(experiment or ()),
        features=tuple(features or ()),
        seeds=() if seed is None else parse_option("--seed", seed, _seeds),
        since=None if since is None else parse_option("--since", since, _day),
        until=None if until is None else parse_option("--until", until, _day),
        conditions=tuple(parse_option("--where", text, Condition.parse) for text in where or ()),
        sort=parse_option("--sort", sort, Selection.parse_sort),
        is_reversed=reverse,
        limit=limit,
    )
    there = list_runs(results)
    chosen = selection.of(there)
    if as_json:
        from lstm_bench.run.contents import without_nan

        print_json(without_nan({"runs": [entry_object(entry) for entry in chosen], "of": len(there)}))
        return
    print_list(chosen, len(there), selection, results)


@app.command("show")
def show_command(run: RunArgument, results: Results = Path("results"), as_json: AsJson = False) -> None:
    """Show a run's figures, configuration and origin in brief, and what can be done with it."""
    from lstm_bench.bench.manifest import rows_with
    from lstm_bench.record.catalogue import find_entry

    entry = find_entry(run, results)
    rows = rows_with(entry.path)
    if as_json:
        from lstm_bench.run.contents import without_nan

        print_json(without_nan(entry_object(entry) | {"rows": rows} | _contents(entry)))
        return
    print_run(entry, rows, results)


@app.command("diff")
def diff_command(
    a: RunArgument, b: RunArgument, results: Results = Path("results"), as_json: AsJson = False
) -> None:
    """Say what differs between two runs: configuration, data, code, machine, training and metrics."""
    from lstm_bench.record.saved import find_record
    from lstm_bench.report.runs.difference import compare_runs

    records = find_record(a, results), find_record(b, results)
    found = compare_runs(*records)
    if as_json:
        from lstm_bench.run.contents import without_nan

        paths = {"a": str(records[0].path), "b": str(records[1].path)}
        print_json(without_nan(paths | {name: dict(part) for name, part in found.sections().items()}))
        return
    print_difference(records, found)


@app.command("rm")
def rm_command(
    runs: RunArguments,
    results: Results = Path("results"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove records, and say what that frees. A run that is being written is refused."""
    from lstm_bench.record.catalogue import find_entry
    from lstm_bench.record.publish import check_idle, folder_size, remove

    entries = {entry.path.resolve(): entry for entry in (find_entry(run, results) for run in runs)}
    for path in entries:
        check_idle(path)
    if not yes:
        _ask(list(entries.values()), sum(folder_size(path) for path in entries))
    freed = sum(remove(path) for path in entries)
    if as_json:
        print_json({"removed": [str(entry.path) for entry in entries.values()], "bytes": freed})
        return
    removed = "1 record" if len(entries) == 1 else f"{len(entries)} records"
    typer.echo(f"removed {removed}; {size_text(freed)} are free")


def _seeds(text: str) -> tuple[int, ...]:
    """Read seeds; one number is that seed."""
    from lstm_bench.config.values.seeds import parse_seeds

    return (int(text),) if text.strip().isdecimal() else parse_seeds(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"got {text!r}, expected a day such as 2026-01-31") from error


def _contents(entry: CatalogueEntry) -> dict[str, Any]:
    """Read the configuration and the provenance of a record; None where one cannot be read."""
    from lstm_bench.core.errors import InputError
    from lstm_bench.record.record import Record

    found: dict[str, Any] = {"config": None, "provenance": None}
    record = Record(entry.path)
    try:
        found["provenance"] = record.provenance()
        found["config"] = record.config().to_file()
    except InputError:  # what is wrong is in the entry's fault
        pass
    return found


def _ask(entries: list[CatalogueEntry], size: int) -> None:
    """Ask whether records shall be removed.

    Raises
    ------
    InputError
        Where nobody is there to answer.
    """
    from lstm_bench.bench.manifest import rows_with
    from lstm_bench.core.errors import InputError

    for entry in entries:
        rows = "".join(f"; the row {row} keeps its evidence" for row in rows_with(entry.path))
        typer.echo(f"{entry_title(entry)}{rows}")
    what = "this record" if len(entries) == 1 else f"these {len(entries)} records"
    if not sys.stdin.isatty():
        raise InputError(f"rm: nobody can be asked whether to remove {what}; --yes removes without asking")
    if not typer.confirm(f"Remove {what}, {size_text(size)}?"):
        typer.echo("nothing is removed")
        raise typer.Exit
