"""Records that find no room where they belong: kept elsewhere, and put there by the next start."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from lstm_bench.core.errors import RunError
from lstm_bench.record.record import Record, publish
from lstm_bench.record.rescue import drop, free_bytes, is_full, rescue, rescued

__all__ = ["expect_room", "forget_rescued", "keep_elsewhere", "take_rescued"]

logger = logging.getLogger("lstm_bench")


def expect_room(experiment: Path, needed: float) -> None:
    """Look again before a record is written: others fill a disk, too."""
    if free_bytes(experiment) < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(experiment))


def keep_elsewhere(seed: int, folder: Path, write: Callable[[Path], None]) -> str:
    """Keep a record that finds no room in its folder; say where."""

    def fill(draft: Path) -> None:
        draft.mkdir()
        write(draft)

    kept = rescue(folder.name, fill)
    if kept is None:
        return f"seed {seed}: {folder.parent} has no room for its record, nor has any other place; it is lost"
    return (
        f"seed {seed}: {folder.parent} has no room for its record, which is kept in {kept}; make room, and the same "
        "command (without --force) takes it from there"
    )


def forget_rescued(folder: Path) -> None:
    """Drop what an earlier start kept of a record that has been computed again since."""
    while (kept := rescued(folder.name)) is not None:
        drop(kept)
        if kept.exists():
            return


def take_rescued(folder: Path) -> Record | None:
    """Put a record where it belongs that an earlier start had to keep elsewhere; None where there is none.

    It replaces a record that is there: only ``--force`` computes a run that has one, and that was to replace it.
    """
    kept = rescued(folder.name)
    if kept is None or Record.find(kept) is None:
        return None

    def copy(draft: Path) -> None:
        for file in kept.iterdir():  # copytree gathers its errors, and their numbers are lost
            shutil.copyfile(file, draft / file.name)

    try:
        record, _ = publish(folder, copy, replace=True)
    except OSError as error:
        if not is_full(error):
            raise
        raise RunError(
            f"{folder.parent} has no room for the record that is kept in {kept}; make room, and start again"
        ) from error
    logger.info("the record that was kept in %s for want of room is in %s now", kept, folder)
    drop(kept)
    return record
