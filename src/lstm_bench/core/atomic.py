"""Files that are written whole or not at all, and whether there is a place for them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lstm_bench.core.errors import DataError

__all__ = ["check_can_be_made", "draft_of", "may_write", "nearest_there", "write_whole"]


def nearest_there(path: Path) -> Path:
    """Return a path, or the nearest above it that is there; what may not be entered counts as not there."""
    places = (path, *path.absolute().parents)
    # Path.exists raises where a folder may not be entered
    return next(place for place in places if os.path.exists(place))  # noqa: PTH110


def may_write(folder: Path) -> bool:
    """Tell whether files may be made in a folder that is there."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def check_can_be_made(option: str, folder: Path) -> None:
    """Check that a folder is there or can be made, by making it; what was made is removed again.

    Raises
    ------
    DataError
        Where it cannot; it names the option.
    """
    made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{option}: cannot write to {folder}: {error.strerror}") from error
    finally:
        for path in made:
            with suppress(OSError):  # it was not made, or another process has begun to use it
                path.rmdir()


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """Give a place beside a file's own to write it to; it moves to its own in one rename, if nothing was raised.

    Raises
    ------
    OSError
        Where it cannot be moved; what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.draft")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a text (as UTF-8) or bytes beside its place, wait until it is on the disk, and move it there in one rename.

    Raises
    ------
    OSError
        Where it cannot be written; what was there stays.
    """
    try:
        with draft_of(path) as draft, draft.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say whose
        raise
