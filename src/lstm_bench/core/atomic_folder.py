"""Folders that become visible whole: drafted beside their place, and moved or swapped into it."""

from __future__ import annotations

import ctypes
import glob
import os
import platform
import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

__all__ = ["draft_beside", "move_into_place", "recover", "swap"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # renameat2 of Linux
_RENAME_SWAP = 2  # renamex_np of macOS


@contextmanager
def draft_beside(place: Path) -> Iterator[Path]:
    """Give a name beside ``place`` to draft a folder at; whatever is left there at the end is removed.

    Drafts of processes of this machine that were killed are removed, too.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    host = platform.node()
    for left in place.parent.glob(f".{glob.escape(place.name)}.{glob.escape(host)}-*.draft"):
        process = left.name.removeprefix(f".{place.name}.{host}-").partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)
    draft = place.with_name(f".{place.name}.{host}-{os.getpid()}-{uuid.uuid4().hex[:8]}.draft")
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def move_into_place(draft: Path, place: Path) -> None:
    """Rename ``draft`` to ``place``, which is not there or empty."""
    if place.exists():
        place.rmdir()  # empty, and Windows renames onto nothing that exists
    draft.rename(place)


def swap(draft: Path, place: Path) -> None:
    """Put ``draft`` in the place of the folder ``place``, which becomes the draft.

    Where the system can exchange two names (Linux, macOS, most file systems), ``place`` is one or the other at every
    moment. Elsewhere there is a moment without it; :func:`recover` puts right what a kill in that moment leaves.
    """
    if _exchange(draft, place):
        return
    aside = _aside(place)
    place.rename(aside)
    draft.rename(place)
    aside.rename(draft)


def recover(place: Path) -> None:
    """Put back a folder that a killed process had set aside, or remove it where its successor stands."""
    aside = _aside(place)
    if not aside.is_dir():
        return
    if place.exists():
        shutil.rmtree(aside)
    else:
        aside.rename(place)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system has no such step."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            done = library.renamex_np(os.fsencode(one), os.fsencode(other), ctypes.c_uint(_RENAME_SWAP))
        else:
            done = library.renameat2(
                _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), ctypes.c_uint(_RENAME_EXCHANGE)
            )
    except (AttributeError, OSError, TypeError):  # no such function; Windows has no such library
        return False
    return bool(done == 0)
