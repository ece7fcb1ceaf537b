"""``lstm-bench bench``: train a fixed configuration over seeds and evaluate it on the test segment."""

from __future__ import annotations

import sys
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_bench.cli.options import HASTE_SECONDS, Storage, StudyName, Track
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import INTERRUPTED, RunError, command_line

if TYPE_CHECKING:
    from lstm_bench.bench.candidates import Candidate
    from lstm_bench.bench.driver import BenchResult
    from lstm_bench.bench.manifest import BenchRow
    from lstm_bench.config.sections.tracking import TrackingConfig
    from lstm_bench.tracking.tracker import Tracker

__all__ = ["bench"]


def bench(
    config: Annotated[
        Path | None,
        typer.Argument(help="A Qlib workflow file instead of a study.", metavar="CONFIG", show_default=False),
    ] = None,
    study: StudyName = None,
    top: Annotated[
        int | None,
        typer.Option(
            help="So many of the study's configurations, the best by validation; 1 by default.", min=1
        ),
    ] = None,
    trial: Annotated[
        list[int] | None,
        typer.Option(
            help="These of its trials instead; 0 is Qlib's defaults. Repeatable.", metavar="NUMBER", min=0
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="20 is the first 20 that did not tune; or 0-4, or 3,7.")] = "20",
    provider_uri: Annotated[str | None, typer.Option(help="The Qlib data folder, over the file's.")] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="dotted.key=value over the file. Repeatable.", metavar="KEY=VALUE"),
    ] = None,
    devices: Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:0,1.")] = "auto",
    slots_per_device: Annotated[int, typer.Option(help="Packs at once on a device.", min=1)] = 1,
    pack: Annotated[
        int | None,
        typer.Option(
            help="Seeds trained together; by default shared out over GPUs, one by one on the CPU.", min=1
        ),
    ] = None,
    executor: Annotated[str, typer.Option(help="local: processes. inline: in this one, to debug.")] = "local",
    out: Annotated[Path, typer.Option(help="Where records go.")] = Path("results"),
    track: Track = None,
    storage: Storage = None,
    force: Annotated[bool, typer.Option("--force", help="Compute again what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Memberte a study's best configuration, or a workflow file's, over seeds; runs with a record are kept."""
    from lstm_bench.bench.candidates import candidates_of_file, candidates_of_study, tuning_seeds
    from lstm_bench.bench.driver import bench as run_bench
    from lstm_bench.cli.destination import check_folder
    from lstm_bench.cli.live_study import live_bench
    from lstm_bench.cli.options import given_options, parse_executor, parse_option
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.config.values.seeds import parse_seeds, seed_list
    from lstm_bench.core.errors import ConfigError
    from lstm_bench.exec.devices import discover
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.tracking.factory import open_tracker
    from lstm_bench.tune.recent import choose_study, remember_study
    from lstm_bench.tune.repository.store import open_store

    check_folder("--out", out)
    chosen_seeds = parse_option("--seeds", seeds, parse_seeds)
    where = given_options(provider_uri=provider_uri, out=out)
    if config is not None:
        if study is not None or trial or top is not None:
            raise ConfigError(
                "CONFIG: a workflow file stands for itself; leave --study, --top and --trial out"
            )
        candidates = candidates_of_file(config, overrides or [], provider_uri)
        asked: TrackingConfig = candidates[0].config.lstm_bench.tracking
    else:
        if overrides:
            raise ConfigError("--set: a study's configurations are fixed; it goes with a workflow file")
        if trial and top is not None:
            raise ConfigError("--top and --trial: give one of them")
        store = open_store(storage)
        name = choose_study(store, study)
        remember_study(store, name)
        typer.echo(f"study {name} in {store.description}", err=as_json)
        chosen_seeds = parse_seeds(seeds, without=tuning_seeds(store, name))
        if chosen_seeds != parse_seeds(seeds):
            said = (
                f"seeds {seed_list(chosen_seeds)}, the first {len(chosen_seeds)} that did not serve in tuning"
            )
            typer.echo(said, err=as_json)
        candidates = candidates_of_study(
            store, name, top or 1, trial or [], chosen_seeds, provider_uri, options=where
        )
        asked = store.definition(name).tracking
    tracked = with_tracker(asked, track)
    with open_tracker(tracked, out, figure_hook(tracked)) as tracker, live_bench(sys.stderr) as progress:
        result = run_bench(
            candidates,
            chosen_seeds,
            devices=discover(devices),
            slots_per_device=slots_per_device,
            pack_width=pack,
            executor=parse_executor(executor),
            results=out,
            force=force,
            progress=progress,
            tracker=tracker,
        )
        if result.interrupted:
            tracker.close(HASTE_SECONDS)
        elif result.computed:
            _track_table(tracker, out / candidates[0].study)
    _report(candidates, result, out, as_json)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if any(row.failures for row in result.rows.values()):
        raise typer.Exit(RunError.exit_code)


def _track_table(tracker: Tracker, experiment: Path) -> None:
    """Show a tracker how the study's rows stand now, in a run of the study's own."""
    from lstm_bench.report.leaderboard.study_table import study_table
    from lstm_bench.tracking.tracker import TrackedRun, tracked_id

    study = experiment.name
    run = TrackedRun(
        tracked_id("study", study), f"{study}, leaderboard", study, "study", {}, {"study": study}
    )
    tracker.begin(run)
    tracker.table(run.id, "leaderboard", *study_table(experiment))
    tracker.end(run.id, "complete", {}, {})


def _report(candidates: list[Candidate], result: BenchResult, out: Path, as_json: bool) -> None:
    from lstm_bench.record.record import Record
    from lstm_bench.report.leaderboard.published import COLUMNS
    from lstm_bench.report.leaderboard.study_table import mean_and_std

    folder = out / candidates[0].study
    metrics = {
        label: [Record(folder / name).metrics() for _, name in sorted(row.runs.items())]
        for label, row in result.rows.items()
    }
    warnings = {label: _warnings(folder, row) for label, row in result.rows.items()}
    if as_json:
        rows = {
            label: {
                **row.model_dump(mode="json", exclude={"workflow"}),
                "metrics": {
                    name: dict(zip(("mean", "std"), mean_and_std(name, found), strict=True))
                    for name in COLUMNS
                },
                "warnings": [{"seeds": seeds, "text": text} for text, seeds in warnings[label].items()],
            }
            for (label, row), found in zip(result.rows.items(), metrics.values(), strict=True)
        }
        from lstm_bench.run.contents import without_nan

        print_json(without_nan({"experiment": str(folder), "computed": result.computed, "rows": rows}))
        return
    for label, found in metrics.items():
        row, usable = result.rows[label], [figures for figures in found if figures]
        title = f"{row.study}, {label}: {len(usable)} of {counted(len(row.seeds), 'seed')}"
        if usable:
            cells = [[name, *map(_figure, mean_and_std(name, usable))] for name in COLUMNS]
            mean = "mean" if len(usable) == len(row.seeds) else f"mean of {len(usable)}"
            print_table(title, ["metric", mean, "std"], cells)
        else:
            typer.echo(f"{title} have figures")
        for seed, message in sorted(row.failures.items()):
            typer.echo(f"seed {seed} failed: {message}")
        for text, seeds in warnings[label].items():
            typer.echo(f"warning: seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}: {text}")
    now = f"{counted(result.computed, 'run')} trained now"
    typer.echo(f"{now}; records in {folder}")
    if result.interrupted:
        typer.echo("stopped before its end; the same command goes on where it was")
    else:
        where = () if out == Path("results") else ("--results", out)
        typer.echo(f"next: {command_line('leaderboard', *where)}")


def _warnings(experiment: Path, row: BenchRow) -> dict[str, list[int]]:
    """Say what makes a row's figures meaningless, and those of which seeds."""
    from lstm_bench.record.record import Record
    from lstm_bench.run.judgement.result import judge_result

    found: dict[str, list[int]] = {}
    for seed, name in sorted(row.runs.items()):
        for finding in judge_result(Record(experiment / name)):
            found.setdefault(str(finding), []).append(seed)
    return found


def _figure(value: float) -> str:
    return "" if isnan(value) else f"{value:.4f}"
