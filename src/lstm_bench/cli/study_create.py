"""``lstm-bench study create``: make a study from a file, or from a ready study and options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.options import Json, ProviderUri, Storage, argument, option, parse_option, takes_options
from lstm_bench.cli.output import print_json
from lstm_bench.cli.study_text import Named, describe_study, one_name, parse_time, print_definition
from lstm_bench.core.errors import ConfigError, choices_hint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = ["CreateOptions", "create"]

_SPACE = r"32,64,128 or \[log:]least:greatest[:step]"
_SPACE_KEYS = ("hidden_size", "num_layers", "dropout", "lr", "step_len", "batch_size", "weight_decay")


def _space_option(what: str) -> Any:
    return option(None, f"Search {what}: {_SPACE}.", metavar="SPACE", rich_help_panel="Space")


@dataclass(frozen=True)
class CreateOptions:
    """Options of ``study create``."""

    name: str | None = argument(
        None,
        "Its name; without one, the ready studies of both feature sets are created.",
        metavar="NAME",
        show_default=False,
    )
    source: Path | None = option(
        None, "A study file or a workflow file; by default studies/NAME.yaml if it exists.", "--from"
    )
    features: str | None = option(None, "alpha158 or alpha360: the ready study to start from.")
    hidden_size: str | None = _space_option("the hidden size")
    num_layers: str | None = _space_option("the number of layers")
    dropout: str | None = _space_option("dropout between layers")
    lr: str | None = _space_option("the learning rate, as log:1e-4:1e-2")
    step_len: str | None = _space_option("the days in a window")
    batch_size: str | None = _space_option("the batch size")
    weight_decay: str | None = _space_option("the weight decay")
    param: list[str] = option(list, "Search any dotted key: KEY=SPACE. Repeatable.", rich_help_panel="Space")
    fixed: list[str] = option(
        list, "Fix a key for all trials: KEY=VALUE; the space loses it. Repeatable.", rich_help_panel="Space"
    )
    seeds: str | None = option(None, "Tuning seeds: 3 means 0-2; 1000-1002 and 3,7 name them.")
    trials: int | None = option(None, "Number of trials.", min=1)
    max_epochs: int | None = option(None, "Most epochs of a trial.", min=1)
    sampler: str | None = option(None, "tpe, gp, random, grid, cmaes or qmc.")
    sampler_seed: int | None = option(None, "The sampler's seed.", min=0)
    pruner: str | None = option(None, "median, percentile, hyperband, halving, wilcoxon or none.")
    trial_timeout: str | None = option(
        None, "Longest time of a trial, such as 30m; then it fails.", metavar="TIME"
    )
    overrides: list[str] = option(
        list, "dotted.key=value over the workflow file's. Repeatable.", "--set", metavar="KEY=VALUE"
    )
    provider_uri: ProviderUri = None
    auto_segments: bool | None = option(
        None,
        "Lay out train, valid and test over the data's calendar; by default only if they do not fit the "
        "data that --provider-uri names.",
    )
    study: Named = None
    storage: Storage = None
    as_json: Json = False


@takes_options
def create(options: CreateOptions) -> None:
    """Make a study from a file, or from a ready study and options. Creating it again changes nothing.

    A study made with options is written to studies/NAME.yaml.
    """
    from lstm_bench.tune.creation import READY
    from lstm_bench.tune.repository.store import open_store

    name = one_name(options.name, options.study)
    space, sections = _space(options), _sections(options)
    overrides = _values("--set", options.overrides)
    store = open_store(options.storage)
    names: tuple[str | None, ...] = (name,)
    if name is None and options.source is None:
        names = READY if options.features is None else (_ready(options.features),)
    answers = []
    for position, one in enumerate(names):
        if position and not options.as_json:
            typer.echo()
        answers.append(_create(store, one, space, sections, overrides, options))
    if options.as_json:
        print_json({"studies": answers})


def _create(
    store: Store,
    name: str | None,
    space: Mapping[str, Any],
    sections: dict[str, Any],
    overrides: Mapping[str, Any],
    options: CreateOptions,
) -> dict[str, Any]:
    """Create one study; print it, or return it as plain data for ``--json``."""
    from lstm_bench.run.judgement.finding import log_findings
    from lstm_bench.tune.creation import READY, start_study
    from lstm_bench.tune.judgement import judge_study
    from lstm_bench.tune.recent import remember_study

    features, uri = options.features, options.provider_uri
    builder = start_study(name, options.source, _ready(features) if features else READY[0])
    if features and builder.path is not None:
        sections = sections | {"features": features}
    builder.change(space, sections, overrides)
    misfits = builder.lay_out_segments(uri, options.auto_segments)
    requested = builder.define(uri)
    warnings = log_findings(judge_study(requested, requested.data(uri).provider))
    is_new = store.create(requested)
    path = builder.write()
    remember_study(store, builder.name)
    definition = store.definition(builder.name)
    notes = [f"{text}; laid out in proportion" for text in misfits] + _notes(store, definition, requested)
    if not options.as_json:
        with_options = " and options" if space or sections or overrides else ""
        typer.echo(
            f"{'created' if is_new else 'exists already:'} study {builder.name} in {store.description}, "
            f"from {builder.origin}{with_options}"
        )
        if path is not None:
            typer.echo(f"written to {path}")
        for note in notes:
            typer.echo(f"note: {note}")
        print_definition(definition)
        typer.echo(f"next: {store.command('tune', '--study', builder.name)}")
    return describe_study(store, definition) | {
        "new": is_new,
        "origin": builder.origin,
        "file": None if path is None else str(path),
        "notes": notes,
        "warnings": [str(finding) for finding in warnings],
    }


def _ready(features: str) -> str:
    from lstm_bench.tune.creation import READY

    if features not in READY:
        raise ConfigError(f"--features: got {features!r}; {choices_hint(features, READY)}")
    return features


def _space(options: CreateOptions) -> dict[str, Any]:
    """Parse the parameters to search, as entries of a study file's ``space``."""
    from lstm_bench.config.sections.parameter import parse_parameter

    texts = {key: getattr(options, key) for key in _SPACE_KEYS} | _pairs("--param", options.param)
    return {
        key: parse_parameter(f"--{key.replace('_', '-')}" if "." not in key else key, text).model_dump(
            mode="json", by_alias=True, exclude_defaults=True
        )
        for key, text in texts.items()
        if text is not None
    }


