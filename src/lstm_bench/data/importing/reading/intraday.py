"""Recognises intraday bars by several times within a symbol's day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.reading.cells import parse_texts, stripped_texts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Stamps", "read_stamps", "refuse_intraday"]

_Texts = npt.NDArray[np.object_]

_CLOCK = re.compile(
    r"(?P<day>.*?[\d日])(T|\s+|[_-])(?P<clock>\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s*[AaPp]\.?[Mm]\.?)?)"
    r"(\s*(Z|UTC|[A-Z]{3,4}|[+-]\d{2}:?\d{2}))?",
    re.ASCII,
)
_DIGITS = re.compile(r"(?P<day>(19|20)\d{6})[\sT_-]?(?P<clock>\d{4}|\d{6}|\d{9})", re.ASCII)
_EPOCH = re.compile(r"(?P<seconds>\d{10})(\.\d+)?(?P<more>\d{3}|\d{6}|\d{9})?", re.ASCII)
_SHOWN = 2
_HALF = 0.5


@dataclass(frozen=True)
class Stamps:
    """Days and times of the rows of a file with a time: ``[R]`` texts each."""

    path: Path
    symbol: _Texts
    day: _Texts
    clock: _Texts


def read_stamps(
    path: Path, symbols: _Texts, date: pa.ChunkedArray, time: pa.ChunkedArray | None
) -> Stamps | None:
    """Split dates into days and times, in any form; None if neither the dates nor a column has times.

    ``date`` may hold dates that only ``--date-format`` can parse; ``time`` is a separate column of times.
    """
    import pyarrow as pa

    if pa.types.is_date(date.type) and time is None:
        return None
    dates = stripped_texts(date)
    clock = parse_texts(dates, lambda text: split_stamp(text)[1], np.dtype(object))
    day = parse_texts(dates, lambda text: split_stamp(text)[0], np.dtype(object))
    if time is not None:
        separate = parse_texts(stripped_texts(time), str, np.dtype(object))
        clock = np.where(clock == "", separate, clock)
    known = (clock != "") & (clock != None) & (symbols != None)  # noqa: E711 - element by element
    return Stamps(path, symbols[known], day[known], clock[known]) if known.any() else None


def split_stamp(text: str) -> tuple[str, str]:
    """Split a date with a time into both, as they are written; the time is empty if there is none.

    >>> split_stamp("2020-01-02 09:50:00+08:00")
    ('2020-01-02', '09:50:00')
    >>> split_stamp("202001020950")
    ('20200102', '09:50')
    >>> split_stamp("1577958600")
    ('2020-01-02', '09:50:00')
    """
    match = _CLOCK.fullmatch(text)
    if match is not None:
        return match["day"], match["clock"]
    match = _DIGITS.fullmatch(text)
    if match is not None:
        digits = match["clock"][:6]
        return match["day"], ":".join(digits[k : k + 2] for k in range(0, len(digits), 2))
    match = _EPOCH.fullmatch(text)
    if match is not None:
        moment = np.datetime64(int(match["seconds"]), "s")
        return str(moment.astype("datetime64[D]")), str(moment)[11:]
    return text, ""


def refuse_intraday(stamps: Sequence[Stamps]) -> None:
    """Refuse intraday bars: a symbol with several times on most of its days.

    A repeated row with another time stamp from the vendor is a duplicate instead.

    The DataError names a symbol, a day and times.
    """
    if len({clock for part in stamps for clock in part.clock}) < 2:  # midnight, or the close, of every day
        return
    clocks: dict[str, dict[str, dict[str, Path]]] = {}
    for part in stamps:
        for symbol, day, clock in zip(part.symbol, part.day, part.clock, strict=True):
            clocks.setdefault(symbol, {}).setdefault(day, {}).setdefault(clock, part.path)
    for symbol, days in clocks.items():
        several = [day for day, times in days.items() if len(times) > 1]
        if len(several) > _HALF * len(days):
            times = days[several[0]]
            shown = ", ".join(list(times)[:_SHOWN])
            raise DataError(
                f"{next(iter(times.values()))}: {symbol} has {len(times)} bars on {several[0]}, at {shown}"
                f"{', ...' if len(times) > _SHOWN else ''}: these are minute bars (several times within a day); only "
                "daily bars are read: aggregate them to one bar a day first"
            )
