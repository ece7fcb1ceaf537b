"""The provider: a Qlib data folder, read in bulk into panels.

A folder holds ``calendars/day.txt`` (a trading day a line), ``instruments/<market>.txt`` (membership spans)
and ``features/<code>/<field>.day.bin`` (little-endian float32, the first value being the calendar position of
the first day).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_bench.data.panel import Panel
from lstm_bench.data.universe import Universe, read_universe
from lstm_bench.errors import DataError, choices_hint

__all__ = ["Provider"]

logger = logging.getLogger("lstm_bench")

_SUFFIX = ".day.bin"
_ITEM = np.dtype("<f4")


class Provider:
    """Reads one Qlib data folder.

    Parameters
    ----------
    uri
        The folder; ``~`` is expanded.

    Raises
    ------
    DataError
        Where the folder, or one of its three parts, is missing or unreadable.
    """

    def __init__(self, uri: str | os.PathLike[str]) -> None:
        self.root = Path(uri).expanduser()
        if not self.root.is_dir():
            raise DataError(f"provider_uri: got {str(uri)!r}, expected a Qlib data folder; there is none")
        for part in ("calendars", "instruments", "features"):
            if not (self.root / part).is_dir():
                raise DataError(
                    f"provider_uri: {self.root} has no folder {part!r}; a Qlib data folder has one"
                )
        self._said_missing: set[str] = set()

    @cached_property
    def calendar(self) -> npt.NDArray[np.datetime64]:
        """All trading days, ``[D]`` datetime64[D], ascending."""
        path = self.root / "calendars" / "day.txt"
        if not path.is_file():
            raise DataError(f"{path}: no such file; only daily data (freq: day) can be read")
        lines = [line.strip()[:10] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        try:
            days = np.asarray(lines, dtype="datetime64[D]")
        except ValueError as error:
            raise DataError(f"{path}: a line is no date: {error}") from error
        if len(days) == 0 or not bool((days[1:] > days[:-1]).all()):
            raise DataError(f"{path}: expected at least one day, ascending and without repeats")
        return days

    @cached_property
    def markets(self) -> tuple[str, ...]:
        """Names of the universes in the folder."""
        return tuple(sorted(path.stem.lower() for path in (self.root / "instruments").glob("*.txt")))

    def universe(self, market: str) -> Universe:
        """Read a market's membership spans.

        Raises
        ------
        DataError
            Where the folder has no such market.
        """
        for path in (self.root / "instruments").glob("*.txt"):
            if path.stem.lower() == market.lower():
                return read_universe(path)
        raise DataError(
            f"instruments: the data has no market {market!r}; {choices_hint(market, self.markets)}"
        )

    @cached_property
    def folders(self) -> dict[str, Path]:
        """Upper-case code -> its folder of bars, whatever the case of the folder's name."""
        with os.scandir(self.root / "features") as entries:
            return {entry.name.upper(): Path(entry.path) for entry in entries if entry.is_dir()}

    def locate(self, start: object, end: object, what: str) -> tuple[int, int]:
        """Calendar positions ``(begin, end)``, end exclusive, of the span ``start..end`` (inclusive days).

        Parameters
        ----------
        start, end
            Dates, or None for the calendar's own first and last day.
        what
            Names the span in messages, such as ``segment train``.

        Raises
        ------
        DataError
            Where a date cannot be read, the span is reversed, or it lies wholly outside the calendar. A span that
            lies partly outside is clamped, and that is logged.
        """
        calendar = self.calendar
        first = calendar[0] if start is None else _date(start, what)
        last = calendar[-1] if end is None else _date(end, what)
        if first > last:
            raise DataError(f"{what}: starts on {first}, after its end {last}")
        begin = int(np.searchsorted(calendar, first, side="left"))
        stop = int(np.searchsorted(calendar, last, side="right"))
        if begin >= stop:
            raise DataError(
                f"{what}: {first}..{last} holds no trading day of the data's calendar, {calendar[0]}..{calendar[-1]}"
            )
        # a few days of holidays before the first trading day are no gap in the data
        if first < calendar[0] - 10 or last > calendar[-1] + 10:
            logger.warning(
                "%s: %s..%s reaches outside the data; clamped to %s..%s",
                what, first, last, calendar[begin], calendar[stop - 1],
            )  # fmt: skip
        return begin, stop

    def panel(self, instruments: Sequence[str], fields: Sequence[str], begin: int, end: int) -> Panel:
        """Read bars.

        Parameters
        ----------
        instruments
            Upper-case codes; the panel has them sorted. One without bars is a column of NaN.
        fields
            Names without ``$``.
        begin, end
            Calendar positions, end exclusive.

        Raises
        ------
        DataError
            Where a file is cut off, or its first value is no position in the calendar.
        """
        codes = tuple(sorted(instruments))
        span = end - begin
        arrays = {field: np.full((len(codes), span), np.nan, dtype=np.float32) for field in fields}
        first = np.full(len(codes), span, dtype=np.int64)
        last = np.full(len(codes), -1, dtype=np.int64)
        found = dict.fromkeys(fields, 0)
        for row, code in enumerate(codes):
            folder = self.folders.get(code)
            if folder is None:
                continue
            for field in fields:
                bars = self._bars(f"{folder}{os.sep}{field}{_SUFFIX}", begin, end)
                if bars is None:
                    continue
                position, values = bars
                found[field] += 1
                if len(values):
                    arrays[field][row, position : position + len(values)] = values
                    first[row] = min(first[row], position)
                    last[row] = max(last[row], position + len(values) - 1)
        self._say_missing(found)
        return Panel(
            days=self.calendar[begin:end],
            offset=begin,
            instruments=codes,
            fields={field: array.T for field, array in arrays.items()},
            first=first,
            last=last,
        )

    def _bars(self, path: str, begin: int, end: int) -> tuple[int, npt.NDArray[np.float32]] | None:
        """Position (relative to ``begin``) and values of a file's part inside ``begin..end``, None without a file."""
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            raw = os.read(handle, os.fstat(handle).st_size)
        finally:
            os.close(handle)
        if len(raw) < _ITEM.itemsize or len(raw) % _ITEM.itemsize:
            raise DataError(f"{path}: {len(raw)} bytes are no whole number of float32 values")
        values = np.frombuffer(raw, dtype=_ITEM)
        start = float(values[0])
        if not (start >= 0 and start.is_integer() and start + len(values) - 1 <= len(self.calendar)):
            raise DataError(
                f"{path}: first value {start} and {len(values) - 1} bars do not fit a calendar of "
                f"{len(self.calendar)} days"
            )
        low = max(begin, int(start))
        high = min(end, int(start) + len(values) - 1)
        return low - begin, values[1 + low - int(start) : max(1 + high - int(start), 1 + low - int(start))]

    def _say_missing(self, found: dict[str, int]) -> None:
        """Say once a field that no instrument has."""
        for field, count in found.items():
            if count == 0 and field not in self._said_missing:
                self._said_missing.add(field)
                logger.warning("the data has no field %r; it counts as missing (NaN) everywhere", field)


def _date(value: object, what: str) -> np.datetime64:
    try:
        day = np.datetime64(str(value)[:10], "D")
    except ValueError as error:
        raise DataError(f"{what}: got {value!r}, expected a date such as 2015-01-31") from error
    if np.isnat(day):
        raise DataError(f"{what}: got {value!r}, expected a date such as 2015-01-31")
    return day
