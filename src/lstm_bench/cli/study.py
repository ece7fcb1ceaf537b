"""``lstm-bench study``: make studies, look at them, and remove them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.options import Storage, parse_option
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = ["app"]

app = typer.Typer(help="Make studies, look at them, and remove them.", no_args_is_help=True)

_SPACE = "32,64,128 or [log:]least:greatest[:step]"
Name = Annotated[
    str | None,
    typer.Argument(help="The study; the one used last by default.", metavar="NAME", show_default=False),
]
Named = Annotated[
    str | None,
    typer.Option("--study", help="Another way to give NAME.", metavar="NAME", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _one_name(name: str | None, study: str | None) -> str | None:
    """Return the name that was given, in place or with ``--study``."""
    from lstm_bench.core.errors import ConfigError

    if name is not None and study is not None and name != study:
        raise ConfigError(f"--study: got {study!r} beside NAME {name!r}; give one of them")
    return study if name is None else name


def _space_option(what: str) -> Any:
    return typer.Option(help=f"Search {what}: {_SPACE}.", metavar="SPACE", rich_help_panel="Space")


@app.command()
def create(
    name: Annotated[
        str | None,
        typer.Argument(
            help="Its name; without one, the ready studies of both feature sets.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A study file, or a workflow file; studies/NAME.yaml where it is there."),
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="alpha158 or alpha360: the ready study to begin with.")
    ] = None,
    hidden_size: Annotated[str | None, _space_option("the hidden size")] = None,
    num_layers: Annotated[str | None, _space_option("the number of layers")] = None,
    dropout: Annotated[str | None, _space_option("dropout between layers")] = None,
    lr: Annotated[str | None, _space_option("the learning rate, as log:1e-4:1e-2")] = None,
    step_len: Annotated[str | None, _space_option("the days in a window")] = None,
    batch_size: Annotated[str | None, _space_option("the batch size")] = None,
    weight_decay: Annotated[str | None, _space_option("the weight decay")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(help="Search any dotted key: KEY=SPACE. Repeatable.", rich_help_panel="Space"),
    ] = None,
    fixed: Annotated[
        list[str] | None,
        typer.Option(help="KEY=VALUE for all trials, out of the space. Repeatable.", rich_help_panel="Space"),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Tuning seeds: 3 is 0..2; or 1000-1002, or 3,7.")] = None,
    trials: Annotated[int | None, typer.Option(help="Trials in all.", min=1)] = None,
    max_epochs: Annotated[int | None, typer.Option(help="Epochs of a trial at the most.", min=1)] = None,
    sampler: Annotated[str | None, typer.Option(help="tpe, gp, random, grid, cmaes or qmc.")] = None,
    sampler_seed: Annotated[int | None, typer.Option(help="The study's seed.", min=0)] = None,
    pruner: Annotated[
        str | None, typer.Option(help="median, percentile, hyperband, halving, wilcoxon or none.")
    ] = None,
    trial_timeout: Annotated[
        str | None, typer.Option(help="A trial that takes longer has failed: 30m.", metavar="TIME")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="dotted.key=value over the workflow file. Repeatable.", metavar="KEY=VALUE"
        ),
    ] = None,
    provider_uri: Annotated[str | None, typer.Option(help="The Qlib data folder, over the file's.")] = None,
    auto_segments: Annotated[
        bool | None,
        typer.Option(
            help="Lay train, valid and test out over the data's calendar; by default where they do not fit the "
            "data that --provider-uri names."
        ),
    ] = None,
    study: Named = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Create a study from a file, or from a ready study and options; again with the same is no harm.

    A study that was put together by options is kept as studies/NAME.yaml.
    """
    from lstm_bench.run.judgement.finding import say
    from lstm_bench.tune.creation import READY, start_study
    from lstm_bench.tune.judgement import judge_study
    from lstm_bench.tune.recent import remember_study
    from lstm_bench.tune.repository.store import open_store

    given = {
        "hidden_size": hidden_size, "num_layers": num_layers, "dropout": dropout, "lr": lr, "step_len": step_len,
        "batch_size": batch_size, "weight_decay": weight_decay, **_pairs("--param", param),
    }  # fmt: skip
    sections = _sections(seeds, trials, max_epochs, sampler, sampler_seed, pruner, trial_timeout, fixed)
    space, store = _space(given), open_store(storage)
    name = _one_name(name, study)
    names: tuple[str | None, ...] = (name,)
    if name is None and source is None:
        names = READY if features is None else (_ready(features),)
    answers = []
    for position, one in enumerate(names):
        builder = start_study(one, source, _ready(features) if features else READY[0])
        if features and builder.path is not None:
            sections["features"] = _ready(features)
        builder.change(space, sections, _values("--set", overrides))
        misfits = builder.lay_out_segments(provider_uri, auto_segments)
        asked = builder.define(provider_uri)
        warnings = say(judge_study(asked, asked.data(provider_uri).provider))
        new = store.create(asked)
        path = builder.write()
        remember_study(store, builder.name)
        there = store.definition(builder.name)
        notes = [f"{text}; laid out in proportion" for text in misfits] + _notes(store, there, asked)
        answers.append(
            _describe(store, there)
            | {
                "new": new,
                "origin": builder.origin,
                "file": None if path is None else str(path),
                "notes": notes,
                "warnings": [str(finding) for finding in warnings],
            }
        )
        if not as_json:
            if position:
                typer.echo()
            typer.echo(
                f"{'created' if new else 'already there:'} study {builder.name} in {store.description}, "
                f"from {builder.origin}{' and options' if space or sections or overrides else ''}"
            )
            if path is not None:
                typer.echo(f"written to {path}")
            for note in notes:
                typer.echo(f"note: {note}")
            _print_definition(there)
            typer.echo(f"next: {store.command('tune', '--study', builder.name)}")
    if as_json:
        print_json({"studies": answers})


