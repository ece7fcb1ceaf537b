"""Writing Qlib's folder format: calendars, instruments and one binary file per code and field."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_bench.data.layout import BARS_SUFFIX, CALENDAR, FEATURES, INSTRUMENTS, SYNTHETIC
from lstm_bench.errors import DataError

__all__ = ["History", "MembershipSpan", "write_qlib_folder"]

MembershipSpan = tuple[str, np.datetime64, np.datetime64]
"""A line of ``instruments/<market>.txt``: code, first day, last day (inclusive)."""


@dataclass(frozen=True)
class History:
    """The bars of one instrument.

    Attributes
    ----------
    code : upper-case code
    begin : int
        Position in the calendar of the first value of every field.
    fields : name without ``$`` -> ``[n]`` float32
    """

    code: str
    begin: int
    fields: Mapping[str, npt.NDArray[np.float32]]


def write_qlib_folder(
    out: Path,
    days: npt.NDArray[np.datetime64],
    markets: Mapping[str, Iterable[MembershipSpan]],
    histories: Iterable[History],
    *,
    synthetic: str | None = None,
) -> None:
    """Write a folder that Qlib (and this package) accepts as ``provider_uri``, whole or not at all.

    Everything is written to a temporary sibling first; one rename makes it visible.

    Parameters
    ----------
    out : Path
        Folder to make; it may exist if it is empty.
    days : ``[D]`` datetime64[D]
        The calendar, ascending.
    markets : name -> membership spans
        One ``instruments/<name>.txt`` each, its lines in the order given.
    histories : one per instrument, consumed lazily
    synthetic : what made the bars up, kept as a mark; None for real ones

    Raises
    ------
    DataError
        If ``out`` is a file or a folder with something in it, or cannot be written.
    """
    draft = out.parent / f".{out.name}.{os.getpid()}.part"
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{out}: expected a new or empty folder; it exists and is not empty")
        out.parent.mkdir(parents=True, exist_ok=True)
        _write_text(draft / CALENDAR, (str(day) for day in days))
        for market, spans in markets.items():
            lines = (f"{code}\t{first}\t{last}" for code, first, last in spans)
            _write_text(draft / INSTRUMENTS / f"{market}.txt", lines)
        for history in histories:
            _write_history(draft / FEATURES / history.code.lower(), history)
        if synthetic is not None:
            _write_text(draft / SYNTHETIC, [synthetic])
        if out.exists():
            out.rmdir()  # empty, and Windows renames onto nothing that exists
        draft.rename(out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_text(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())  # bytes: the same newline everywhere


def _write_history(folder: Path, history: History) -> None:
    folder.mkdir(parents=True)
    for field, values in history.fields.items():
        content = np.concatenate(([history.begin], values)).astype("<f4")
        (folder / f"{field}{BARS_SUFFIX}").write_bytes(content.tobytes())
