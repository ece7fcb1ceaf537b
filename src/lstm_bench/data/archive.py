"""Unpacks the archive of a data folder, which may be malicious.

The filter of :mod:`tarfile` (PEP 706) accepts what is refused here: links inside the folder, two members of one
name, absolute paths (made relative), names that are unusable on other systems, and any amount of content.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.layout import CALENDAR, FEATURES, INSTRUMENTS

__all__ = ["SUFFIXES", "find_data_folder", "unpack"]

SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar")
"""Suffixes of archives that can be unpacked."""

_MAGIC = {b"\x1f\x8b": "gz", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_BLOCK = 4096
"""Least bytes that a file takes on the disk."""

_MAX_HEADER = 1 << 20
_MAX_DEPTH = 3


class _Member(tarfile.TarInfo):
    """A member with a size limit on extended headers, because tarfile reads them into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        names = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if member.type in (*extended, *names) and member.size > _MAX_HEADER:
            raise _UnsafeError(f"a header of {counted(member.size, 'byte')}")
        return member


class _UnsafeError(Exception):
    """An unsafe part of an archive; raised and caught only in this module."""


def unpack(archive: Path, out: Path, max_bytes: int, advance: Callable[[int], None]) -> int:
    """Unpack the files of a tar archive (plain, gzip, xz or zstd) into the new folder ``out``.

    Only plain files and folders below ``out`` are created, with the permissions of new files. Files that macOS adds
    (``._name``, ``.DS_Store``) are left out.

    The content of ``out``, a new folder, is incomplete after an error. ``advance`` is called with the number of bytes
    read from the archive. Returns the bytes of the files. Raises DataError if the file is no archive or is damaged,
    has a link, a device, a path outside of ``out`` or a name twice, or its files take more than ``max_bytes``.
    """
    out.mkdir(parents=True)
    try:
        with _decompressed(archive, max_bytes, advance) as stream:
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar:
                total = _unpack_members(tar, out, max_bytes)
            while stream.read(1 << 20):  # to the end, to verify the checksum of the compression
                pass
    except _UnsafeError as error:
        raise DataError(f"{archive.name}: refused: it has {error}") from error
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(f"{archive.name}: not an archive, or a damaged one: {error}") from error
    return total


def _unpack_members(tar: tarfile.TarFile, out: Path, max_bytes: int) -> int:
    taken = total = 0
    for member in tar:
        path = out / _safe_path(member)
        if member.isdir():
            taken += _BLOCK
        elif not member.isreg() or member.issparse():
            kind = "a link" if member.issym() or member.islnk() else "a device or another special file"
            raise _UnsafeError(f"{kind}, {member.name!r}")
        elif path.name.startswith("._") or path.name == ".DS_Store":
            continue
        else:
            taken += max(_BLOCK, member.size)
        if taken > max_bytes:
            raise _UnsafeError(f"files of more than {counted(max_bytes, 'byte')} (--max-size)")
        try:
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None, "a plain file has content"
            with path.open("xb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
        except (FileExistsError, NotADirectoryError) as error:
            raise _UnsafeError(f"two members of one name, {member.name!r}") from error
        total += member.size
    return total


def _safe_path(member: tarfile.TarInfo) -> PurePosixPath:
    """Return a member's path below the folder.

    Raises _UnsafeError if it leads outside, or is unusable on some system.
    """
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise _UnsafeError(f"a path outside of its folder, {member.name!r}")
    if any(sign in member.name for sign in "\\:\0") or any(ord(sign) < 32 for sign in member.name):
        raise _UnsafeError(f"a name that is invalid on some systems, {member.name!r}")
    return path


def find_data_folder(place: Path) -> Path:
    """Find the data folder: ``place``, or the only folder in it, and so on.

    Raises DataError if there is none.
    """
    folder = place
    for _ in range(_MAX_DEPTH):
        if all((folder / part).exists() for part in (CALENDAR, INSTRUMENTS, FEATURES)):
            return folder
        inside = [path for path in folder.iterdir() if path.is_dir()]
        if len(inside) != 1:
            break
        folder = inside[0]
    raise DataError(
        f"the archive holds no Qlib data folder: expected {CALENDAR}, {INSTRUMENTS} and {FEATURES} at its top or in "
        "one folder"
    )


@contextmanager
def _decompressed(archive: Path, max_bytes: int, advance: Callable[[int], None]) -> Iterator[Any]:
    with archive.open("rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "tar")
        reported: Any = _Reported(raw, advance)
        stream: Any
        if kind == "gz":
            stream = gzip.GzipFile(fileobj=reported, mode="rb")
        elif kind == "xz":
            stream = lzma.LZMAFile(reported, mode="rb")  # noqa: SIM115 - the underlying file is closed above
        elif kind == "zst":
            import pyarrow as pa

            stream = pa.CompressedInputStream(pa.PythonFile(reported, mode="r"), "zstd")
        else:
            stream = reported
        yield _Limited(stream, 2 * max_bytes + (1 << 24))  # headers and padding take room, too


class _Reported:
    """A file that reports how much of it has been read."""

    def __init__(self, file: IO[bytes], advance: Callable[[int], None]) -> None:
        self._file, self._advance = file, advance
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._advance(len(content))
        return content

    def seekable(self) -> bool:
        return False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


class _Limited:
    """A stream that fails after ``limit`` bytes, because a small file can inflate to any size."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._left, self._limit = stream, limit, limit

    def read(self, size: int = -1) -> bytes:
        content = bytes(self._stream.read(size))
        self._left -= len(content)
        if self._left < 0:
            raise _UnsafeError(f"more than {counted(self._limit, 'byte')} when inflated (--max-size)")
        return content
