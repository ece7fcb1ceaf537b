"""Places that a command is to write to, checked before it begins its work."""

from __future__ import annotations

import os
from pathlib import Path

from lstm_bench.core.errors import InputError
from lstm_bench.core.writable import may_write, nearest_existing

__all__ = ["check_file", "check_folder"]


def check_file(option: str, path: Path | None) -> None:
    """Check that a file can be written; None is none.

    Raises
    ------
    InputError
        Where it is a folder, lies below a file, or may not be made; it names the option.
    """
    if path is None:
        return
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder may not be entered
        raise InputError(f"{option}: {path} is a folder, expected a file")
    check_folder(option, path.parent)


def check_folder(option: str, path: Path | None) -> None:
    """Check that files can be written to a folder, which need not be there; None is none.

    Raises
    ------
    InputError
        Where it or what it lies below is a file, or may not be written to; it names the option.
    """
    if path is None:
        return
    there = nearest_existing(path)
    if not there.is_dir():
        raise InputError(f"{option}: {there} is a file, expected a folder")
    if not may_write(there):
        raise InputError(f"{option}: no permission to write in {there}")
