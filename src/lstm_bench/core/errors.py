"""The exception tree, and the exit code that each branch stands for.

``LstmBenchError``
├── ``InputError`` (exit code 2): something the user gave cannot be used
│   ├── ``ConfigError``: a workflow file, an option or an override
│   ├── ``DataError``: a data folder or what is in it
│   ├── ``ExpressionError``: a text in the expression language
│   └── ``DeviceError``: a demanded device is not there
├── ``CheckError`` (exit code 1): a check found something
└── ``RunError`` (exit code 3): a run failed although its input was fine
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "INTERRUPTED",
    "CheckError",
    "ConfigError",
    "DataError",
    "DeviceError",
    "ExpressionError",
    "InputError",
    "LstmBenchError",
    "RunError",
    "choices_hint",
    "command_line",
    "near_match",
]


INTERRUPTED = 130
"""Exit code where a signal ended the work."""


class LstmBenchError(Exception):
    """Root of every error that this package raises on purpose."""

    exit_code = 3


class InputError(LstmBenchError):
    """Something that the user gave cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A workflow file, an option or an override is wrong."""


class DataError(InputError):
    """A data folder, or something in it, is wrong."""


class ExpressionError(InputError):
    """A text is not in the expression language."""


class DeviceError(InputError):
    """A demanded device is not there."""


class CheckError(LstmBenchError):
    """A check found something."""

    exit_code = 1


class RunError(LstmBenchError):
    """A run failed although its input was fine."""

    exit_code = 3


def command_line(*words: object) -> str:
    """Write a command of ours as a shell takes it, to be proposed: names with spaces are quoted.

    >>> command_line("study", "show", "s", "--storage", "my store.journal")
    "lstm-bench study show s --storage 'my store.journal'"
    """
    import shlex

    return shlex.join(["lstm-bench", *map(str, words)])


def choices_hint(got: str, choices: Iterable[str]) -> str:
    """Say which choice was probably meant, and which there are.

    >>> choices_hint("lerning_rate", ["learning_rate", "lr"])
    "did you mean 'learning_rate'? choices: learning_rate, lr"
    """
    known = sorted(choices)
    near = near_match(got, known)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{hint}choices: {', '.join(known)}"


def near_match(got: str, choices: Iterable[str]) -> str | None:
    """Return the choice that was probably meant; None where none is near.

    >>> near_match("hiden_size", ["hidden_size", "lr"])
    'hidden_size'
    """
    import difflib  # a command that is interrupted while it begins needs this file at once

    return next(iter(difflib.get_close_matches(got, sorted(choices), n=1, cutoff=0.6)), None)