def _ready(features: str) -> str:
    from lstm_bench.core.errors import ConfigError, choices_hint
    from lstm_bench.tune.creation import READY

    if features not in READY:
        raise ConfigError(f"--features: got {features!r}; {choices_hint(features, READY)}")
    return features


def _space(given: dict[str, str | None]) -> dict[str, Any]:
    from lstm_bench.config.sections.parameter import parse_parameter

    return {
        key: parse_parameter(f"--{key.replace('_', '-')}" if "." not in key else key, text).model_dump(
            mode="json", by_alias=True, exclude_defaults=True
        )
        for key, text in given.items()
        if text is not None
    }


def _sections(
    seeds: str | None,
    trials: int | None,
    max_epochs: int | None,
    sampler: str | None,
    sampler_seed: int | None,
    pruner: str | None,
    trial_timeout: str | None,
    fixed: list[str] | None,
) -> dict[str, Any]:
    """Entries of a study file that options give."""
    from lstm_bench.config.values.seeds import parse_seeds

    if seeds is not None:
        parse_option("--seeds", seeds, parse_seeds)
    search = {key: value for key, value in (("name", sampler), ("seed", sampler_seed)) if value is not None}
    given = {
        "seeds": seeds,
        "trials": trials,
        "max_epochs": max_epochs,
        "trial_timeout": _time("--trial-timeout", trial_timeout),
        "sampler": search or None,
        "pruner": None if pruner is None else {"name": pruner},
        "fixed": _values("--fixed", fixed) or None,
    }
    return {key: value for key, value in given.items() if value is not None}


def _time(option: str, text: str | None) -> str | None:
    """Check a span of time; a study keeps it as it was written."""
    from lstm_bench.config.values.duration import parse_duration

    if text is not None:
        parse_option(option, text, parse_duration)
    return text


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    from lstm_bench.core.errors import ConfigError

    found = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{option}: got {text!r}, expected KEY=VALUE")
        found[key.strip()] = value
    return found


def _values(option: str, texts: list[str] | None) -> dict[str, Any]:
    from lstm_bench.config.yaml import parse_value

    return {key: parse_value(text) for key, text in _pairs(option, texts).items()}


def _notes(store: Store, there: Definition, asked: Definition) -> list[str]:
    """Say what may not be what was meant."""
    from lstm_bench.config.study import BUDGET

    notes = list(there.config.notes())
    first, moved = there.defaults()
    for key, value in moved.items():
        what = (
            f"the workflow has no {key}"
            if value is None
            else f"the workflow's {key} {value} lies outside the space"
        )
        notes.append(f"{what}; the first trial has {first[key]}")
    for key in BUDGET:
        old, new = getattr(there.config, key), getattr(asked.config, key)
        if old != new:
            edit = ["study", "edit-budget", there.config.name, f"--{key.replace('_', '-')}", new]
            hint = f"; {store.command(*edit)} changes it" if new is not None else ""
            notes.append(f"{key} stays {old}, not {new}{hint}")
    return notes


