"""Finds the files to import."""

from __future__ import annotations

import re
from pathlib import Path

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.reading.file_kind import check_encoding
from lstm_bench.data.importing.reading.source_file import PARQUET_SUFFIXES, SourceFile
from lstm_bench.data.layout import CALENDAR

__all__ = ["FilePattern", "find_files"]

_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", *PARQUET_SUFFIXES)


class FilePattern:
    """A pattern of file names, such as ``daily_{symbol}.csv``: ``{symbol}`` is the symbol, ``*`` is anything.

    Raises DataError if ``{symbol}`` occurs more than once.
    """

    def __init__(self, text: str) -> None:
        if text.count("{symbol}") > 1:
            raise DataError(f"--file-pattern: got {text!r}, expected {{symbol}} at most once")
        parts = (
            {"{symbol}": "(?P<symbol>.+)", "*": ".*"}.get(part, re.escape(part))
            for part in re.split(r"(\{symbol\}|\*)", text)
        )
        self._regex = re.compile("".join(parts), re.IGNORECASE)

    def symbol(self, name: str) -> str | None:
        """Return the symbol in a file's name; None if the name does not match."""
        match = self._regex.fullmatch(name)
        if match is None:
            return None
        return match.groupdict().get("symbol") or _symbol_of(name)


def find_files(place: Path, pattern: FilePattern | None, encoding: str) -> list[SourceFile]:
    """List the files of a folder and its subfolders, or the one file, sorted by path.

    Raises DataError if none can be read.
    """
    check_encoding(encoding)
    if not place.exists():
        raise DataError(f"{place}: no such file or folder")
    if place.is_dir():
        data_folders = [path.parents[1] for path in place.rglob(Path(CALENDAR).name) if path.match(CALENDAR)]
        paths = sorted(
            path
            for path in place.rglob("*")
            if path.name.lower().endswith(_SUFFIXES)
            and not path.name.startswith(".")
            and path.is_file()
            and not any(path.is_relative_to(folder) for folder in data_folders)  # lists of days and codes
        )
    else:
        paths = [place]
    files = []
    for path in paths:
        symbol = _symbol_of(path.name) if pattern is None else pattern.symbol(path.name)
        if symbol is not None:
            files.append(SourceFile(path, symbol, encoding))
    if not files:
        what = (
            "with a name of --file-pattern" if pattern and paths else f"that ends with {', '.join(_SUFFIXES)}"
        )
        raise DataError(f"{place}: expected CSV or Parquet files; it has none {what}")
    return files


def _symbol_of(name: str) -> str:
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name
