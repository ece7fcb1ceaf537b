"""``lstm-bench study``: create, list, show, edit, export and delete studies."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from lstm_bench.cli import study_create
from lstm_bench.cli.options import RESULTS, EvidenceFolder, Json, Storage, option, takes_options
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_file
from lstm_bench.cli.study_text import (
    Name,
    Named,
    describe_study,
    one_name,
    open_study,
    parse_time,
    print_definition,
)
from lstm_bench.cli.trial_table import counts, outcome_object, print_outcome, print_trials
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError

__all__ = ["BudgetOptions", "app"]

app = typer.Typer(help="Create, list, show, edit, export and delete studies.", no_args_is_help=True)
app.command("create")(study_create.create)


@app.command("list")
def list_studies(storage: Storage = None, as_json: Json = False) -> None:
    """List the studies of a store with the states of their trials and their least loss."""
    from lstm_bench.tune.repository.store import open_store
    from lstm_bench.tune.trials import best_trial

    store = open_store(storage)
    studies: list[dict[str, Any]] = []
    for name in store.names():
        trials, definition = store.rows(name), store.definition(name)
        best = best_trial(trials)
        studies.append(
            {
                "name": name,
                "features": definition.features,
                "target": definition.config.trials,
                "states": counts(trials),
                "best": None if best is None else best.value,
            }
        )
    if as_json:
        print_json({"storage": store.description, "studies": studies})
        return
    if not studies:
        typer.echo(f"{store.description} has no study yet; make one: {store.command('study', 'create')}")
        return
    rows = []
    for study in studies:
        states = ", ".join(f"{count} {state}" for state, count in study["states"].items())
        best_text = "" if study["best"] is None else f"{study['best']:.6f}"
        rows.append([study["name"], study["features"], str(study["target"]), states, best_text])
    print_table(store.description, ["study", "features", "trials asked for", "trials", "least loss"], rows)


@app.command()
def show(
    name: Name = None,
    study: Named = None,
    storage: Storage = None,
    last: Annotated[
        int, typer.Option(help="Show only this many trials, the last ones; 0 for all.", min=0)
    ] = 50,
    results: EvidenceFolder = RESULTS,
    as_json: Json = False,
) -> None:
    """Show a study: its space, its trials with their curves, the best one, and how much of it is selection."""
    from lstm_bench.tune.selection import selection_of

    store, chosen = open_study(storage, one_name(name, study))
    definition, trials = store.definition(chosen), store.rows(chosen)
    max_epochs = definition.config.max_epochs
    selection = selection_of(trials, chosen, results)
    if as_json:
        print_json(
            {
                **describe_study(store, definition),
                **outcome_object(trials, max_epochs),
                "selection": None if selection is None else selection.to_json(),
                "trials": [trial.to_json() for trial in trials],
            }
        )
        return
    typer.echo(f"study {chosen} in {store.description}")
    print_definition(definition)
    shown, title = trials[-last:] if last else trials, "trials"
    if len(shown) < len(trials):
        title = f"the last {len(shown)} of {counted(len(trials), 'trial')} (--last 0 shows all)"
    print_trials(title, shown, list(definition.config.space))
    print_outcome(trials, max_epochs)
    if selection is not None:
        print_table("selection", ["figure", "value"], map(list, selection.lines()))
        for note in selection.notes:
            typer.echo(f"note: {note}")


@dataclass(frozen=True)
class BudgetOptions:
    """Options of ``study edit-budget``."""

    name: Name = None
    trials: int | None = option(None, "Number of trials.", min=1)
    max_epochs: int | None = option(None, "Most epochs of a trial.", min=1)
    trial_timeout: str | None = option(
        None, "Longest time of a trial, such as 30m; then it fails.", metavar="TIME"
    )
    timeout: str | None = option(None, "Longest time of tuning, such as 2h.", metavar="TIME")
    max_retries: int | None = option(None, "Most retries of a trial that fails.", min=0)
    study: Named = None
    storage: Storage = None
    as_json: Json = False


@app.command("edit-budget")
@takes_options
def edit_budget(options: BudgetOptions) -> None:
    """Change what a study may spend; its space, seeds and data stay the same."""
    values = {
        "trials": options.trials,
        "max_epochs": options.max_epochs,
        "max_retries": options.max_retries,
        "trial_timeout": parse_time("--trial-timeout", options.trial_timeout),
        "timeout": parse_time("--timeout", options.timeout),
    }
    budget = {key: value for key, value in values.items() if value is not None}
    if not budget:
        raise ConfigError(
            f"edit-budget: nothing to change; options: {', '.join('--' + key.replace('_', '-') for key in values)}"
        )
    store, chosen = open_study(options.storage, one_name(options.name, options.study))
    store.definition(chosen).with_budget(budget)
    store.set_budget(chosen, budget)
    config = store.definition(chosen).config
    current = {key: getattr(config, key) for key in values}
    if options.as_json:
        print_json({"name": chosen, "budget": current})
        return
    typer.echo(f"study {chosen} in {store.description}")
    for key, value in current.items():
        typer.echo(f"{key} {'none' if value is None else value}")


@app.command()
def export(
    names: Annotated[
        list[str],
        typer.Argument(
            help="The study (by default the one used last), and the .csv, .parquet or .json file to write.",
            metavar="NAME FILE",
            show_default=False,
        ),
    ],
    study: Named = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Write a study's trials as a table: one row per trial, one column per parameter."""
    from lstm_bench.tune.export import export_trials

    if len(names) > 2:
        raise ConfigError(f"export: got {', '.join(names)}; expected at most a study and a file to write")
    *name, file = names
    out = Path(file)
    check_file("FILE", out)
    store, chosen = open_study(storage, one_name(name[0] if name else None, study))
    count = export_trials(store.rows(chosen), out)
    if as_json:
        print_json({"name": chosen, "file": str(out), "trials": count})
        return
    typer.echo(f"study {chosen} in {store.description}\n{out}: {counted(count, 'trial')}")


@app.command()
def delete(
    name: Annotated[str | None, typer.Argument(help="The study.", metavar="NAME", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    study: Named = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Delete a study and its trials from the store; its file and its records remain."""
    from lstm_bench.tune.repository.store import open_store

    store = open_store(storage)
    name = one_name(name, study)
    if name is None:
        names = ", ".join(store.names()) or "none"
        raise ConfigError(
            f"NAME: none was given, expected the study to delete; {store.description} has {names}"
        )
    trials = store.rows(name)
    count = len(trials)
    if any(trial.state == "running" for trial in trials):
        raise ConfigError(f"delete: a driver is working on study {name}; stop it first")
    what = f"study {name} with {counted(count, 'trial')} from {store.description}"
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise ConfigError(f"delete: stdin is no terminal to confirm on; --yes deletes {what}")
        if not typer.confirm(f"delete {what}?"):
            typer.echo("nothing deleted")
            return
    store.delete(name)
    if as_json:
        print_json({"name": name, "storage": store.description, "deleted_trials": count})
        return
    typer.echo(f"deleted {what}")
