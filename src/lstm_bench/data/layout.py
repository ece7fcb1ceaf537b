"""The layout of a Qlib data folder: the names of its files, and the reading of its texts."""

from __future__ import annotations

from pathlib import Path

from lstm_bench.core.errors import DataError

__all__ = [
    "BARS_SUFFIX", "CALENDAR", "FEATURES", "IMPORTED", "INSTRUMENTS", "SYNTHETIC", "code_of", "folder_name",
    "read_lines",
]  # fmt: skip

CALENDAR = "calendars/day.txt"
"""A trading day a line."""

INSTRUMENTS = "instruments"
"""Folder of ``<market>.txt``: membership spans."""

FEATURES = "features"
"""Folder of ``<code>/<field>.day.bin``: bars."""

BARS_SUFFIX = ".day.bin"
"""Little-endian float32; the first value is the calendar position of the first bar."""

SYNTHETIC = "SYNTHETIC.txt"
"""Marks a folder whose bars are synthetic. Qlib ignores the file, and the fingerprint leaves it out."""

IMPORTED = "IMPORTED.json"
"""Note of ``data import`` on the adjustment of the imported files. The fingerprint leaves it out."""

_DEVICES = {
    "CON",
    "PRN",
    "AUX",
    "NUL",
    *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10)),
}
_MARK = "_qlib_"


def folder_name(code: str) -> str:
    """Name the folder of an instrument's bars: its code in lower case.

    Windows reserves the names of devices (PRN is also a stock), and Qlib marks those.
    """
    return f"{_MARK}{code.lower()}" if code.upper() in _DEVICES else code.lower()


def code_of(name: str) -> str:
    """Return the upper-case code of a folder of bars."""
    return name.upper().removeprefix(_MARK.upper())


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file.

    Raises DataError if it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text; byte {error.start} is not") from error
