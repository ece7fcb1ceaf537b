"""Shared by the commands of ``study``: the study's name, and the text form of a definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.options import parse_option
from lstm_bench.cli.output import print_table
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = [
    "Name", "Named", "describe_study", "one_name", "open_study", "parse_time", "print_definition", "use_study",
]  # fmt: skip

Name = Annotated[
    str | None,
    typer.Argument(help="The study; by default the one used last.", metavar="NAME", show_default=False),
]
Named = Annotated[
    str | None, typer.Option("--study", help="The same as NAME.", metavar="NAME", show_default=False)
]


def one_name(name: str | None, study: str | None) -> str | None:
    """Return the study's name from NAME or ``--study``."""
    if name is not None and study is not None and name != study:
        raise ConfigError(f"--study: got {study!r} beside NAME {name!r}; give one of them")
    return study if name is None else name


def open_study(storage: str | None, study: str | None) -> tuple[Store, str]:
    """Open a store and choose a study in it: the named one, or else the one used last."""
    from lstm_bench.tune.recent import choose_study
    from lstm_bench.tune.repository.store import open_store

    store = open_store(storage)
    return store, choose_study(store, study)


def use_study(storage: str | None, study: str | None, *, as_json: bool) -> tuple[Store, str]:
    """Open a store and choose a study as :func:`open_study` does, remember it as the one used last, and print it."""
    from lstm_bench.tune.recent import remember_study

    store, name = open_study(storage, study)
    remember_study(store, name)
    typer.echo(f"study {name} in {store.description}", err=as_json)
    return store, name


def parse_time(option: str, text: str | None) -> str | None:
    """Check a span of time, and return its text, which a study keeps."""
    from lstm_bench.config.values.duration import parse_duration

    if text is not None:
        parse_option(option, text, parse_duration)
    return text


def print_definition(definition: Definition) -> None:
    """Print a study's space, segments and budget."""
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


def describe_study(store: Store, definition: Definition) -> dict[str, Any]:
    """Return a study as plain data, without the stamp, which people cannot read."""
    content = definition.to_json()
    content.pop("stamp")
    return {"name": definition.config.name, "storage": store.description, **content}