def _print_definition(definition: Definition) -> None:
    config, segments = definition.config, definition.workflow.task.dataset.kwargs.segments
    print_table(
        f"{config.name}: {definition.features}", ["parameter", "values"],
        [[key, str(parameter)] for key, parameter in config.space.items()],
    )  # fmt: skip
    typer.echo(
        f"train {segments.train[0]}..{segments.train[1]}, valid {segments.valid[0]}..{segments.valid[1]}, "
        f"test {segments.test[0]}..{segments.test[1]}\n"
        f"{counted(config.trials, 'trial')} of at most {counted(config.max_epochs, 'epoch')}, tuning seeds "
        f"{', '.join(map(str, config.seeds))}, sampler {config.sampler.name} (seed {config.sampler.seed}), "
        f"pruner {config.pruner.name}\ndata {definition.data_fingerprint[:12]}"
    )


def _describe(store: Store, definition: Definition) -> dict[str, Any]:
    content = definition.to_json()
    content.pop("stamp")  # for machines alone
    return {"name": definition.config.name, "storage": store.description, **content}


@app.command("list")
def list_studies(storage: Storage = None, as_json: AsJson = False) -> None:
    """List the studies of a store."""
    from lstm_bench.cli.trial_table import counts
    from lstm_bench.tune.repository.store import open_store
    from lstm_bench.tune.trials import best_trial

    store = open_store(storage)
    found: list[dict[str, Any]] = []
    for name in store.names():
        trials, definition = store.rows(name), store.definition(name)
        best = best_trial(trials)
        found.append(
            {
                "name": name,
                "features": definition.features,
                "target": definition.config.trials,
                "states": counts(trials),
                "best": None if best is None else best.value,
            }
        )
    if as_json:
        print_json({"storage": store.description, "studies": found})
        return
    if not found:
        typer.echo(f"{store.description} has no study yet; make one: {store.command('study', 'create')}")
        return
    rows = []
    for study in found:
        states = ", ".join(f"{count} {state}" for state, count in study["states"].items())
        best_text = "" if study["best"] is None else f"{study['best']:.6f}"
        rows.append([study["name"], study["features"], str(study["target"]), states, best_text])
    print_table(store.description, ["study", "features", "trials asked for", "trials", "least loss"], rows)


@app.command()
def show(
    name: Name = None,
    study: Named = None,
    storage: Storage = None,
    last: Annotated[int, typer.Option(help="Show so many trials, the last ones; 0 for all.", min=0)] = 50,
    as_json: AsJson = False,
) -> None:
    """Show a study: its space, its trials with their curves, the best one, and the epochs that pruning saved."""
    from lstm_bench.cli.trial_table import (
        counts,
        counts_line,
        epochs_saved,
        trial_cells,
        trial_headers,
        trial_line,
        trial_remarks,
    )
    from lstm_bench.tune.recent import choose_study
    from lstm_bench.tune.repository.store import open_store
    from lstm_bench.tune.trials import best_trial

    store = open_store(storage)
    chosen = choose_study(store, _one_name(name, study))
    definition, trials = store.definition(chosen), store.rows(chosen)
    best = best_trial(trials)
    saved, of = epochs_saved(trials, definition.config.max_epochs)
    if as_json:
        answer = _describe(store, definition) | {"states": counts(trials), "epochs_saved": saved}
        print_json(
            answer
            | {
                "best": None if best is None else best.to_json(),
                "trials": [trial.to_json() for trial in trials],
            }
        )
        return
    typer.echo(f"study {chosen} in {store.description}")
    _print_definition(definition)
    shown = trials[-last:] if last else trials
    title = (
        f"the last {len(shown)} of {counted(len(trials), 'trial')} (--last 0 shows all)"
        if len(shown) < len(trials)
        else "trials"
    )
    params = list(definition.config.space)
    print_table(title, trial_headers(params), [trial_cells(trial, params) for trial in shown])
    for trial in shown:
        if remarks := trial_remarks(trial):
            typer.echo(f"trial {trial.number}: {remarks}")
    typer.echo(counts_line(trials))
    if saved:
        typer.echo(f"pruning saved {saved} of {counted(of, 'epoch')}")
    if best is not None:
        typer.echo(f"best: {trial_line(best)}")


