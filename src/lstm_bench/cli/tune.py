"""``lstm-bench tune``: search a study's space on the devices at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_bench.cli.options import HASTE_SECONDS, Storage, StudyName, Track
from lstm_bench.cli.output import print_json
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import INTERRUPTED, RunError

if TYPE_CHECKING:
    from lstm_bench.config.study import StudyConfig
    from lstm_bench.tune.driver import TuneResult

__all__ = ["tune"]


def tune(
    study: StudyName = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Trials in all, complete, pruned and failed; again does the rest. The study's number by default.",
            min=1,
        ),
    ] = None,
    more: Annotated[int | None, typer.Option(help="As many on top of those there.", min=1)] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Stop after this long: 90, 30m, 2h. The study's by default.")
    ] = None,
    devices: Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:0,1.")] = "auto",
    slots_per_device: Annotated[
        str, typer.Option(help="Trials at once on a device, or auto: as memory allows.", metavar="K|auto")
    ] = "auto",
    executor: Annotated[str, typer.Option(help="local: processes. inline: in this one, to debug.")] = "local",
    out: Annotated[Path, typer.Option(help="Where records go.")] = Path("results"),
    provider_uri: Annotated[
        str | None, typer.Option(help="Where the study's data lie on this machine, if elsewhere.")
    ] = None,
    track: Track = None,
    storage: Storage = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tune a study: propose, train on the tuning seeds, prune on the validation loss."""
    from lstm_bench.cli.destination import check_folder
    from lstm_bench.cli.live_study import live_tuning
    from lstm_bench.cli.options import given_options, parse_executor, parse_option, parse_slots
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.config.values.duration import parse_duration
    from lstm_bench.exec.devices import discover
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.tracking.factory import open_tracker
    from lstm_bench.tune.driver import tune as run_tuning
    from lstm_bench.tune.recent import choose_study, remember_study
    from lstm_bench.tune.repository.store import open_store

    check_folder("--out", out)
    store = open_store(storage)
    name = choose_study(store, study)
    remember_study(store, name)
    typer.echo(f"study {name} in {store.description}", err=as_json)
    definition = store.definition(name)
    config, tracked = definition.config, with_tracker(definition.tracking, track)
    limit = timeout or config.timeout
    before = store.rows(name)
    finished = sum(trial.is_finished for trial in before)
    total = finished + more if more is not None else trials or config.trials
    with (
        open_tracker(tracked, out, figure_hook(tracked)) as tracker,
        live_tuning(sys.stderr, name, total, before) as progress,
    ):
        result = run_tuning(
            store,
            name,
            trials=trials,
            more=more,
            timeout_seconds=None if limit is None else parse_option("--timeout", limit, parse_duration),
            devices=discover(devices),
            slots_per_device=parse_slots(slots_per_device),
            executor=parse_executor(executor),
            results=out,
            provider_uri=provider_uri,
            progress=progress,
            tracker=tracker,
        )
        if result.interrupted:
            tracker.close(HASTE_SECONDS)
    bench = store.command(
        "bench", "--study", name, "--seeds", 20, *given_options(provider_uri=provider_uri, out=out)
    )
    _report(name, config, result, bench, as_json)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    states = {trial.state for trial in result.trials}
    if "failed" in states and "complete" not in states:
        raise typer.Exit(RunError.exit_code)


def _report(name: str, config: StudyConfig, result: TuneResult, bench: str, as_json: bool) -> None:
    from lstm_bench.cli.trial_table import counts, counts_line, epochs_saved, trial_line
    from lstm_bench.tune.trials import best_trial

    best = best_trial(result.trials)
    saved, of = epochs_saved(result.trials, config.max_epochs)
    if as_json:
        answer = {"study": name, "interrupted": result.interrupted, "out_of_time": result.out_of_time}
        answer |= {"states": counts(result.trials)}
        print_json({**answer, "epochs_saved": saved, "best": None if best is None else best.to_json()})
        return
    typer.echo(counts_line(result.trials))
    if saved:
        typer.echo(f"pruning saved {saved} of {counted(of, 'epoch')}")
    if best is not None:
        typer.echo(f"best: {trial_line(best)}")
    if result.out_of_time:
        typer.echo("time is up; the same command goes on where it was")
    elif result.interrupted:
        typer.echo("stopped before its end; the same command goes on where it was")
    elif best is not None:
        typer.echo(f"next: {bench}")
