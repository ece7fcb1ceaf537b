"""``lstm-bench compare``: compare two rows of the leaderboard, or race them until one is better."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from lstm_bench.cli.options import (
    RESULTS,
    TRACKER_CLOSE_SECONDS,
    Devices,
    EvidenceFolder,
    ExecutorOption,
    Json,
    ProviderUri,
    Storage,
    Track,
    argument,
    option,
    parse_executor,
    takes_options,
)
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_folder, check_results
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import INTERRUPTED, ConfigError, RunError, command_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lstm_bench.bench.race import Race, RaceResult
    from lstm_bench.record.evidence import Evidence
    from lstm_bench.report.leaderboard.comparison import Comparison, Terms

__all__ = ["CompareOptions", "compare"]


@dataclass(frozen=True)
class CompareOptions:
    """Options of ``compare``."""

    a: str = argument(..., "STUDY/ROW, or STUDY if it has one row.", metavar="A", show_default=False)
    b: str = argument(..., "The other row, likewise.", metavar="B", show_default=False)
    metric: list[str] = option(
        list,
        "A metric of which higher is better, by Qlib's name or the leaderboard's. Repeatable; the first one gives the "
        "verdict. By default all columns, and Rank IC gives the verdict.",
    )
    margin: float | None = option(
        None,
        "Largest difference that does not matter, of the metrics named, or else of IC and Rank IC. By default 0.002 "
        "for IC and Rank IC, none for others.",
    )
    until_decided: bool = option(
        False, "Train further seeds of both rows until they decide.", "--until-decided"
    )
    max_seeds: int = option(64, "Most seeds of each row in the race.", min=1)
    provider_uri: ProviderUri = None
    devices: Devices = "auto"
    slots_per_device: int = option(1, "Packs at the same time on a device.", min=1)
    pack: int | None = option(
        None, "Seeds of a pack, which train together; by default one on a CPU, 8 on GPUs.", min=1
    )
    executor: ExecutorOption = "local"
    results: EvidenceFolder = RESULTS
    track: Track = None
    storage: Storage = None
    as_json: Json = False


_OF_RACE = (
    "max_seeds",
    "provider_uri",
    "devices",
    "slots_per_device",
    "pack",
    "executor",
    "track",
    "storage",
)


@takes_options
def compare(options: CompareOptions) -> None:
    """Say whether one row is better than another on the same data, in the last line.

    The verdict is `A better`, `B better`, `equivalent within MARGIN` or `undecided`. With --until-decided, further
    seeds of both rows are trained until the verdict is another one, or the budget of seeds ends.
    """
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard.comparison import PRIMARY, Terms, compare_rows

    check_results(options.results)
    if options.until_decided:  # a race is about one metric
        _until_decided(options, Terms.of(options.metric or [PRIMARY], options.margin))
        return
    terms = Terms.of(options.metric, options.margin)
    _check_unraced(options)
    comparison = compare_rows(collect(options.results), options.a, options.b, terms)
    if options.as_json:
        from lstm_bench.report.leaderboard.comparison_tables import comparison_object

        print_json(comparison_object(comparison))
        return
    _print_table(comparison)
    _print_verdict(comparison, comparison.primary.verdict.text)


def _check_unraced(options: CompareOptions) -> None:
    """Refuse options that only a race has."""
    usual = CompareOptions(options.a, options.b)
    for name in _OF_RACE:
        if getattr(options, name) != getattr(usual, name):
            raise ConfigError(f"--{name.replace('_', '-')}: it goes with --until-decided; add it")


def _until_decided(options: CompareOptions, terms: Terms) -> None:
    from lstm_bench.bench.race import RaceResult
    from lstm_bench.report.evidence.collect import collect
    from lstm_bench.report.leaderboard.comparison import compare_rows
    from lstm_bench.report.leaderboard.race import race_of

    check_folder("--results", options.results)
    tuned_on = functools.cache(functools.partial(_tuned_on, options.storage))

    def race_in(evidence: Mapping[str, Evidence]) -> Race:
        return race_of(evidence, options.a, options.b, terms, options.max_seeds, tuned_on)

    evidence = collect(options.results)
    race, result = race_in(evidence), RaceResult(0, False, {})
    if not race.standing().is_over:
        for racer in (race.a, race.b):
            if racer.results[0].trial is not None and tuned_on(racer.study) is None:
                raise ConfigError(
                    f"--storage: the store does not have study {racer.study}, so its tuning seeds are unknown, and "
                    "the race could train them; name the study's store"
                )
        result = _run(race, options)
        evidence = collect(options.results)
        race = race_in(evidence)
    _report(race, result, compare_rows(evidence, options.a, options.b, terms), options)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
    if result.failures:
        raise typer.Exit(RunError.exit_code)


def _tuned_on(storage: str | None, study: str) -> tuple[int, ...] | None:
    """Return the seeds that a study was tuned on; None if the store does not have it."""
    from lstm_bench.bench.candidates import tuning_seeds
    from lstm_bench.tune.repository.store import open_store

    store = open_store(storage)
    return tuning_seeds(store, study) if study in store.names() else None


def _run(race: Race, options: CompareOptions) -> RaceResult:
    from lstm_bench.bench.race import run_race
    from lstm_bench.bench.racer import configuration_of
    from lstm_bench.cli.live_study import live_bench
    from lstm_bench.config.sections.tracking import with_tracker
    from lstm_bench.exec.devices import discover
    from lstm_bench.report.pictures import figure_hook
    from lstm_bench.tracking.factory import open_tracker

    configured = configuration_of(race.a, options.results, options.provider_uri).lstm_bench.tracking
    tracked = with_tracker(configured, options.track)
    with (
        open_tracker(tracked, options.results, figure_hook(tracked)) as tracker,
        live_bench(sys.stderr) as progress,
    ):
        result = run_race(
            race,
            devices=discover(options.devices),
            slots_per_device=options.slots_per_device,
            pack_width=options.pack,
            executor=parse_executor(options.executor),
            results=options.results,
            provider_uri=options.provider_uri,
            progress=progress,
            tracker=tracker,
        )
        if result.interrupted:
            tracker.close(TRACKER_CLOSE_SECONDS)
    return result


def _report(race: Race, result: RaceResult, comparison: Comparison, options: CompareOptions) -> None:
    from lstm_bench.report.leaderboard.comparison_tables import comparison_object
    from lstm_bench.report.leaderboard.race import race_object, race_text

    said = race.standing().verdict.text
    if options.as_json:
        print_json({**comparison_object(comparison), "race": race_object(race, result), "verdict": said})
        return
    _print_table(comparison)
    typer.echo(race_text(race, comparison))
    typer.echo(f"\n{counted(result.computed, 'run')} trained now")
    for (row, seed), error in result.failures.items():
        typer.echo(f"{row}, seed {seed} failed: {error}")
    if result.failures:
        typer.echo("the race cannot go beyond a seed that failed; the same command tries it again")
    elif result.interrupted:
        typer.echo(f"interrupted; this continues it: {command_line(*sys.argv[1:])}")
    _print_verdict(comparison, said)


def _print_table(comparison: Comparison) -> None:
    from lstm_bench.report.leaderboard import comparison_tables as tables

    typer.echo(tables.heading(comparison))
    print_table("A against B", tables.HEADER, tables.comparison_lines(comparison))
    for text in filter(None, [tables.note(comparison), tables.source_text(comparison)]):
        typer.echo(text + "\n")


def _print_verdict(comparison: Comparison, said: str) -> None:
    from lstm_bench.report.leaderboard import comparison_tables as tables

    typer.echo(tables.primary_title(comparison))
    typer.echo(said)
