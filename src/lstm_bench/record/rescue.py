"""Checks for disk space, and storage elsewhere of finished work that does not fit, until the next start.

The name of a stored file or folder is a hash of everything that determines its content, so it can be used from any
place.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from lstm_bench.core.atomic import publish as make_visible
from lstm_bench.core.atomic import staging, swap
from lstm_bench.core.errors import DataError, RunError
from lstm_bench.core.writable import nearest_existing
from lstm_bench.dataset.array_store import default_folder
from lstm_bench.record.publish import publish_evaluated
from lstm_bench.record.record import Record

__all__ = [
    "check_room",
    "expect_room",
    "forget_rescued",
    "free_bytes",
    "is_full",
    "rescue",
    "rescue_record",
    "rescued",
    "take_rescued",
]

logger = logging.getLogger("lstm_bench")

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MIB = 2**20


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder is on, or will be created on."""
    return shutil.disk_usage(nearest_existing(folder)).free


def check_room(folder: Path, needed: float, what: str) -> None:
    """Check, before work begins, that ``needed`` bytes fit into a folder.

    Raises ``DataError`` if they do not; the message names the folder, what is needed and what is free.
    """
    free = free_bytes(folder)
    if free < needed:
        raise DataError(
            f"--out: {folder} has {free / _MIB:.1f} MiB of room, expected {needed / _MIB:.1f} MiB or more for {what}; "
            "make room, or name a folder on another disk"
        )


def expect_room(folder: Path, needed: float) -> None:
    """Check again before a record is written, since other processes fill the disk too.

    Raises ``OSError`` if there is no room.
    """
    if free_bytes(folder) < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def is_full(error: OSError) -> bool:
    """Whether an error means that there is no room: on the disk, in a quota, or for so large a file."""
    return error.errno in _FULL


def rescue(name: str, write: Callable[[Path], object]) -> Path | None:
    """Keep a file or folder, which ``write`` makes, where there is room; return its path, None if there is no room."""
    for folder in _folders():
        place = folder / name
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with staging(place) as staged:
                write(staged)
                (swap if place.is_dir() else make_visible)(staged, place)
            return place
    return None


def rescued(name: str) -> Path | None:
    """Return the path of a stored file or folder; None if there is none of this name."""
    return next((folder / name for folder in _folders() if os.path.exists(folder / name)), None)  # noqa: PTH110


def rescue_record(seed: int, folder: Path, write: Callable[[Path], None]) -> str:
    """Store a record that does not fit into its folder elsewhere; return a message with the place."""

    def fill(staged: Path) -> None:
        staged.mkdir()
        write(staged)

    kept = rescue(folder.name, fill)
    if kept is None:
        return (
            f"seed {seed}: {folder.parent} has no room for its record, nor does any other place; it is lost"
        )
    return (
        f"seed {seed}: {folder.parent} has no room for its record, which is kept in {kept}; make room, and the same "
        "command (without --force) takes it from there"
    )


def forget_rescued(folder: Path) -> None:
    """Remove stored copies of a record that has been computed again."""
    while (kept := rescued(folder.name)) is not None:
        _remove(kept)
        if kept.exists():
            return


def take_rescued(folder: Path) -> Record | None:
    """Move a record that an earlier start stored elsewhere to its folder; None if there is none.

    It replaces an existing record, because a run that has a record is computed again only with ``--force``.
    Raises ``RunError`` if there is still no room.
    """
    kept = rescued(folder.name)
    if kept is None or Record.find(kept) is None:
        return None

    def copy(staged: Path) -> None:
        for file in kept.iterdir():  # shutil.copytree collects errors and loses their numbers
            shutil.copyfile(file, staged / file.name)

    try:
        record, _ = publish_evaluated(folder, copy, replace=True)
    except OSError as error:
        if not is_full(error):
            raise
        raise RunError(
            f"{folder.parent} has no room for the record that is kept in {kept}; make room, and start again"
        ) from error
    logger.info("the record that was stored in %s for lack of room is now in %s", kept, folder)
    _remove(kept)
    return record


def _remove(path: Path) -> None:
    """Remove a file or folder as far as possible."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _folders() -> Iterator[Path]:
    """Yield folders that may have room: next to the cached datasets, and in the folder of temporary files."""
    cache = default_folder()
    yield cache.with_name(f"{cache.name}-rescued")
    yield Path(tempfile.gettempdir()) / f"lstm-bench-{os.getuid()}" / "rescued"
