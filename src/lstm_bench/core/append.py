"""Appending to a file: the whole text, or nothing of it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["append_whole"]


def append_whole(path: Path, content: bytes) -> None:
    """Append bytes to a file, which is created if it does not exist, and wait until they are on the disk.

    Writers must hold a lock. A process that is killed in the middle may leave a part of the bytes at the end.

    Raises
    ------
    OSError
        If they cannot be written, for instance because the disk is full. The file is as before.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        before = os.fstat(descriptor).st_size
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, before)
            error.filename = error.filename or str(path)  # the error of a full disk names no file
            raise
    finally:
        os.close(descriptor)
