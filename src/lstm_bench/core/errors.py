"""The exception tree, and the exit code of each branch.

``LstmBenchError``
├── ``InputError`` (exit code 2): an input cannot be used
│   ├── ``ConfigError``: a workflow file, an option or an override
│   ├── ``DataError``: a data folder or what is in it
│   ├── ``ExpressionError``: an expression of a feature or label
│   └── ``DeviceError``: a requested device is absent
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
"""Exit code of a command that a signal ended."""


class LstmBenchError(Exception):
    """Root of every error that this package raises on purpose."""

    exit_code = 3


class InputError(LstmBenchError):
    """An input of the user cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """A workflow file, an option or an override is wrong."""


class DataError(InputError):
    """A data folder, or something in it, is wrong."""


class ExpressionError(InputError):
    """A text is not a valid expression."""


class DeviceError(InputError):
    """A requested device is absent."""


class CheckError(LstmBenchError):
    """A check found something."""

    exit_code = 1


class RunError(LstmBenchError):
    """A run failed although its input was fine."""

    exit_code = 3


def command_line(*words: object) -> str:
    """Return an lstm-bench command line for a shell, with names quoted if needed.

    >>> command_line("study", "show", "s", "--storage", "my store.journal")
    "lstm-bench study show s --storage 'my store.journal'"
    """
    import shlex

    return shlex.join(["lstm-bench", *map(str, words)])


def choices_hint(got: str, choices: Iterable[str]) -> str:
    """Return a hint with the choice that was probably meant, and all choices.

    >>> choices_hint("lerning_rate", ["learning_rate", "lr"])
    "did you mean 'learning_rate'? choices: learning_rate, lr"
    """
    known = sorted(choices)
    near = near_match(got, known)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{hint}choices: {', '.join(known)}"


def near_match(got: str, choices: Iterable[str]) -> str | None:
    """Return the choice that was probably meant; None if none is similar.

    >>> near_match("hiden_size", ["hidden_size", "lr"])
    'hidden_size'
    """
    import difflib  # Ctrl-C while a command starts needs this module at once

    return next(iter(difflib.get_close_matches(got, sorted(choices), n=1, cutoff=0.6)), None)
