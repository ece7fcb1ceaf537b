"""Shared by the commands of ``study``: the study's name, and the text form of a definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.options import parse_option
from lstm_bench.cli.output import print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = ["Name", "Named", "describe_study", "one_name", "parse_time", "print_definition"]

Name = Annotated[
    str | None,
    typer.Argument(help="The study; by default the one used last.", metavar="NAME", show_default=False),
]
Named = Annotated[
    str | None, typer.Option("--study", help="The same as NAME.", metavar="NAME", show_default=False)
]


def one_name(name: str | None, study: str | None) -> str | None:
    """Return the study's name from NAME or ``--study``."""
    from lstm_bench.core.errors import ConfigError

    if name is not None and study is not None and name != study:
        raise ConfigError(f"--study: got {study!r} beside NAME {name!r}; give one of them")
    return study if name is None else name


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
