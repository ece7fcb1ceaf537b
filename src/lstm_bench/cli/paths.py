"""Checks of files and folders that options name, made before a command begins its work."""

from __future__ import annotations

import os
from pathlib import Path

from lstm_bench.cli.options import RESULTS
from lstm_bench.core.errors import InputError
from lstm_bench.core.writable import may_write, nearest_existing

__all__ = ["check_file", "check_folder", "check_results"]


def check_results(results: Path) -> None:
    """Check that ``--results`` is a folder; only the default one may be missing.

    Raises
    ------
    InputError
        If it is a file or does not exist.
    """
    if results.exists() and not results.is_dir():
        raise InputError(f"--results: {results} is a file, expected a folder")
    if not results.exists() and results != RESULTS:
        raise InputError(f"--results: there is no folder {results}")


def check_file(option: str, path: Path | None) -> None:
    """Check that a file can be written, if one is given.

    Raises
    ------
    InputError
        If it is a folder, lies below a file, or cannot be written; the message names the option.
    """
    if path is None:
        return
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises if its parent cannot be entered
        raise InputError(f"{option}: {path} is a folder, expected a file")
    check_folder(option, path.parent)


def check_folder(option: str, path: Path | None) -> None:
    """Check that files can be written to a folder, if one is given. It need not exist.

    Raises
    ------
    InputError
        If it or one of its parents is a file, or cannot be written to; the message names the option.
    """
    if path is None:
        return
    existing = nearest_existing(path)
    if not existing.is_dir():
        raise InputError(f"{option}: {existing} is a file, expected a folder")
    if not may_write(existing):
        raise InputError(f"{option}: no permission to write in {existing}")
