"""The data's fingerprint: what a result was computed from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import platformdirs

from lstm_bench.data.provider import Provider

__all__ = ["cache_path", "fingerprint"]


def cache_path() -> Path:
    """Return the file that remembers fingerprints by size and modification time."""
    return Path(platformdirs.user_cache_dir("lstm-bench")) / "fingerprints.json"


def fingerprint(provider: Provider) -> str:
    """SHA-256 (hex) over the calendar, the instruments and the bars of a data folder.

    It depends on content alone: not on the folder's place, on the case of its names, or on dates of files.
    Hashing is remembered by the size and modification time of every file, so that asking again costs a
    directory walk.
    """
    files = sorted(_files(provider.root))
    state = hashlib.sha256(
        "\n".join(f"{name}\t{stat.st_size}\t{stat.st_mtime_ns}" for name, _, stat in files).encode()
    ).hexdigest()
    key = str(provider.root.resolve())
    cached = _read_cache().get(key)
    if cached is not None and cached[0] == state:
        return cached[1]

    with ThreadPoolExecutor() as pool:  # hashlib lets go of the interpreter lock
        digests = list(pool.map(_digest, (path for _, path, _ in files)))
    total = hashlib.sha256()
    for (name, _, _), digest in zip(files, digests, strict=True):
        total.update(f"{name}\t{digest}\n".encode())
    value = total.hexdigest()
    _write_cache(key, state, value)
    return value


def _files(root: Path) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield lower-cased relative name, path and stat of every file that counts."""
    for folder, suffix in (("calendars", "day.txt"), ("instruments", ".txt")):
        yield from _scan(root / folder, folder, suffix)
    with os.scandir(root / "features") as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _scan(Path(entry.path), f"features/{entry.name.lower()}", ".day.bin")


def _scan(folder: Path, prefix: str, suffix: str) -> Iterator[tuple[str, str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(suffix):
                yield f"{prefix}/{entry.name.lower()}", entry.path, entry.stat()


def _digest(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - thousands of files: no Path object for each
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_cache() -> dict[str, tuple[str, str]]:
    try:
        return {
            key: (str(state), str(value))
            for key, (state, value) in json.loads(cache_path().read_text()).items()
        }
    except (FileNotFoundError, ValueError):  # absent, or cut off by a crash: hash again
        return {}


def _write_cache(key: str, state: str, value: str) -> None:
    path = cache_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = _read_cache()
    entries[key] = (state, value)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(entries, indent=1))
    draft.replace(path)
