"""A folder of arrays that processes share: written once, read as memory maps, least recently used entries removed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.dataset.array_entry import (
    Arrays,
    Content,
    DamagedError,
    Entry,
    entry_bytes,
    exclusive,
    last_used,
    open_entry,
    read_entry,
    remove_entry,
    try_exclusive,
    write_entry,
)

__all__ = ["FOLDER_VARIABLE", "SIZE_VARIABLE", "ArrayStore", "EntryInfo", "default_bytes", "default_folder"]

logger = logging.getLogger("lstm_bench")

FOLDER_VARIABLE = "LSTM_BENCH_CACHE"
"""Environment variable with the cache's folder."""

SIZE_VARIABLE = "LSTM_BENCH_CACHE_GB"
"""Environment variable with the cache's largest size, in 10^9 bytes."""

_DEFAULT_BYTES = 20_000_000_000


def default_folder() -> Path:
    """Return the folder of cached datasets: ``LSTM_BENCH_CACHE``, by default in the user's cache folder."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return Path(folder).expanduser() if folder else platformdirs.user_cache_path("lstm-bench") / "datasets"


def default_bytes() -> int:
    """Return the largest size of the cache: ``LSTM_BENCH_CACHE_GB``, by default 20 GB.

    Raises ConfigError if the variable is not a number of at least 0.
    """
    size = os.environ.get(SIZE_VARIABLE)
    if not size:
        return _DEFAULT_BYTES
    try:
        gigabytes = float(size)
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < 1e9:
        raise ConfigError(f"{SIZE_VARIABLE}: got {size!r}, expected a number of gigabytes such as 20")
    return int(gigabytes * 1e9)


@dataclass(frozen=True)
class EntryInfo:
    """Description of an entry."""

    key: str  # name of its folder
    bytes: int  # size on disk, including abandoned staging folders
    used: datetime  # time at which it was last opened
    in_use: bool  # whether a process has it open or writes it
    content: Content  # its plain data, empty if it cannot be read


class ArrayStore:
    """A folder of entries.

    ``folder`` is :func:`default_folder` by default; it is created when it is needed. ``max_bytes`` is the largest
    size of all entries, :func:`default_bytes` by default. Open entries are included, but never removed.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        self.folder = default_folder() if folder is None else folder
        self.max_bytes = default_bytes() if max_bytes is None else max_bytes

    def open(self, key: str, build: Callable[[], tuple[Arrays, Content]]) -> Entry:
        """Open an entry. If it is absent or damaged, build it first, while other processes wait.

        Raises DataError if the folder cannot be written.
        """
        entry = self._open(key)
        while entry is None:
            entry = self._build(key, build)
        return entry

    def info(self) -> list[EntryInfo]:
        """Describe all entries, the most recently used first."""
        entries = [self._describe(key) for key in self._keys()]
        return sorted(entries, key=lambda entry: entry.used, reverse=True)

    def clear(self) -> list[EntryInfo]:
        """Remove all entries that no process has open; return the removed ones."""
        return [entry for entry in self.info() if remove_entry(self.folder / entry.key)]

    def evict(self) -> None:
        """Remove the least recently used entries until the rest takes at most ``max_bytes``."""
        entries = self.info()
        excess = sum(entry.bytes for entry in entries) - self.max_bytes
        for entry in reversed(entries):
            if excess <= 0:
                return
            if remove_entry(self.folder / entry.key):
                logger.info("dataset cache: removed %s, %.0f MB", entry.key, entry.bytes / 1e6)
                excess -= entry.bytes

    def _open(self, key: str) -> Entry | None:
        """Open a complete entry; None if there is none."""
        try:
            with self._writable():
                return open_entry(self.folder / key)
        except DamagedError:
            return None

    def _build(self, key: str, build: Callable[[], tuple[Arrays, Content]]) -> Entry | None:
        """Build an entry unless another process just did; None if it was removed since."""
        path = self.folder / key
        with self._writable():
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = exclusive(path)
        try:
            if not self._is_complete(path):
                arrays, content = build()
                with self._writable():
                    write_entry(path, arrays, content)
        finally:
            os.close(lock)
        entry = self._open(key)
        self.evict()
        return entry

    def _is_complete(self, path: Path) -> bool:
        """Whether an entry exists and is complete; warn if it is damaged."""
        if not path.is_dir():
            return False
        try:
            read_entry(path)
        except DamagedError as damage:
            logger.warning("%s; building it again", damage)
            return False
        return True

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """Convert an OSError into an error that names the folder."""
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.folder}: the cache of datasets cannot be written: {error.strerror}; "
                f"{FOLDER_VARIABLE} names another folder"
            ) from error

    def _keys(self) -> list[str]:
        """Keys of entries, and of staging folders that a killed process left."""
        if not self.folder.is_dir():
            return []
        names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        return sorted({name.removeprefix(".").partition(".")[0] for name in names})

    def _describe(self, key: str) -> EntryInfo:
        path = self.folder / key
        content: Content = {}
        with suppress(DamagedError):
            content = read_entry(path)[1]
        used = datetime.fromtimestamp(last_used(path), UTC)
        lock = try_exclusive(path)
        if lock is not None:
            os.close(lock)
        return EntryInfo(key, entry_bytes(path), used, lock is None, content)
