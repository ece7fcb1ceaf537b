"""``lstm-bench tune``: search a study's space on the devices at hand."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from lstm_bench.cli.options import (
    RESULTS,
    TRACKER_CLOSE_SECONDS,
    Devices,
    ExecutorOption,
    Json,
    Out,
    Storage,
    StudyName,
    Track,
    location_options,
    option,
    parse_executor,
    parse_option,
    parse_slots,
    takes_options,
)
from lstm_bench.cli.output import print_json
from lstm_bench.cli.paths import check_folder
from lstm_bench.cli.study_text import use_study
from lstm_bench.cli.trial_table import outcome_object, print_outcome
from lstm_bench.core.errors import INTERRUPTED, RunError

if TYPE_CHECKING:
    from lstm_bench.tune.driver import TuneResult
    from lstm_bench.tune.repository.store import Store

__all__ = ["TuneOptions", "tune"]


@dataclass(frozen=True)
class TuneOptions:
    """Options of ``tune``."""

    study: StudyName = None
    trials: int | None = option(
        None,
        "Number of trials to reach: complete, pruned and failed ones count, those of earlier calls too. By "
        "default the study's.",
        min=1,
    )
    more: int | None = option(None, "Number of trials to add to the finished ones.", min=1)
    timeout: str | None = option(None, "Stop after this time: 90, 30m, 2h. By default the study's.")
    devices: Devices = "auto"
    slots_per_device: str = option(
        "auto", "Trials at the same time on a device; auto: as many as memory allows.", metavar="K|auto"
    )
    executor: ExecutorOption = "local"
    out: Out = RESULTS
    provider_uri: str | None = option(
        None, "Folder of the study's data on this machine, if it is another one."
    )
    track: Track = None
    storage: Storage = None
    as_json: Json = False


@takes_options
def tune(options: TuneOptions) -> None:
    """Find a study's best configuration: train trials on the tuning seeds and prune by validation loss."""
    check_folder("--out", options.out)
    store, name = use_study(options.storage, options.study, as_json=options.as_json)
    result = _run(store, name, options)
    _report(store, name, result, options)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    states = {trial.state for trial in result.trials}
    if "failed" in states and "complete" not in states:
        raise typer.Exit(RunError.exit_code)


def _run(store: Store, name: str, options: TuneOptions) -> TuneResult:
    from lstm_bench.cli.live_study import live_tuning
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.config.values.duration import parse_duration
    from lstm_bench.exec.devices import discover
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.tracking.factory import open_tracker
    from lstm_bench.tune.driver import tune as run_tuning

    definition = store.definition(name)
    config, tracked = definition.config, with_tracker(definition.tracking, options.track)
    timeout = options.timeout or config.timeout
    before = store.rows(name)
    finished = sum(trial.is_finished for trial in before)
    total = options.trials or config.trials if options.more is None else finished + options.more
    with (
        open_tracker(tracked, options.out, figure_hook(tracked)) as tracker,
        live_tuning(sys.stderr, name, total, before) as progress,
    ):
        result = run_tuning(
            store,
            name,
            trials=options.trials,
            more=options.more,
            timeout_seconds=None if timeout is None else parse_option("--timeout", timeout, parse_duration),
            devices=discover(options.devices),
            slots_per_device=parse_slots(options.slots_per_device),
            executor=parse_executor(options.executor),
            results=options.out,
            provider_uri=options.provider_uri,
            progress=progress,
            tracker=tracker,
        )
        if result.interrupted:
            tracker.close(TRACKER_CLOSE_SECONDS)
    return result


def _report(store: Store, name: str, result: TuneResult, options: TuneOptions) -> None:
    max_epochs = store.definition(name).config.max_epochs
    outcome = outcome_object(result.trials, max_epochs)
    if options.as_json:
        print_json(
            {"study": name, "interrupted": result.interrupted, "out_of_time": result.out_of_time, **outcome}
        )
        return
    print_outcome(result.trials, max_epochs)
    if result.out_of_time:
        typer.echo("time is up; the same command continues")
    elif result.interrupted:
        typer.echo("interrupted; the same command continues")
    elif outcome["best"] is not None:
        where = location_options(options.provider_uri, options.out)
        typer.echo(f"next: {store.command('bench', '--study', name, '--seeds', 20, *where)}")
