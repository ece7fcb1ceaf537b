"""A folder of arrays that processes share: written once, read as memory maps, the least recently used dropped."""

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

__all__ = [
    "FOLDER_VARIABLE",
    "SIZE_VARIABLE",
    "ArrayStore",
    "EntryInfo",
    "default_bytes",
    "default_folder",
]

logger = logging.getLogger("lstm_bench")

FOLDER_VARIABLE = "LSTM_BENCH_CACHE"
"""Environment variable that names the cache's folder."""

SIZE_VARIABLE = "LSTM_BENCH_CACHE_GB"
"""Environment variable that caps its size, in 10^9 bytes."""

_DEFAULT_BYTES = 20_000_000_000


def default_folder() -> Path:
    """Return the folder of cached datasets: ``LSTM_BENCH_CACHE``, or else the user's cache folder."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given).expanduser() if given else platformdirs.user_cache_path("lstm-bench") / "datasets"


def default_bytes() -> int:
    """Return the size that the cache may have: ``LSTM_BENCH_CACHE_GB``, or else 20 GB.

    Raises
    ------
    ConfigError
        Where the variable is no number from 0 on.
    """
    given = os.environ.get(SIZE_VARIABLE)
    if not given:
        return _DEFAULT_BYTES
    try:
        gigabytes = float(given)
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < 1e9:
        raise ConfigError(f"{SIZE_VARIABLE}: got {given!r}, expected a number of gigabytes such as 20")
    return int(gigabytes * 1e9)


@dataclass(frozen=True)
class EntryInfo:
    """What there is of an entry.

    Attributes
    ----------
    key
    bytes : on disk, abandoned stagings included
    used : when it was last opened
    in_use : whether some process has it open, or writes it
    content : its plain data, empty where it cannot be read
    """

    key: str
    bytes: int
    used: datetime
    in_use: bool
    content: Content


class ArrayStore:
    """A folder of entries.

    Parameters
    ----------
    folder
        Where they are, :func:`default_folder` by default. Made when it is needed.
    max_bytes
        What they may take together, :func:`default_bytes` by default. Entries that are open count, and stay.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        self.folder = default_folder() if folder is None else folder
        self.max_bytes = default_bytes() if max_bytes is None else max_bytes

    def open(self, key: str, build: Callable[[], tuple[Arrays, Content]]) -> Entry:
        """Open an entry, built first where it is absent or damaged. Other processes wait for that.

        Raises
        ------
        DataError
            Where the folder cannot be written.
        """
        entry = self._open(key)
        while entry is None:
            entry = self._build(key, build)
        return entry

    def info(self) -> list[EntryInfo]:
        """Describe all entries, the most recently used first."""
        found = [self._describe(key) for key in self._keys()]
        return sorted(found, key=lambda entry: entry.used, reverse=True)

    def clear(self) -> list[EntryInfo]:
        """Remove all entries that no process has open; return those removed."""
        return [entry for entry in self.info() if remove_entry(self.folder / entry.key)]

    def evict(self) -> None:
        """Remove the least recently used entries until the rest is within ``max_bytes``."""
        entries = self.info()
        excess = sum(entry.bytes for entry in entries) - self.max_bytes
        for entry in reversed(entries):
            if excess <= 0:
                return
            if remove_entry(self.folder / entry.key):
                logger.info("dataset cache: removed %s, %.0f MB", entry.key, entry.bytes / 1e6)
                excess -= entry.bytes

    def _open(self, key: str) -> Entry | None:
        """Open an entry that is whole; None where there is none."""
        try:
            with self._writable():
                return open_entry(self.folder / key)
        except DamagedError:
            return None

    def _build(self, key: str, build: Callable[[], tuple[Arrays, Content]]) -> Entry | None:
        """Build an entry unless another process just has; None where a third has removed it since."""
        path = self.folder / key
        with self._writable():
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = exclusive(path)
        try:
            if not self._is_whole(path):
                arrays, content = build()
                with self._writable():
                    write_entry(path, arrays, content)
        finally:
            os.close(lock)
        entry = self._open(key)
        self.evict()
        return entry

    def _is_whole(self, path: Path) -> bool:
        """Whether an entry is there and whole; one that is damaged is said."""
        if not path.is_dir():
            return False
        try:
            read_entry(path)
        except DamagedError as damage:
            logger.warning("%s; it is built again", damage)
            return False
        return True

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """Name the folder where it cannot be written."""
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self.folder}: the cache of datasets cannot be written: {error.strerror}; "
                f"{FOLDER_VARIABLE} names another folder"
            ) from error

    def _keys(self) -> list[str]:
        """Keys of entries, and of stagings that a killed process left."""
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
