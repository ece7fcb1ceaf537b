"""Atomic publication of files and folders: they become visible complete, or not at all.

A file or folder is staged under a hidden name beside its place, flushed to the disk, and renamed. The rename is flushed
too. After a kill or a power cut, a reader finds the old content or the new one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lstm_bench.core.processes import ProcessName

__all__ = [
    "Staging",
    "publish",
    "recover",
    "remove_folder",
    "staged_file",
    "staging",
    "stagings_in",
    "stagings_of",
    "swap",
    "write_whole",
]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # renameat2 of Linux
_RENAME_SWAP = 2  # renamex_np of macOS

_START_DIGITS = 10
"""Hexadecimal digits of a process's start in the name of a staging. Eight random digits follow."""

_MOST_FLUSHED_SINGLY = 100
"""A folder with more files is flushed together with its file system, if the system can: 8,000 small files took 0.15 s
instead of 10 to 20 s."""


@dataclass(frozen=True)
class Staging:
    """A file or folder that a process is writing, or was writing when it was killed.

    Attributes
    ----------
    path
    place : name of what it was to become
    owner : the process. Earlier versions wrote no start, and for files no host.
    """

    path: Path
    place: str
    owner: ProcessName

    @property
    def is_active(self) -> bool:
        """Whether its process may still write to it."""
        return self.owner.may_run


@contextmanager
def staging(place: Path) -> Iterator[Path]:
    """Yield a path beside ``place`` at which to write a file or folder. Whatever is left there at the end is removed.

    Stagings of the same place whose processes were killed are removed first.
    """
    _make_folder(place.parent)
    _remove_abandoned(place)
    path = place.with_name(f".{place.name}.{_owner_text()}{uuid.uuid4().hex[:8]}.draft")
    try:
        yield path
    finally:
        _remove(path)


@contextmanager
def staged_file(place: Path) -> Iterator[Path]:
    """Yield a path at which to write a file. The file replaces the one at ``place`` unless an exception is raised.

    Raises
    ------
    OSError
        If it cannot be written or renamed. The existing file stays.
    """
    with staging(place) as path:
        yield path
        publish(path, place)


def write_whole(place: Path, content: str | bytes) -> None:
    """Write a file from a string (as UTF-8) or bytes, complete or not at all.

    Raises
    ------
    OSError
        If it cannot be written. The existing file stays.
    """
    try:
        with staged_file(place) as path:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        error.filename = error.filename or str(place)  # the error of a full disk names no file
        raise


def publish(staged: Path, place: Path) -> None:
    """Move a staged file or folder to ``place``.

    A file replaces an existing file. A folder needs a place that is absent or an empty folder.

    Raises
    ------
    OSError
        If it cannot be moved, for instance because ``place`` is a folder that is not empty.
    """
    _flush(staged)
    staged.replace(place)
    _flush_entry(place.parent)


def swap(staged: Path, place: Path) -> None:
    """Exchange a staged folder with the folder at ``place``.

    If the system and the file system can exchange two names in one step (Linux and macOS, on most file systems),
    ``place`` exists at every moment. Otherwise it is absent for a moment; :func:`recover` repairs what a kill at that
    moment leaves.
    """
    _flush(staged)
    if not _exchange(staged, place):
        aside = _aside(place)
        place.rename(aside)
        staged.rename(place)
        _flush_entry(place.parent)
        aside.rename(staged)
    _flush_entry(place.parent)


def recover(place: Path) -> None:
    """Repair what killed processes left: put back a folder that :func:`swap` set aside, and remove stagings."""
    aside = _aside(place)
    if aside.is_dir():
        if place.exists():
            shutil.rmtree(aside)
        else:
            aside.rename(place)
            _flush_entry(place.parent)
    _remove_abandoned(place)


def remove_folder(place: Path) -> None:
    """Remove a folder. It vanishes in one rename; a kill leaves a staging, which the next one removes."""
    with staging(place) as aside:
        if place.exists():
            place.rename(aside)
            _flush_entry(place.parent)


def stagings_of(place: Path) -> list[Staging]:
    """Return the stagings of a file or folder, sorted by name."""
    return _stagings(place.parent, re.escape(place.name))


def stagings_in(folder: Path) -> list[Staging]:
    """Return the stagings in a folder of all places without a dot in their names, sorted by name."""
    return _stagings(folder, "[^.]+")


def _stagings(folder: Path, places: str) -> list[Staging]:
    """Find the stagings of places whose names match a pattern."""
    pattern = re.compile(rf"\.({places})\.(?:(.+)-)?([0-9]+)-([0-9a-f]+)\.draft")
    try:
        hidden = sorted(name for name in os.listdir(folder) if name.startswith("."))  # noqa: PTH208 - may be large
    except OSError:  # absent, or not ours to list
        return []
    return [
        Staging(folder / match[0], match[1], _owner(match[2] or "", int(match[3]), match[4]))
        for match in map(pattern.fullmatch, hidden)
        if match is not None
    ]


def _owner_text() -> str:
    """Return this process as the name of a staging has it: host, number and start, in hundredths of a second."""
    process = ProcessName.current()
    return f"{process.host}-{process.pid}-{round((process.started or 0.0) * 100):0{_START_DIGITS}x}"


def _owner(host: str, pid: int, digits: str) -> ProcessName:
    """Read the process from the name of a staging; earlier versions wrote no start."""
    has_start = len(digits) == _START_DIGITS + 8
    return ProcessName(host, pid, int(digits[:_START_DIGITS], 16) / 100 if has_start else None)


def _remove_abandoned(place: Path) -> None:
    for left in stagings_of(place):
        if not left.is_active:
            _remove(left.path)


def _remove(path: Path) -> None:
    """Remove a file or folder as far as possible."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents durably."""
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in created:
        _flush_entry(path.parent)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")


def _flush(path: Path) -> None:
    """Wait until a file, or a folder with all that is in it, is on the disk."""
    if not path.is_dir():
        _flush_entry(path)
        return
    tree = [(Path(folder), names) for folder, _, names in os.walk(path, topdown=False)]
    if sum(len(names) for _, names in tree) > _MOST_FLUSHED_SINGLY and _flush_file_system(path):
        return
    for folder, names in tree:
        for name in names:
            _flush_entry(folder / name)
        _flush_entry(folder)


def _flush_entry(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # some network file systems cannot flush folders; they write names through
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


def _flush_file_system(path: Path) -> bool:
    """Flush the file system that holds a path; False if the system cannot."""
    try:
        flush = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:  # Linux only
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if flush(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False if the system or the file system cannot."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            result = library.renamex_np(os.fsencode(one), os.fsencode(other), ctypes.c_uint(_RENAME_SWAP))
        else:
            result = library.renameat2(
                _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
            )
    except (AttributeError, OSError, TypeError):  # no such function
        return False
    return bool(result == 0)
