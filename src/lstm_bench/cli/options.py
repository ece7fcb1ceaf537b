"""Options that several commands have, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lstm_bench.core.errors import ConfigError, InputError, choices_hint

if TYPE_CHECKING:
    from lstm_bench.exec.local import ExecutorName

__all__ = [
    "HASTE_SECONDS",
    "EvidenceFolder",
    "Storage",
    "StudyName",
    "Track",
    "check_evidence",
    "given_options",
    "parse_executor",
    "parse_option",
    "parse_slots",
]

Value = TypeVar("Value")

StudyName = Annotated[
    str | None, typer.Option("--study", help="The study; the one used last by default.", metavar="NAME")
]
Storage = Annotated[
    str | None,
    typer.Option(
        help="A journal file or a database URL of Optuna's; LSTM_BENCH_STORAGE or studies/store.journal by default.",
        metavar="URL",
    ),
]
EvidenceFolder = Annotated[
    Path, typer.Option("--results", help="Where the records are, and leaderboard/, the evidence.")
]
Track = Annotated[
    str | None,
    typer.Option(
        help="Tell of each run while it trains: wandb, mlflow or off. What the file's lstm_bench.tracking says by "
        "default, which is off.",
        metavar="TRACKER",
    ),
]

HASTE_SECONDS = 2.0
"""That an interrupted command waits for a tracker, which goes on for a while by itself."""


def check_evidence(results: Path) -> None:
    """Check that ``--results`` is a folder; that of the default may not be there yet.

    Raises
    ------
    InputError
        Where it is none.
    """
    if results.exists() and not results.is_dir():
        raise InputError(f"--results: {results} is a file, expected a folder")
    if not results.exists() and results != Path("results"):
        raise InputError(f"--results: there is no folder {results}")


def given_options(*, provider_uri: str | None = None, out: Path = Path("results")) -> list[object]:
    """Return the options that say where data lie and records go, as far as they are not the usual ones.

    A command that is proposed has them too.
    """
    given: list[object] = [] if provider_uri is None else ["--provider-uri", provider_uri]
    return given if out == Path("results") else [*given, "--out", out]


def parse_option(option: str, text: str, parse: Callable[[str], Value]) -> Value:
    """Read an option's text.

    Raises
    ------
    ConfigError
        Where ``parse`` raises a ValueError; the option is named.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error


def parse_slots(text: str) -> int | None:
    """Read ``--slots-per-device``: None for auto."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"--slots-per-device: got {text!r}, expected a number from 1 on, or auto")
    return int(text)


def parse_executor(text: str) -> ExecutorName:
    """Read ``--executor``."""
    if text == "local":
        return "local"
    if text == "inline":
        return "inline"
    raise ConfigError(f"--executor: got {text!r}; {choices_hint(text, ['local', 'inline'])}")
