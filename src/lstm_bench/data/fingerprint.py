"""Computes the fingerprint of a data folder, which identifies the data of a result."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import platformdirs

from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import DataError
from lstm_bench.data.layout import BARS_SUFFIX, CALENDAR, FEATURES, INSTRUMENTS
from lstm_bench.data.provider import Provider

__all__ = ["cache_path", "fingerprint"]

logger = logging.getLogger("lstm_bench")


def cache_path() -> Path:
    """Return the file that caches fingerprints by size and modification time."""
    return Path(platformdirs.user_cache_dir("lstm-bench")) / "fingerprints.json"


def fingerprint(provider: Provider) -> str:
    """SHA-256 (hex) over the calendar, the instruments and the bars of a data folder.

    It depends on content alone: not on the folder's path, the case of its names, or the dates of files. Hashes are
    cached by the size and modification time of every file, so that a repeated call costs a directory walk.

    Raises DataError if a file of the folder cannot be read.
    """
    try:
        return _fingerprint(provider.root)
    except OSError as error:
        raise DataError(f"{error.filename or provider.root}: cannot be read: {error.strerror}") from error


def _fingerprint(root: Path) -> str:
    files = sorted(_files(root))
    state = _sha256(f"{name}\t{stat.st_size}\t{stat.st_mtime_ns}" for name, _, stat in files)
    key = str(root.resolve())
    cached = _read_cache().get(key)
    if cached is not None and cached[0] == state:
        return cached[1]

    with ThreadPoolExecutor() as pool:  # hashlib releases the GIL
        digests = list(pool.map(_digest, (path for _, path, _ in files)))
    value = _sha256(f"{name}\t{digest}" for (name, _, _), digest in zip(files, digests, strict=True))
    _write_cache(key, state, value)
    return value


def _sha256(lines: Iterable[str]) -> str:
    text = "".join(f"{line}\n" for line in lines)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()  # names need not be UTF-8


def _files(root: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield lower-cased relative name, path and stat of every hashed file."""
    calendar = root / CALENDAR
    if calendar.is_file():
        yield CALENDAR, str(calendar), calendar.stat()
    yield from _scan(root / INSTRUMENTS, INSTRUMENTS, ".txt")
    with os.scandir(root / FEATURES) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _scan(Path(entry.path), f"{FEATURES}/{entry.name.lower()}", BARS_SUFFIX)


def _scan(folder: Path, prefix: str, suffix: str) -> Iterator[tuple[str, str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                yield f"{prefix}/{entry.name.lower()}", entry.path, entry.stat()


def _digest(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - thousands of files: no Path object for each
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_cache() -> dict[str, tuple[str, str]]:
    """Folder -> state and fingerprint; invalid entries are left out."""
    try:
        content = json.loads(cache_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing, unreadable, or cut off by a crash: hash again
        return {}
    entries = content.items() if isinstance(content, dict) else ()
    return {
        folder: (entry[0], entry[1])
        for folder, entry in entries
        if isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)
    }


def _write_cache(folder: str, state: str, value: str) -> None:
    """Cache a fingerprint; log a warning if the cache cannot be written."""
    path = cache_path()
    try:
        write_whole(path, json.dumps({**_read_cache(), folder: (state, value)}, indent=1))
    except OSError as error:
        _say_forgotten(path, error.strerror)


@cache
def _say_forgotten(path: Path, reason: str) -> None:
    logger.warning("%s: cannot be written (%s); the data is hashed anew each time", path, reason)
