"""Finished work that finds no room where it belongs: kept in another place, and found there by the next start.

A name is a hash of all that the work follows from, so that what is found under it is the same wherever it lies.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from lstm_bench.core.atomic import nearest_there
from lstm_bench.core.errors import DataError
from lstm_bench.dataset.array_store import default_folder

__all__ = ["check_room", "drop", "free_bytes", "is_full", "rescue", "rescued"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MIB = 2**20


def free_bytes(folder: Path) -> int:
    """Return the room that is left where a folder is, or will be."""
    return shutil.disk_usage(nearest_there(folder)).free


def check_room(folder: Path, needed: float, what: str) -> None:
    """Check that something of ``needed`` bytes fits into a folder.

    Raises
    ------
    DataError
        Where it does not; it names the folder, what is needed and what is free.
    """
    free = free_bytes(folder)
    if free < needed:
        raise DataError(
            f"--out: {folder} has {free / _MIB:.1f} MiB of room, expected {needed / _MIB:.1f} MiB or more for {what}; "
            "make room, or name a folder on another disk"
        )


def is_full(error: OSError) -> bool:
    """Tell whether an error says that there is no room: on the disk, of a quota, or for a file so large."""
    return error.errno in _FULL


def rescue(name: str, write: Callable[[Path], None]) -> Path | None:
    """Keep what ``write`` makes at the path that it is given, a file or a folder, where there is room.

    Returns
    -------
    The path; None where there is room nowhere.
    """
    for place in _places():
        draft = place / f".{name}.{os.getpid()}.draft"
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            write(draft)
            drop(place / name)
            draft.rename(place / name)
        except OSError:
            drop(draft)
        else:
            return place / name
    return None


def rescued(name: str) -> Path | None:
    """Find what was kept under a name; None where nothing was."""
    return next((place / name for place in _places() if os.path.exists(place / name)), None)  # noqa: PTH110


def drop(path: Path) -> None:
    """Remove a file or a folder; what cannot be removed stays."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _places() -> Iterator[Path]:
    """Where there may be room: beside the cached datasets, and in the folder of temporary files."""
    cache = default_folder()
    yield cache.with_name(f"{cache.name}-rescued")
    yield Path(tempfile.gettempdir()) / f"lstm-bench-{os.getuid()}" / "rescued"
