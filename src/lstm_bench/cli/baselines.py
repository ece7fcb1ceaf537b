"""``lstm-bench baselines``: what an LSTM must beat, on its own samples and days."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lstm_bench.cli.options import (
    RESULTS,
    Devices,
    ExecutorOption,
    Force,
    Json,
    Out,
    Overrides,
    ProviderUri,
    Storage,
    argument,
    option,
    parse_executor,
    parse_option,
    takes_options,
)
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_folder
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import INTERRUPTED, ConfigError, RunError, command_line

if TYPE_CHECKING:
    from lstm_bench.bench.baselines import BaselineName, BaselineRun, Request
    from lstm_bench.bench.candidates import Candidate

__all__ = ["BaselinesOptions", "baselines"]

_SEEDS = "3"
"""Fewer seeds would have no interval."""

_SHOWN = ("IC", "Rank IC", "1day.excess_return_with_cost.information_ratio")


@dataclass(frozen=True)
class BaselinesOptions:
    """Options of ``baselines``."""

    config: Path | None = argument(None, "A Qlib workflow file.", metavar="CONFIG", show_default=False)
    study: str | None = option(None, "A study instead of a file; its default configuration.", metavar="NAME")
    only: str | None = option(
        None,
        "Baselines, separated by commas: reversal, momentum, ridge, lightgbm, permuted. All by default.",
        metavar="NAMES",
    )
    seeds: str | None = option(
        None,
        f"Seeds of lightgbm and permuted, such as 3 or 0-4; by default {_SEEDS}. The others have no randomness.",
    )
    provider_uri: ProviderUri = None
    overrides: Overrides = field(default_factory=list)
    devices: Devices = "auto"
    executor: ExecutorOption = "local"
    out: Out = RESULTS
    storage: Storage = None
    force: Force = False
    as_json: Json = False


@takes_options
def baselines(options: BaselinesOptions) -> None:
    """Compute what an LSTM must beat: reversal, momentum, ridge, LightGBM, and the LSTM on permuted labels.

    They are trained on the samples of the configuration and evaluated on its days, as rows beside the LSTM's. Runs
    that have a record are not computed again.
    """
    check_folder("--out", options.out)
    names, left_out = _names(options)
    candidate, request = _requested(options, names)
    runs = _compute(candidate, request, options)
    _report(candidate.study, runs, left_out, options)
    if any(run.interrupted for run in runs):
        raise typer.Exit(INTERRUPTED)
    if any(run.row.failures for run in runs):
        raise typer.Exit(RunError.exit_code)


def _names(options: BaselinesOptions) -> tuple[tuple[BaselineName, ...], dict[str, str]]:
    """Return the baselines to compute, and why others are left out.

    Raises ``ConfigError`` if --only names one whose package is missing.
    """
    from lstm_bench.bench.baselines import BASELINE_NAMES, parse_baselines
    from lstm_bench.model.baselines.gradient_boosting import MISSING, is_installed

    names = BASELINE_NAMES if options.only is None else parse_option("--only", options.only, parse_baselines)
    if is_installed() or "lightgbm" not in names:
        return names, {}
    if options.only is not None:
        raise ConfigError(f"--only: {MISSING}")
    return tuple(name for name in names if name != "lightgbm"), {"lightgbm": MISSING}


def _requested(options: BaselinesOptions, names: tuple[BaselineName, ...]) -> tuple[Candidate, Request]:
    """Return the configuration and what to compute of it."""
    from lstm_bench.bench.baselines import Request
    from lstm_bench.bench.candidates import candidates_of_file, default_candidate, tuning_seeds
    from lstm_bench.cli.study_text import use_study
    from lstm_bench.config.ready import missing_workflow
    from lstm_bench.config.values.seeds import parse_seeds

    tuned_on: tuple[int, ...] = ()
    if options.study is not None:
        if options.config is not None:
            raise ConfigError("CONFIG: got a file and --study, expected one of them")
        if options.overrides:
            raise ConfigError("--set: a study's configurations are fixed; it goes with a workflow file")
        store, name = use_study(options.storage, options.study, as_json=options.as_json)
        candidate = default_candidate(store, name, options.provider_uri)
        tuned_on = tuning_seeds(store, name)
    elif options.config is None:
        raise ConfigError(f"CONFIG: none was given, expected a Qlib workflow file{missing_workflow(Path())}")
    else:
        (candidate,) = candidates_of_file(options.config, options.overrides, options.provider_uri)
    seeds = parse_option("--seeds", options.seeds or _SEEDS, lambda text: parse_seeds(text, without=tuned_on))
    return candidate, Request(names, seeds, options.force)


def _compute(candidate: Candidate, request: Request, options: BaselinesOptions) -> list[BaselineRun]:
    from lstm_bench.bench.baselines import score_baselines, train_permuted
    from lstm_bench.cli.live import live_progress
    from lstm_bench.cli.live_study import live_bench
    from lstm_bench.exec.devices import discover

    devices = discover(options.devices)
    with live_progress(sys.stderr) as progress:
        runs = score_baselines(candidate, request, results=options.out, progress=progress)
    with live_bench(sys.stderr) as bench_progress:
        return runs + train_permuted(
            candidate,
            request,
            devices=devices,
            executor=parse_executor(options.executor),
            results=options.out,
            progress=bench_progress,
        )


def _report(
    study: str, runs: Sequence[BaselineRun], left_out: Mapping[str, str], options: BaselinesOptions
) -> None:
    from lstm_bench.report.leaderboard.published import COLUMNS

    folder, computed = options.out / study, sum(run.computed for run in runs)
    figures = {run.row.label: _figures(folder, run) for run in runs}
    warnings = {run.row.label: _warnings(folder, run) for run in runs}
    if options.as_json:
        rows = {
            run.row.label: {
                **run.row.model_dump(mode="json", exclude={"workflow"}),
                "metrics": {
                    name: {"mean": mean, "std": std} for name, (mean, std) in figures[run.row.label].items()
                },
                "warnings": warnings[run.row.label],
            }
            for run in runs
        }
        print_json(
            {"experiment": str(folder), "computed": computed, "rows": rows, "left_out": dict(left_out)}
        )
        return
    cells = [
        [run.row.label, str(len(run.row.runs)), *(_cell(*figures[run.row.label][name]) for name in _SHOWN)]
        for run in runs
    ]
    print_table(f"{study}: baselines", ["baseline", "seeds", *(COLUMNS[name] for name in _SHOWN)], cells)
    for run in runs:
        for seed, message in sorted(run.row.failures.items()):
            typer.echo(f"{run.row.label}: seed {seed} failed: {message}")
        for text in warnings[run.row.label]:
            typer.echo(f"warning: {run.row.label}: {text}")
    for name, reason in left_out.items():
        typer.echo(f"{name} is left out: {reason}")
    typer.echo(f"{counted(computed, 'run')} computed now; records in {folder}")
    if any(run.interrupted for run in runs):
        typer.echo("interrupted; the same command continues")
    else:
        where = () if options.out == RESULTS else ("--results", options.out)
        typer.echo(f"next: {command_line('leaderboard', *where)}")


def _figures(folder: Path, run: BaselineRun) -> dict[str, tuple[float, float]]:
    """Return the mean and standard deviation of each of Qlib's metrics over a row's seeds."""
    from lstm_bench.record.record import Record
    from lstm_bench.report.leaderboard.published import COLUMNS
    from lstm_bench.report.leaderboard.study_table import mean_and_std

    metrics = [Record(folder / name).metrics() for name in run.row.runs.values()]
    return {name: mean_and_std(name, metrics) for name in COLUMNS}


def _warnings(folder: Path, run: BaselineRun) -> list[str]:
    """Return why figures of a row mean nothing, each reason once."""
    from lstm_bench.record.record import Record
    from lstm_bench.run.judgement.result import judge_result

    found = (judge_result(Record(folder / name)) for name in run.row.runs.values())
    return list(dict.fromkeys(str(finding) for findings in found for finding in findings))


def _cell(mean: float, std: float) -> str:
    """Return a mean, with the standard deviation over the seeds if there is one."""
    if isnan(mean):
        return ""
    return f"{mean:.4f}" if isnan(std) else f"{mean:.4f}±{std:.4f}"
