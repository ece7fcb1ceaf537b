"""``lstm-bench run``: train, evaluate and record one seed of a configuration."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.options import (
    RESULTS,
    Device,
    Experiment,
    Force,
    Json,
    Out,
    Overrides,
    ProviderUri,
    RunSeed,
    Track,
    argument,
    option,
    takes_options,
)
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_folder
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from lstm_bench.config.sections.tracking import TrackingConfig
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.record.layout import TableName
    from lstm_bench.record.record import Record

__all__ = ["RunOptions", "run"]

logger = logging.getLogger("lstm_bench")


@dataclass(frozen=True)
class RunOptions:
    """Options of ``run``."""

    workflow: Path | None = argument(None, "A Qlib workflow file.", metavar="CONFIG", show_default=False)
    seed: RunSeed = None
    overrides: Overrides = field(default_factory=list)
    provider_uri: ProviderUri = None
    out: Out = RESULTS
    experiment: Experiment = None
    device: Device = "auto"
    track: Track = None
    force: Force = False
    as_json: Json = False
    dry_run: bool = option(False, "Print what would run and what it needs; train nothing.", "--dry-run")


@takes_options
def run(options: RunOptions) -> None:
    """Train one seed of a Qlib workflow file, and record its weights, scores and metrics."""
    from lstm_bench.config.experiment import records_folder
    from lstm_bench.config.ready import missing_workflow
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.config.workflow import load_workflow

    workflow = options.workflow
    if workflow is None:
        raise ConfigError(f"CONFIG: none was given, expected a Qlib workflow file{missing_workflow(Path())}")
    # --set first: the options that stand for keys win
    keys = {"qlib_init.provider_uri": options.provider_uri, "task.model.kwargs.seed": options.seed}
    set_keys = [(key, value) for key, value in keys.items() if value is not None]
    config = load_workflow(workflow, [*options.overrides, *set_keys])
    names = {
        "--experiment": options.experiment,
        "experiment_name": config.experiment_name,
        "CONFIG": workflow.stem,
    }
    folder = records_folder(options.out, names)
    check_folder("--out", folder)
    tracked = with_tracker(config.lstm_bench.tracking, options.track)
    if options.dry_run:
        _preview(config, folder, options)
    else:
        _train(config, folder, tracked, workflow.stem, options)


def _train(config: RunConfig, folder: Path, tracked: TrackingConfig, title: str, options: RunOptions) -> None:
    from lstm_bench.bench.manifest import rows_with
    from lstm_bench.cli.live import live_progress
    from lstm_bench.cli.run_text import print_next
    from lstm_bench.record.catalogue import find_entry
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.run.judgement.finding import log_findings
    from lstm_bench.run.judgement.result import judge_result
    from lstm_bench.run.runner import execute
    from lstm_bench.tracking.factory import open_tracker

    with (
        open_tracker(tracked, options.out, figure_hook(tracked)) as tracker,
        live_progress(sys.stderr) as progress,
    ):
        record, computed = execute(
            config, folder, device=options.device, force=options.force, progress=progress, tracker=tracker
        )
    warnings = [str(finding) for finding in log_findings(judge_result(record))]
    if options.as_json:
        print_json(
            {
                "record": str(record.path),
                "computed": computed,
                "metrics": record.metrics(),
                "warnings": warnings,
                "analysis": _analysis(record),
                "provenance": record.provenance(),
            }
        )
        return
    _print_summary(title, record, computed)
    print_next(find_entry(str(record.path), options.out), rows_with(record.path), options.out)


def _analysis(record: Record) -> dict[str, Any]:
    """Return the analysis's sections, and its tables without daily rows as lists of rows."""
    from lstm_bench.record.tables import table_rows

    sections = record.analysis()
    tables: list[TableName] = ["ic_decay", "ic_periods"]
    if "returns" in sections:
        tables.append("drawdowns")
    return sections | {name: table_rows(record.table(name)) for name in tables}


def _preview(config: RunConfig, folder: Path, options: RunOptions) -> None:
    from lstm_bench.record.rescue import free_bytes
    from lstm_bench.run.runner import preview

    plan = preview(config, device=options.device, experiment=folder)
    plan["free_mib"] = free_bytes(folder) / 2**20
    if plan["free_mib"] < plan["record_mib"]:
        warning = (
            f"--out: {folder} has {plan['free_mib']:.1f} MiB of room, expected {plan['record_mib']:.1f} MiB or "
            "more for the record"
        )
        plan["warnings"].append(warning)
        logger.warning("%s", warning)
    if options.as_json:
        print_json(plan)
        return
    _print_plan(plan, folder)


def _print_plan(plan: dict[str, Any], folder: Path) -> None:
    from lstm_bench.config.yaml import dump_yaml

    typer.echo(dump_yaml(plan["config"]))
    rows = [(f"samples in {segment}", f"{count:,}") for segment, count in plan["samples"].items()]
    embargo = plan["embargo"]
    if embargo["days"]:
        barred = f"{counted(embargo['train'], 'sample')} of train, {embargo['valid']:,} of valid"
        rows += [(f"left out by the embargo of {counted(embargo['days'], 'day')}", barred)]
    room = f"{plan['record_mib']:.1f} MiB of {plan['free_mib']:,.0f} MiB that are free in {folder}"
    rows += [
        ("window", f"{counted(plan['window'][0], 'day')} of {counted(plan['window'][1], 'feature')}"),
        ("device", plan["device"]),
        ("training path", f"{plan['training_path']}: {plan['training_path_reason']}"),
        ("memory, resident data", f"{plan['resident_mib']:.0f} MiB"),
        ("memory, training", f"{plan['training_mib']:.0f} MiB"),
        ("disk, record", room),
        ("run id", plan["run_id"]),
    ]
    print_table("What would run", ["", ""], rows)


def _print_summary(title: str, record: Record, computed: bool) -> None:
    provenance = record.provenance()
    training = provenance["training"]
    figures = [[name, f"{value:.6f}"] for name, value in record.metrics().items()]
    print_table(f"{title}, seed {provenance['seed']}", ["metric", "value"], figures)
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in provenance["seconds"].items())
    how = training["status"].replace("_", " ")
    typer.echo(
        f"{how} after {counted(training['epochs'], 'epoch')}, best epoch {training['best_epoch']}, "
        f"on {provenance['device']['name']} ({provenance['device']['training_path']} path)\n{stages}"
    )
    typer.echo(f"{'recorded in' if computed else 'recorded before (--force trains it again):'} {record.path}")
