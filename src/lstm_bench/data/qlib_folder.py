"""Writes Qlib's folder format: calendars, instruments and one binary file per code and field."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstm_bench.core.atomic import publish, staging, swap
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Days, Floats32
from lstm_bench.data.layout import BARS_SUFFIX, CALENDAR, FEATURES, INSTRUMENTS, folder_name

__all__ = ["History", "MembershipSpan", "refuse_full", "replace_in_qlib_folder", "write_qlib_folder"]

MembershipSpan = tuple[str, np.datetime64, np.datetime64]
"""A line of ``instruments/<market>.txt``: code, first day, last day (inclusive)."""

Markets = Mapping[str, Iterable[MembershipSpan]]
"""Market -> its spans, in the order of the file's lines."""


@dataclass(frozen=True)
class History:
    """The bars of one instrument."""

    code: str  # upper-case code
    begin: int  # position in the calendar of the first value of every field
    fields: Mapping[str, Floats32]  # name without ``$`` -> ``[n]`` float32


def write_qlib_folder(
    out: Path,
    days: Days,
    markets: Markets,
    histories: Iterable[History],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a folder that Qlib (and this package) accepts as ``provider_uri``, whole or not at all.

    Everything is written to a temporary sibling first; one rename makes it visible.

    Raises DataError if ``out`` is a file or a folder that is not empty, or cannot be written.

    Parameters
    ----------
    out : folder to create; it may exist if it is empty
    days : ``[D]`` datetime64[D], the calendar, ascending
    markets : one ``instruments/<name>.txt`` each
    histories : one per instrument, consumed lazily
    notes : name of a text file in the folder -> its line
    """
    try:
        refuse_full(out)
        with staging(out) as staged:
            _write(staged, days, markets, histories, notes)
            publish(staged, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error


def refuse_full(out: Path) -> None:
    """Raise DataError if ``out`` is a file, or a folder that is not empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: expected a new or empty folder; it exists and is not empty")


def replace_in_qlib_folder(
    out: Path,
    days: Days,
    markets: Markets,
    histories: Iterable[History],
    notes: Mapping[str, str] | None = None,
) -> None:
    """Replace the calendar and some markets and histories of a folder, all at once or not at all.

    Everything else stays. A copy (of hard links, if the file system has them) is changed and then swapped with the
    folder, so that readers see the old folder or the new one, even after a kill at any moment.

    Raises DataError if it cannot be written.
    """
    try:
        with staging(out) as staged:
            shutil.copytree(out, staged, copy_function=_link)
            _write(staged, days, markets, histories, notes)
            swap(staged, out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error


def _link(source: str, target: str) -> None:
    """Link a file, or copy it if it cannot be linked."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _write(
    folder: Path, days: Days, markets: Markets, histories: Iterable[History], notes: Mapping[str, str] | None
) -> None:
    _write_text(folder / CALENDAR, (str(day) for day in days))
    for market, spans in markets.items():
        lines = (f"{code}\t{first}\t{last}" for code, first, last in spans)
        _write_text(folder / INSTRUMENTS / f"{market}.txt", lines)
    for history in histories:
        bars = folder / FEATURES / folder_name(history.code)
        for field, values in history.fields.items():
            content = np.concatenate(([history.begin], values)).astype("<f4")
            _write_bytes(bars / f"{field}{BARS_SUFFIX}", content.tobytes())
    for name, line in (notes or {}).items():
        _write_text(folder / name, [line])


def _write_text(path: Path, lines: Iterable[str]) -> None:
    _write_bytes(path, "".join(f"{line}\n" for line in lines).encode())  # bytes: the same newline everywhere


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # may be a hard link to a file of another folder
    path.write_bytes(content)
