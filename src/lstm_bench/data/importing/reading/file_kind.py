"""Recognises the type of a file by its first bytes: text in some encoding, or something other than a table of bars."""

from __future__ import annotations

import codecs
import zlib
from pathlib import Path

from lstm_bench.core.errors import DataError

__all__ = ["check_encoding", "refuse_other_kinds", "unreadable"]

_ENCODINGS = "gb18030 (Chinese: GBK, GB2312), utf-16, cp1252 (Western Windows), shift_jis, big5"

_KINDS: tuple[tuple[bytes, tuple[str, ...], str], ...] = (
    (b"PK\x03\x04", (), "a ZIP archive or an Excel workbook (.xlsx); unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", (), "an Excel workbook (.xls); save it as CSV"),
    (b"\x1f\x8b", (".gz",), "compressed by gzip; give it a name that ends with .csv.gz"),
    (b"PAR1", (".parquet", ".pq"), "a Parquet file; give it a name that ends with .parquet"),
    (b"BZh", (), "compressed by bzip2; unpack it"),
    (b"\xfd7zXZ", (), "compressed by xz; unpack it"),
    (b"\x28\xb5\x2f\xfd", (), "compressed by zstd; unpack it"),
    (b"%PDF", (), "a PDF document"),
    (b"SQLite format 3", (), "a SQLite database"),
    (b"\x89HDF", (), "an HDF5 file; save it as CSV or Parquet"),
    (b"\x80\x04\x95", (), "a pickle of Python; save it as CSV or Parquet"),
    (b"\x80\x05\x95", (), "a pickle of Python; save it as CSV or Parquet"),
)
"""First bytes, the suffixes with which such a file is read, and a description."""

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def check_encoding(encoding: str) -> None:
    """Raise DataError for an encoding that does not exist."""
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError) as error:
        raise DataError(
            f"--encoding: got {encoding!r}, expected the name of an encoding, such as utf-8, {_ENCODINGS}"
        ) from error


def refuse_other_kinds(path: Path) -> None:
    """Refuse a file that is neither text nor of the type of its suffix.

    Raises DataError, which says what the file is, and OSError if it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(256)
    for mark, suffixes, what in _KINDS:
        if start.startswith(mark) and not path.name.lower().endswith(suffixes or ("\0",)):
            raise DataError(f"{path}: expected CSV or Parquet; the file is {what}")
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{path}: expected CSV or Parquet; the file is a web page (an error of the server?)")
    if start.lstrip().startswith((b"{", b"[{")):
        raise DataError(f"{path}: expected CSV or Parquet; the file is JSON (an error of the server?)")


def unreadable(path: Path, error: Exception, encoding: str) -> DataError:
    """Return an error with the reason why a file cannot be read, and another encoding to try."""
    text = str(error)
    if isinstance(error, UnicodeError) or "invalid UTF8" in text or "NUL" in text or "codec can" in text:
        return DataError(
            f"{path}: the text is not {encoding}; name its encoding with --encoding: {_likely(path, encoding)}"
        )
    if isinstance(error, (EOFError, zlib.error)) or "gzip" in text.lower():
        return DataError(f"{path}: cannot be unpacked ({text}): the file is cut off or damaged")
    reason = (error.strerror or text) if isinstance(error, OSError) else text
    return DataError(f"{path}: cannot be read: {reason}")


def _likely(path: Path, encoding: str) -> str:
    """Name the encodings that the file may have."""
    with path.open("rb") as file:
        start = file.read(4096)
    for mark, name in _MARKS:
        if start.startswith(mark):
            return f"{name}, which the file's first bytes indicate"
    if b"\0" in start and encoding.lower().replace("_", "-") not in ("utf-16", "utf16"):
        return "utf-16-le or utf-16-be, as the NUL bytes in it suggest"
    try:
        start[: start.rfind(b"\n") + 1].decode("utf-8")
        is_utf8 = b"\n" in start
    except UnicodeDecodeError:
        is_utf8 = False
    return "utf-8" if is_utf8 and "utf" not in encoding.lower() else f"one of {_ENCODINGS}"
