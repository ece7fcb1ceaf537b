"""An entry of the cache: a folder with arrays, which processes map, and plain data; and its lock.

The folder has ``entry.json`` and a ``.npy`` file per array. Next to it is ``<key>.lock``. Its modification time is the
time at which the entry was last opened. A process that writes or removes the entry holds its ``flock`` exclusively; a
process that has it open holds the lock shared. So an open entry is never removed, and a dead process holds no lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lstm_bench.core.atomic import publish, staging, stagings_of
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Array

__all__ = [
    "Arrays", "Content", "DamagedError", "Entry", "entry_bytes", "exclusive", "last_used", "open_entry",
    "read_entry", "remove_entry", "try_exclusive", "write_entry",
]  # fmt: skip

Arrays = Mapping[str, Array]
Content = dict[str, Any]

_INDEX = "entry.json"
_SMALL_BYTES = 1 << 16
"""Arrays up to this size are read, not mapped."""


class DamagedError(DataError):
    """An entry is incomplete or missing."""


def _index(path: Path) -> dict[str, Any]:
    """Read an entry's index."""
    try:
        index = json.loads((path / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path}: a damaged entry: {_INDEX}: {error}") from error
    if not (isinstance(index, dict) and {"bytes", "content"} <= set(index)):
        raise DamagedError(f"{path}: a damaged entry: {_INDEX} has no bytes or no content")
    return index


def read_entry(path: Path) -> tuple[dict[str, Array], Content]:
    """Map an entry's arrays, and read its plain data.

    Raises DamagedError if an array is missing, or its file does not have the size in the index.
    """
    index = _index(path)
    arrays = {}
    for name, expected in index["bytes"].items():
        file = path / f"{name}.npy"
        try:
            got = file.stat().st_size
            if got != expected:
                raise DamagedError(
                    f"{path}: a damaged entry: {file.name} has {counted(got, 'byte')}, expected {expected}"
                )
            # copy on write: nothing writes, but torch warns about arrays that are not writable
            array = np.load(file, mmap_mode="c" if got > _SMALL_BYTES else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DamagedError(f"{path}: a damaged entry: {file.name}: {error}") from error
        arrays[name] = np.asarray(array)
    return arrays, index["content"]


class Entry:
    """An open entry. It is not removed until it is closed, or this object or its process ends.

    Changes of its ``arrays`` are private to this process; its ``content`` is plain data.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._close = weakref.finalize(self, os.close, lock)
        try:
            self.arrays, self.content = read_entry(path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the entry. Its arrays stay readable, even if the entry is removed."""
        self._close()


def open_entry(path: Path) -> Entry:
    """Open the entry in a folder.

    Raises DataError if there is none, or it is damaged.
    """
    if not path.is_dir():
        raise DamagedError(f"{path}: the cache has no such entry; it was removed or never built")
    entry = Entry(path, lock := _locked(path, fcntl.LOCK_SH))
    os.utime(lock)
    return entry


def write_entry(path: Path, arrays: Arrays, content: Content) -> None:
    """Write an entry, complete or not at all. The caller holds its lock exclusively."""
    for part in _parts(path):
        shutil.rmtree(part)
    with staging(path) as staged:
        staged.mkdir()
        for name, array in arrays.items():
            np.save(staged / f"{name}.npy", array, allow_pickle=False)
        sizes = {name: (staged / f"{name}.npy").stat().st_size for name in arrays}
        index = json.dumps({"bytes": sizes, "content": content}, allow_nan=False)
        (staged / _INDEX).write_text(index, encoding="utf-8")
        publish(staged, path)


def remove_entry(path: Path) -> bool:
    """Remove an entry and its staging folders, unless a process has it open or writes it; return whether it is gone."""
    lock = try_exclusive(path)
    if lock is None:
        return False
    try:
        for part in _parts(path):
            shutil.rmtree(part)
        _lock_file(path).unlink()
    finally:
        os.close(lock)
    return True


def last_used(path: Path) -> float:
    """Time at which an entry was last opened, in seconds since 1970; 0 if unknown."""
    with suppress(FileNotFoundError):
        return _lock_file(path).stat().st_mtime
    return 0.0


def entry_bytes(path: Path) -> int:
    """Bytes of an entry and its staging folders; files that disappear in the meantime are ignored."""
    total = 0
    for part in _parts(path):
        with suppress(FileNotFoundError):
            for file in part.iterdir():
                total += file.stat().st_size
    return total


def _parts(path: Path) -> list[Path]:
    """Folders of an entry: its own and its staging folders."""
    return [part for part in (path, *(one.path for one in stagings_of(path))) if part.is_dir()]


def exclusive(path: Path) -> int:
    """Wait for an entry's exclusive lock, and return its file descriptor; closing that releases the lock."""
    return _locked(path, fcntl.LOCK_EX)


def try_exclusive(path: Path) -> int | None:
    """Take an entry's exclusive lock and return its file descriptor; None if another process holds it."""
    try:
        return _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _locked(path: Path, kind: int) -> int:
    while True:
        lock = os.open(_lock_file(path), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, kind)
            # removing an entry also removes its lock file: the file that was waited for may be deleted by now
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), _lock_file(path).stat()):
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
