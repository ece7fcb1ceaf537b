"""Checks that files can be written before the work that produces them begins."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from lstm_bench.core.errors import DataError

__all__ = ["check_can_be_made", "may_write", "nearest_existing"]


def nearest_existing(path: Path) -> Path:
    """Return a path, or its nearest parent that exists. What cannot be accessed counts as absent."""
    candidates = (path, *path.absolute().parents)
    # Path.exists raises if a folder may not be entered
    return next(candidate for candidate in candidates if os.path.exists(candidate))  # noqa: PTH110


def may_write(folder: Path) -> bool:
    """Whether files may be created in an existing folder."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def check_can_be_made(option: str, folder: Path) -> None:
    """Check that a folder exists or can be created, by creating it. Folders created here are removed again.

    Raises
    ------
    DataError
        If it cannot be created; the message names the option.
    """
    created = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{option}: cannot write to {folder}: {error.strerror}") from error
    finally:
        for path in created:
            with suppress(OSError):  # not created, or another process uses it already
                path.rmdir()
