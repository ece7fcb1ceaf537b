"""``lstm-bench bench``: train a fixed configuration over seeds and evaluate it on the test segment."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.options import (
    RESULTS,
    TRACKER_CLOSE_SECONDS,
    Devices,
    ExecutorOption,
    Force,
    Json,
    Out,
    Overrides,
    ProviderUri,
    Storage,
    StudyName,
    Track,
    argument,
    location_options,
    option,
    parse_executor,
    parse_option,
    takes_options,
)
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_folder
from lstm_bench.cli.study_text import use_study
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import INTERRUPTED, ConfigError, RunError, command_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lstm_bench.bench.candidates import Candidate
    from lstm_bench.bench.driver import BenchResult
    from lstm_bench.bench.manifest import BenchRow
    from lstm_bench.config.sections.tracking import TrackingConfig
    from lstm_bench.tracking.tracker import Tracker

__all__ = ["BenchOptions", "bench"]


@dataclass(frozen=True)
class BenchOptions:
    """Options of ``bench``."""

    config: Path | None = argument(
        None, "A Qlib workflow file instead of a study.", metavar="CONFIG", show_default=False
    )
    study: StudyName = None
    top: int | None = option(
        None, "Number of the study's best configurations by validation; by default 1.", min=1
    )
    trial: list[int] = option(
        list,
        "A trial to take instead of the best; 0 has the workflow's values. Repeatable.",
        metavar="NUMBER",
        min=0,
    )
    seeds: str = option("20", "20: the first 20 seeds that tuning did not use. 0-4 and 3,7 name the seeds.")
    provider_uri: ProviderUri = None
    name: str | None = option(
        None, "The row's name, for a workflow file; by default the file's.", metavar="ROW", show_default=False
    )
    overrides: Overrides = field(default_factory=list)
    devices: Devices = "auto"
    slots_per_device: int = option(1, "Packs at the same time on a device.", min=1)
    pack: int | None = option(
        None,
        "Seeds of a pack, which train together; by default one on a CPU, on GPUs the seeds shared out.",
        min=1,
    )
    ensemble: bool = option(
        False, "Also make a row ROW-ensemble of the seeds' averaged scores.", "--ensemble"
    )
    executor: ExecutorOption = "local"
    out: Out = RESULTS
    track: Track = None
    storage: Storage = None
    force: Force = False
    as_json: Json = False


@takes_options
def bench(options: BenchOptions) -> None:
    """Make a leaderboard row: train a study's best configuration, or a workflow file's, over seeds.

    Seeds that have a record are not trained again.
    """
    check_folder("--out", options.out)
    candidates, seeds, configured = (
        _candidates_of_study(options) if options.config is None else _candidates_of_file(options)
    )
    result = _run(candidates, seeds, configured, options)
    _report(candidates[0].study, result, options)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if any(row.failures for row in result.rows.values()):
        raise typer.Exit(RunError.exit_code)


def _candidates_of_file(options: BenchOptions) -> tuple[list[Candidate], Sequence[int], TrackingConfig]:
    """Return what to train, with which seeds, and the tracking that the file requests."""
    from lstm_bench.bench.candidates import candidates_of_file
    from lstm_bench.config.values.seeds import parse_seeds

    assert options.config is not None
    seeds = parse_option("--seeds", options.seeds, parse_seeds)
    if options.study is not None or options.trial or options.top is not None:
        raise ConfigError("CONFIG: a workflow file needs no study; leave --study, --top and --trial out")
    candidates = candidates_of_file(options.config, options.overrides, options.provider_uri, options.name)
    return candidates, seeds, candidates[0].config.lstm_bench.tracking


def _candidates_of_study(options: BenchOptions) -> tuple[list[Candidate], Sequence[int], TrackingConfig]:
    """Return what to train, with which seeds, and the tracking that the study requests."""
    from lstm_bench.bench.candidates import candidates_of_study, tuning_seeds
    from lstm_bench.config.values.seeds import parse_seeds, seed_list

    requested = parse_option("--seeds", options.seeds, parse_seeds)
    if options.overrides:
        raise ConfigError("--set: a study's configurations are fixed; it goes with a workflow file")
    if options.name is not None:
        raise ConfigError("--name: a study's rows are named after its trials; it goes with a workflow file")
    if options.trial and options.top is not None:
        raise ConfigError("--top and --trial: give one of them")
    store, name = use_study(options.storage, options.study, as_json=options.as_json)
    seeds = parse_seeds(options.seeds, without=tuning_seeds(store, name))
    if seeds != requested:
        text = f"seeds {seed_list(seeds)}, the first {len(seeds)} that tuning did not use"
        typer.echo(text, err=options.as_json)
    where = location_options(options.provider_uri, options.out)
    candidates = candidates_of_study(
        store, name, options.top or 1, options.trial, seeds, options.provider_uri, options=where
    )
    return candidates, seeds, store.definition(name).tracking


def _run(
    candidates: Sequence[Candidate], seeds: Sequence[int], configured: TrackingConfig, options: BenchOptions
) -> BenchResult:
    from lstm_bench.bench.driver import bench as run_bench
    from lstm_bench.cli.live_study import live_bench
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.exec.devices import discover
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.tracking.factory import open_tracker

    tracked = with_tracker(configured, options.track)
    with (
        open_tracker(tracked, options.out, figure_hook(tracked)) as tracker,
        live_bench(sys.stderr) as progress,
    ):
        result = run_bench(
            candidates,
            seeds,
            devices=discover(options.devices),
            slots_per_device=options.slots_per_device,
            pack_width=options.pack,
            executor=parse_executor(options.executor),
            results=options.out,
            force=options.force,
            ensemble=options.ensemble,
            progress=progress,
            tracker=tracker,
        )
        if result.interrupted:
            tracker.close(TRACKER_CLOSE_SECONDS)
        elif result.computed:
            _track_table(tracker, options.out / candidates[0].study)
    return result


def _track_table(tracker: Tracker, experiment: Path) -> None:
    """Send the study's rows to a tracker, as a separate run."""
    from lstm_bench.report.leaderboard.study_table import study_table
    from lstm_bench.tracking.tracker import TrackedRun, tracked_id

    study = experiment.name
    run = TrackedRun(
        tracked_id("study", study), f"{study}, leaderboard", study, "study", {}, {"study": study}
    )
    tracker.begin(run)
    tracker.table(run.id, "leaderboard", *study_table(experiment))
    tracker.end(run.id, "complete", {}, {})


