"""``lstm-bench run``: one configuration, one seed, from bars to metrics."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.options import Track
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.record.layout import TableName
    from lstm_bench.record.record import Record

__all__ = ["run"]

logger = logging.getLogger("lstm_bench")


def run(
    workflow: Annotated[
        Path | None, typer.Argument(help="A Qlib workflow file.", metavar="CONFIG", show_default=False)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The run's seed, over the file's (0 where it has none).", min=0)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="dotted.key=value over the file; aliases follow. Repeatable.", metavar="KEY=VALUE"
        ),
    ] = None,
    provider_uri: Annotated[str | None, typer.Option(help="The Qlib data folder, over the file's.")] = None,
    out: Annotated[Path, typer.Option(help="Where records go.")] = Path("results"),
    experiment: Annotated[
        str | None, typer.Option(help="Folder below it; the file's name by default.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, mps, cuda or cuda:k; all but auto are demands.")
    ] = "auto",
    track: Track = None,
    force: Annotated[bool, typer.Option("--force", help="Compute again what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would run and what it will take; train nothing.")
    ] = False,
) -> None:
    """Train, predict and evaluate one seed of a Qlib workflow file, and record it."""
    from lstm_bench.cli.destination import check_folder
    from lstm_bench.config.experiment import records_folder
    from lstm_bench.config.ready import missing_workflow
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.config.workflow import load_workflow
    from lstm_bench.core.errors import ConfigError

    if workflow is None:
        raise ConfigError(f"CONFIG: none was given, expected a Qlib workflow file{missing_workflow(Path())}")
    config = load_workflow(workflow, _overrides(overrides or [], provider_uri, seed))
    named = {"--experiment": experiment, "experiment_name": config.experiment_name, "CONFIG": workflow.stem}
    folder = records_folder(out, named)
    check_folder("--out", folder)
    tracked = with_tracker(config.lstm_bench.tracking, track)
    if dry_run:
        _preview(config, folder, device, as_json)
        return

    from lstm_bench.cli.live import live_progress
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.run.judgement.finding import say
    from lstm_bench.run.judgement.result import judge_result
    from lstm_bench.run.runner import execute
    from lstm_bench.tracking.factory import open_tracker

    with open_tracker(tracked, out, figure_hook(tracked)) as tracker, live_progress(sys.stderr) as progress:
        record, computed = execute(
            config, folder, device=device, force=force, progress=progress, tracker=tracker
        )
    warnings = [str(finding) for finding in say(judge_result(record))]
    if as_json:
        from lstm_bench.run.contents import without_nan

        answer = {"record": str(record.path), "computed": computed, "metrics": record.metrics()}
        answer |= {"warnings": warnings}
        answer |= {"analysis": _analysis(record), "provenance": record.provenance()}
        print_json(without_nan(answer))
    else:
        _summarise(workflow.stem, record, computed)
        _say_next(record, out)


def _analysis(record: Record) -> dict[str, Any]:
    """Sections of the analysis, and its tables that are not daily as lists of rows."""
    from lstm_bench.record.tables import table_rows

    sections = record.analysis()
    tables: list[TableName] = ["ic_decay", "ic_periods"]
    if "returns" in sections:
        tables.append("drawdowns")
    return sections | {name: table_rows(record.table(name)) for name in tables}


def _overrides(texts: list[str], provider_uri: str | None, seed: int | None) -> list[str | tuple[str, Any]]:
    """Put the options that stand for keys behind the texts of ``--set``: they win."""
    named = {"qlib_init.provider_uri": provider_uri, "task.model.kwargs.seed": seed}
    return [*texts, *((key, value) for key, value in named.items() if value is not None)]


def _preview(config: RunConfig, folder: Path, device: str, as_json: bool) -> None:
    from lstm_bench.config.yaml import dump_yaml
    from lstm_bench.record.rescue import free_bytes
    from lstm_bench.run.runner import preview

    plan = preview(config, device=device, experiment=folder)
    plan["free_mib"] = free_bytes(folder) / 2**20
    if plan["free_mib"] < plan["record_mib"]:
        said = (
            f"--out: {folder} has {plan['free_mib']:.1f} MiB of room, expected {plan['record_mib']:.1f} MiB or "
            "more for the record"
        )
        plan["warnings"].append(said)
        logger.warning("%s", said)
    if as_json:
        print_json(plan)
        return
    typer.echo(dump_yaml(plan["config"]))
    samples = plan["samples"]
    rows = [(f"samples in {segment}", f"{count:,}") for segment, count in samples.items()]
    embargo = plan["embargo"]
    if embargo["days"]:
        barred = f"{counted(embargo['train'], 'sample')} of train, {embargo['valid']:,} of valid"
        rows += [(f"left out by the embargo of {counted(embargo['days'], 'day')}", barred)]
    rows += [
        ("window", f"{counted(plan['window'][0], 'day')} of {counted(plan['window'][1], 'feature')}"),
        ("device", plan["device"]),
        ("training path", f"{plan['training_path']}: {plan['training_path_reason']}"),
    ]
    rows += [("memory, resident data", f"{plan['resident_mib']:.0f} MiB")]
    rows += [("memory, training", f"{plan['training_mib']:.0f} MiB")]
    room = f"{plan['record_mib']:.1f} MiB of {plan['free_mib']:,.0f} MiB that are free in {folder}"
    rows += [("disk, record", room), ("run id", plan["run_id"])]
    print_table("What would run", ["", ""], rows)


def _summarise(title: str, record: Record, computed: bool) -> None:
    provenance = record.provenance()
    training = provenance["training"]
    figures = [[name, f"{value:.6f}"] for name, value in record.metrics().items()]
    print_table(f"{title}, seed {provenance['seed']}", ["metric", "value"], figures)
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in provenance["seconds"].items())
    how = training["status"].replace("_", " ")
    typer.echo(
        f"{how} after {counted(training['epochs'], 'epoch')}, best epoch {training['best_epoch']}, "
        f"on {provenance['device']['name']} ({provenance['device']['training_path']})\n{stages}"
    )
    typer.echo(
        f"{'recorded in' if computed else 'recorded before (--force computes it again):'} {record.path}"
    )


def _say_next(record: Record, results: Path) -> None:
    """Say how the run is looked at, and how it becomes a row."""
    from lstm_bench.bench.manifest import rows_with
    from lstm_bench.cli.run_text import next_commands
    from lstm_bench.record.catalogue import find_entry

    entry = find_entry(str(record.path), results)
    for command, purpose in next_commands(entry, rows_with(record.path), results):
        typer.echo(f"{command}\n    {purpose}")
