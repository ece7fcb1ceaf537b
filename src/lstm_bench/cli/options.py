"""Options of commands: how a dataclass declares them, those that commands share, and their parsers.

A command with many options declares them once, as the fields of a dataclass, and receives one object::

    @dataclass(frozen=True)
    class TuneOptions:
        trials: int | None = option(None, "Number of trials.", min=1)
        as_json: Json = False

    @takes_options
    def tune(options: TuneOptions) -> None:
        ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from lstm_bench.core.errors import ConfigError, choices_hint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from lstm_bench.exec.local import ExecutorName

__all__ = [
    "RESULTS",
    "TRACKER_CLOSE_SECONDS",
    "Device",
    "Devices",
    "EvidenceFolder",
    "ExecutorOption",
    "Experiment",
    "Force",
    "Json",
    "Out",
    "Overrides",
    "ProviderUri",
    "Results",
    "RunSeed",
    "Storage",
    "StudyName",
    "Track",
    "argument",
    "location_options",
    "option",
    "parse_executor",
    "parse_option",
    "parse_slots",
    "takes_options",
    "values_for",
]

Value = TypeVar("Value")
Options = TypeVar("Options", bound="DataclassInstance")

RESULTS = Path("results")
"""The results folder that commands use by default."""

TRACKER_CLOSE_SECONDS = 2.0
"""Longest wait for a tracker after Ctrl-C; its process finishes the upload by itself."""

ProviderUri = Annotated[str | None, typer.Option(help="Qlib data folder; overrides the file's.")]
Overrides = Annotated[
    list[str],
    typer.Option(
        "--set",
        help="dotted.key=value over the file's; aliases follow their anchor. Repeatable.",
        metavar="KEY=VALUE",
    ),
]
RunSeed = Annotated[
    int | None, typer.Option(help="The run's seed; overrides the file's, which is 0 if unset.", min=0)
]
Experiment = Annotated[
    str | None, typer.Option(help="Folder in it for this run; by default the file's name.")
]
Out = Annotated[Path, typer.Option(help="Folder for the records.")]
Results = Annotated[Path, typer.Option(help="Folder of the records.")]
EvidenceFolder = Annotated[
    Path, typer.Option("--results", help="Folder of the records, and of their evidence in leaderboard/.")
]
Device = Annotated[
    str,
    typer.Option(help="auto, cpu, mps, cuda or cuda:k. auto takes the best one; the others must be usable."),
]
Devices = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:0,1.")]
ExecutorOption = Annotated[
    str, typer.Option(help="local: worker processes. inline: this process, for debugging.")
]
StudyName = Annotated[
    str | None, typer.Option("--study", help="The study; by default the one used last.", metavar="NAME")
]
Storage = Annotated[
    str | None,
    typer.Option(
        help="Optuna journal file or database URL; by default LSTM_BENCH_STORAGE or studies/store.journal.",
        metavar="URL",
    ),
]
Track = Annotated[
    str | None,
    typer.Option(
        help="Track each run while it trains: wandb, mlflow or off. By default lstm_bench.tracking of the file, "
        "which is off unless set.",
        metavar="TRACKER",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Train again even if a record exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def option(default: Any, help: str, *names: str, **settings: Any) -> Any:  # noqa: A002 - typer's name
    """Declare an option as the field of a dataclass.

    ``default`` is a value, ``...`` for an option that must be given, or ``list`` for one that may be repeated. The
    option has the field's name unless ``names`` such as ``--set`` are given; ``settings`` are of ``typer.Option``.
    """
    return _field(default, typer.Option(*names, help=help, **settings))


def argument(default: Any, help: str, **settings: Any) -> Any:  # noqa: A002 - typer's name
    """Declare an argument as the field of a dataclass; see :func:`option`."""
    return _field(default, typer.Argument(help=help, **settings))


def _field(default: Any, parameter: Any) -> Any:
    settings: dict[str, Any] = {"default_factory": list} if default is list else {"default": default}
    return field(metadata={"typer": parameter}, **({} if default is ... else settings))


def takes_options(command: Callable[[Options], None]) -> Callable[..., None]:
    """Make the fields of the dataclass that a command takes the command's arguments and options."""
    options: type[Options] = get_type_hints(command)["options"]
    annotations = get_type_hints(options, include_extras=True)
    parameters = []
    for one in fields(options):
        annotation, default = annotations[one.name], one.default
        if "typer" in one.metadata:
            annotation = Annotated[annotation, one.metadata["typer"]]
        if default is MISSING:
            default = inspect.Parameter.empty if one.default_factory is MISSING else None
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter(one.name, kind, default=default, annotation=annotation))
    lists = {one.name for one in fields(options) if one.default_factory is not MISSING}

    @functools.wraps(command)
    def call(**values: Any) -> None:
        missing = {name for name in lists if values[name] is None}
        command(options(**{name: value for name, value in values.items() if name not in missing}))

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


def values_for(target: type[DataclassInstance], options: DataclassInstance) -> dict[str, Any]:
    """Return the options that have the name of a field of ``target``."""
    names = {one.name for one in fields(target)}
    return {one.name: getattr(options, one.name) for one in fields(options) if one.name in names}


def location_options(provider_uri: str | None = None, out: Path = RESULTS) -> list[object]:
    """Return ``--provider-uri`` and ``--out`` as words of a suggested command, unless they have their defaults."""
    words: list[object] = [] if provider_uri is None else ["--provider-uri", provider_uri]
    return words if out == RESULTS else [*words, "--out", out]


def parse_option(option: str, text: str, parse: Callable[[str], Value]) -> Value:
    """Parse an option's text.

    Raises
    ------
    ConfigError
        If ``parse`` raises a ValueError; the message names the option.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def parse_slots(text: str) -> int | None:
    """Parse ``--slots-per-device``; auto is None."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"--slots-per-device: got {text!r}, expected a number from 1 on, or auto")
    return int(text)


def parse_executor(text: str) -> ExecutorName:
    """Parse ``--executor``."""
    from lstm_bench.exec.local import EXECUTORS

    for name in EXECUTORS:
        if text == name:
            return name
    raise ConfigError(f"--executor: got {text!r}; {choices_hint(text, EXECUTORS)}")