def _report(study: str, result: BenchResult, options: BenchOptions) -> None:
    from lstm_bench.record.record import Record
    from lstm_bench.report.leaderboard.published import COLUMNS
    from lstm_bench.report.leaderboard.study_table import mean_and_std
    from lstm_bench.run.judgement.result import judge_result

    folder = options.out / study
    objects: dict[str, Any] = {}
    for label, row in result.rows.items():
        records = {seed: Record(folder / name) for seed, name in sorted(row.runs.items())}
        metrics = [record.metrics() for record in records.values()]
        figures = {name: mean_and_std(name, metrics) for name in COLUMNS}
        warnings: dict[str, list[int]] = {}  # why figures mean nothing -> the seeds concerned
        for seed, record in records.items():
            for finding in judge_result(record):
                warnings.setdefault(str(finding), []).append(seed)
        if options.as_json:
            objects[label] = {
                **row.model_dump(mode="json", exclude={"workflow"}),
                "metrics": {name: {"mean": mean, "std": std} for name, (mean, std) in figures.items()},
                "warnings": [{"seeds": seeds, "text": text} for text, seeds in warnings.items()],
            }
        else:
            _print_row(row, sum(map(bool, metrics)), figures, warnings)
    if options.as_json:
        print_json({"experiment": str(folder), "computed": result.computed, "rows": objects})
        return
    typer.echo(f"{counted(result.computed, 'run')} trained now; records in {folder}")
    if result.interrupted:
        typer.echo("interrupted; the same command continues")
    else:
        where = () if options.out == RESULTS else ("--results", options.out)
        typer.echo(f"next: {command_line('leaderboard', *where)}")
        for row in result.rows.values():
            if row.model is not None:  # an ensemble: one record
                (run,) = row.runs.values()
                command = command_line("report", run, *where)
                typer.echo(f"{command}\n    shows how the figures grow with the number of seeds")


def _print_row(
    row: BenchRow,
    usable: int,
    figures: Mapping[str, tuple[float, float]],
    warnings: Mapping[str, list[int]],
) -> None:
    """Print a row of which ``usable`` seeds have figures."""
    title = f"{row.study}, {row.label}: {usable} of {counted(len(row.seeds), 'seed')}"
    if usable:
        cells = [[name, *("" if isnan(x) else f"{x:.4f}" for x in pair)] for name, pair in figures.items()]
        mean = "mean" if usable == len(row.seeds) else f"mean of {usable}"
        print_table(title, ["metric", mean, "std"], cells)
    else:
        typer.echo(f"{title} have figures")
    for seed, message in sorted(row.failures.items()):
        typer.echo(f"seed {seed} failed: {message}")
    for text, seeds in warnings.items():
        typer.echo(f"warning: seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}: {text}")