@app.command("edit-budget")
def edit_budget(
    name: Name = None,
    trials: Annotated[int | None, typer.Option(help="Trials in all.", min=1)] = None,
    max_epochs: Annotated[int | None, typer.Option(help="Epochs of a trial at the most.", min=1)] = None,
    trial_timeout: Annotated[
        str | None, typer.Option(help="A trial that takes longer has failed: 30m.", metavar="TIME")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Tuning stops after this long: 2h.", metavar="TIME")
    ] = None,
    max_retries: Annotated[
        int | None, typer.Option(help="Times that a trial that fails is tried again.", min=0)
    ] = None,
    study: Named = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Change what a study may spend; its space, seeds and data stay."""
    from lstm_bench.core.errors import ConfigError
    from lstm_bench.tune.recent import choose_study
    from lstm_bench.tune.repository.store import open_store

    given = {
        "trials": trials, "max_epochs": max_epochs, "max_retries": max_retries,
        "trial_timeout": _time("--trial-timeout", trial_timeout), "timeout": _time("--timeout", timeout),
    }  # fmt: skip
    budget = {key: value for key, value in given.items() if value is not None}
    if not budget:
        raise ConfigError(
            f"edit-budget: nothing to change; options: {', '.join('--' + key.replace('_', '-') for key in given)}"
        )
    store = open_store(storage)
    chosen = choose_study(store, _one_name(name, study))
    store.definition(chosen).with_budget(budget)
    store.set_budget(chosen, budget)
    config = store.definition(chosen).config
    now = {key: getattr(config, key) for key in given}
    if as_json:
        print_json({"name": chosen, "budget": now})
        return
    typer.echo(f"study {chosen} in {store.description}")
    for key, value in now.items():
        typer.echo(f"{key} {'none' if value is None else value}")


@app.command()
def export(
    names: Annotated[
        list[str],
        typer.Argument(
            help="The study, which may be left out for the one used last, and a .csv, .parquet or .json file to "
            "write.",
            metavar="NAME FILE",
            show_default=False,
        ),
    ],
    study: Named = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Write a study's trials as a table: a row a trial, a column a parameter."""
    from lstm_bench.cli.destination import check_file
    from lstm_bench.core.errors import ConfigError
    from lstm_bench.tune.export import export_trials
    from lstm_bench.tune.recent import choose_study
    from lstm_bench.tune.repository.store import open_store

    if len(names) > 2:
        raise ConfigError(f"export: got {', '.join(names)}; expected at most a study and a file to write")
    *name, file = names
    out = Path(file)
    check_file("FILE", out)
    store = open_store(storage)
    chosen = choose_study(store, _one_name(name[0] if name else None, study))
    count = export_trials(store.rows(chosen), out)
    if as_json:
        print_json({"name": chosen, "file": str(out), "trials": count})
        return
    typer.echo(f"study {chosen} in {store.description}\n{out}: {counted(count, 'trial')}")


@app.command()
def delete(
    name: Annotated[str | None, typer.Argument(help="The study.", metavar="NAME", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    study: Named = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Delete a study and its trials from the store; its file and its records stay."""
    from lstm_bench.core.errors import ConfigError
    from lstm_bench.tune.repository.store import open_store

    store = open_store(storage)
    name = _one_name(name, study)
    if name is None:
        raise ConfigError(f"NAME: none was given, expected the study to delete; {_studies(store)}")
    trials = store.rows(name)
    count = len(trials)
    if any(trial.state == "running" for trial in trials):
        raise ConfigError(f"delete: a driver is at work on study {name}; stop it first")
    what = f"study {name} with {counted(count, 'trial')} from {store.description}"
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise ConfigError(f"delete: nobody is there to be asked; --yes deletes {what}")
        if not typer.confirm(f"delete {what}?"):
            typer.echo("nothing is deleted")
            return
    store.delete(name)
    if as_json:
        print_json({"name": name, "storage": store.description, "deleted_trials": count})
        return
    typer.echo(f"deleted {what}")


def _studies(store: Store) -> str:
    return f"{store.description} has {', '.join(store.names()) or 'none'}"