def _sections(options: CreateOptions) -> dict[str, Any]:
    """Return the entries of a study file that options set."""
    from lstm_bench.config.values.seeds import parse_seeds

    if options.seeds is not None:
        parse_option("--seeds", options.seeds, parse_seeds)
    sampler = {"name": options.sampler, "seed": options.sampler_seed}
    sections = {
        "seeds": options.seeds,
        "trials": options.trials,
        "max_epochs": options.max_epochs,
        "trial_timeout": parse_time("--trial-timeout", options.trial_timeout),
        "sampler": {key: value for key, value in sampler.items() if value is not None} or None,
        "pruner": None if options.pruner is None else {"name": options.pruner},
        "fixed": _values("--fixed", options.fixed) or None,
    }
    return {key: value for key, value in sections.items() if value is not None}


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{option}: got {text!r}, expected KEY=VALUE")
        pairs[key.strip()] = value
    return pairs


def _values(option: str, texts: Sequence[str]) -> dict[str, Any]:
    from lstm_bench.config.yaml import parse_value

    return {key: parse_value(text) for key, text in _pairs(option, texts).items()}


def _notes(store: Store, definition: Definition, requested: Definition) -> list[str]:
    """Return remarks on settings that may be unintended."""
    from lstm_bench.config.study import BUDGET

    notes = list(definition.config.notes())
    first, moved = definition.defaults()
    for key, value in moved.items():
        what = (
            f"the workflow has no {key}"
            if value is None
            else f"the workflow's {key} {value} lies outside the space"
        )
        notes.append(f"{what}; the first trial has {first[key]}")
    for key in BUDGET:
        old, new = getattr(definition.config, key), getattr(requested.config, key)
        if old != new:
            edit = ["study", "edit-budget", definition.config.name, f"--{key.replace('_', '-')}", new]
            hint = f"; {store.command(*edit)} changes it" if new is not None else ""
            notes.append(f"{key} stays {old}, not {new}{hint}")
    return notes
