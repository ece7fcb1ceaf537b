"""Reads a Qlib data folder (:mod:`lstm_bench.data.layout`) in bulk into panels."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lstm_bench.config.values.day import parse_day
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.arrays import Days
from lstm_bench.data.closed import check_bars_open
from lstm_bench.data.layout import (
    BARS_SUFFIX,
    CALENDAR,
    FEATURES,
    INSTRUMENTS,
    SYNTHETIC,
    code_of,
    read_lines,
)
from lstm_bench.data.panel import Panel
from lstm_bench.data.universe import Universe, read_universe

__all__ = ["Provider"]

logger = logging.getLogger("lstm_bench")

_ITEM = np.dtype("<f4")
_reported_missing: set[tuple[Path, str]] = set()


class Provider:
    """Reads one Qlib data folder.

    ``~`` in the uri is expanded. ``until`` is the last day to read, a day of the folder's calendar; None for all
    days. Raises DataError if the folder, or one of its three parts, is missing or unreadable, or bars are closed here.
    """

    def __init__(self, uri: str | os.PathLike[str], until: np.datetime64 | None = None) -> None:
        check_bars_open()
        self.root = Path(uri).expanduser()
        self.until = until
        if not self.root.is_dir():
            where = "" if Path(uri).is_absolute() else f" at {self.root.absolute()}"
            raise DataError(
                f"provider_uri: got {str(uri)!r}, expected a Qlib data folder; there is none{where}; --provider-uri "
                "names another, and `lstm-bench data --help` says how to get or make one"
            )
        for part in (str(Path(CALENDAR).parent), INSTRUMENTS, FEATURES):
            if not (self.root / part).is_dir():
                raise DataError(
                    f"provider_uri: {self.root} has no folder {part!r}; a Qlib data folder has one"
                )

    @property
    def is_synthetic(self) -> bool:
        """Whether the bars come from ``data synth``."""
        return (self.root / SYNTHETIC).is_file()

    def as_of(self, until: np.datetime64) -> Provider:
        """Return the folder as it was when ``until`` was its last day, without later days, bars and members."""
        return Provider(self.root, until)

    @cached_property
    def calendar(self) -> Days:
        """Trading days up to ``until``: ``[D]`` datetime64[D], ascending."""
        days = self._all_days
        return days if self.until is None else days[: np.searchsorted(days, self.until, side="right")]

    @cached_property
    def _all_days(self) -> Days:
        path = self.root / CALENDAR
        if not path.is_file():
            raise DataError(f"{path}: no such file; only daily data (freq: day) can be read")
        lines = [line.strip()[:10] for line in read_lines(path) if line.strip()]
        try:
            days = np.asarray(lines, dtype="datetime64[D]")
        except ValueError as error:
            raise DataError(f"{path}: a line is not a date: {error}") from error
        if len(days) == 0 or not bool((days[1:] > days[:-1]).all()):
            raise DataError(f"{path}: expected at least one day, ascending and without repeats")
        return days

    @cached_property
    def markets(self) -> tuple[str, ...]:
        """Names of the universes in the folder."""
        return tuple(sorted(path.stem.lower() for path in (self.root / INSTRUMENTS).glob("*.txt")))

    def universe(self, market: str) -> Universe:
        """Read a market's membership spans.

        Raises DataError if the folder has no such market.
        """
        for path in (self.root / INSTRUMENTS).glob("*.txt"):
            if path.stem.lower() == market.lower():
                return read_universe(path)
        raise DataError(
            f"instruments: the data has no market {market!r}; {choices_hint(market, self.markets)}"
        )

    @cached_property
    def folders(self) -> dict[str, Path]:
        """Upper-case code -> its folder of bars. The folder's name may be in any case.

        Raises DataError if the names of two folders differ in case alone.
        """
        root = self.root / FEATURES
        try:
            with os.scandir(root) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir())
        except OSError as error:
            raise DataError(f"{root}: cannot be read: {error.strerror}") from error
        found: dict[str, Path] = {}
        for path in (root / name for name in names):
            other = found.setdefault(code_of(path.name), path)
            if other is not path:
                raise DataError(
                    f"{root}: expected one folder per instrument; "
                    f"{other.name!r} and {path.name!r} differ in case alone"
                )
        return found

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Names of all fields that some instrument has, sorted."""
        return tuple(sorted({field for folder in self.folders.values() for field in _sizes(folder)}))

    def fields_of(self, code: str) -> tuple[str, ...]:
        """Names of the fields that an instrument has, sorted."""
        return tuple(sorted(_sizes(self.folders[code])))

    def locate(self, start: object, end: object, what: str) -> tuple[int, int]:
        """Calendar positions ``(begin, end)``, end exclusive, of the span ``start..end`` (inclusive days).

        None is the calendar's own first or last day. ``what`` names the span in messages, such as ``segment train``.
        Raises DataError if a date cannot be read, or the span is reversed or wholly outside the calendar. A span that
        is partly outside is clamped, with a warning.
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
        if _weekdays(first, calendar[0]) > 0 or _weekdays(calendar[-1] + 1, last + 1) > 0:
            logger.warning(
                "%s: %s..%s reaches outside the data; clamped to %s..%s",
                what, first, last, calendar[begin], calendar[stop - 1],
            )  # fmt: skip
        return begin, stop

    def panel(
        self,
        instruments: Sequence[str],
        fields: Sequence[str],
        begin: int,
        end: int,
        *,
        needed: Collection[str] | None = None,
    ) -> Panel:
        """Read bars.

        Raises DataError if a file cannot be read, is cut off, or its first value is not a position in the calendar.

        Parameters
        ----------
        instruments : upper-case codes; the panel has them sorted. One without bars is a column of NaN.
        fields : names without ``$``
        begin, end : calendar positions, end exclusive
        needed : fields whose values are used, all by default. A warning names those that no instrument has, once.
        """
        check_bars_open()
        codes = tuple(sorted(instruments))
        span = end - begin
        arrays = {field: np.full((len(codes), span), np.nan, dtype=np.float32) for field in fields}
        first = np.full(len(codes), span, dtype=np.int64)
        last = np.full(len(codes), -1, dtype=np.int64)
        present = {field: np.zeros(len(codes), dtype=np.bool_) for field in fields}
        for row, code in enumerate(codes):
            folder = self.folders.get(code)
            if folder is None:
                continue
            sizes = _sizes(folder)
            for field in fields:
                if field not in sizes:
                    continue
                position, values = self._bars(folder, field, sizes, begin, end)
                present[field][row] = True
                if len(values):
                    arrays[field][row, position : position + len(values)] = values
                    first[row] = min(first[row], position)
                    last[row] = max(last[row], position + len(values) - 1)
        for field, has in present.items():
            if (needed is None or field in needed) and not has.any():
                self._warn_missing(field)
        return Panel(
            days=self.calendar[begin:end],
            offset=begin,
            instruments=codes,
            fields={field: array.T for field, array in arrays.items()},
            first=first,
            last=last,
            present=present,
        )

    def _bars(
        self, folder: Path, field: str, sizes: Mapping[str, int], begin: int, end: int
    ) -> tuple[int, npt.NDArray[np.float32]]:
        """Position (relative to ``begin``) and values of the part of a file inside ``begin..end``."""
        path = f"{folder}{os.sep}{field}{BARS_SUFFIX}"
        raw = _read(path)
        if len(raw) < _ITEM.itemsize or len(raw) % _ITEM.itemsize:
            raise DataError(
                f"{path}: cut off: {counted(len(raw), 'byte')} are not a whole number of float32 values"
            )
        if len(raw) < max(sizes.values()):
            _refuse_cut_off(path, raw, sizes)
        values = np.frombuffer(raw, dtype=_ITEM)
        start = float(values[0])
        if not (start >= 0 and start.is_integer() and start + len(values) - 1 <= len(self._all_days)):
            raise DataError(
                f"{path}: first value {start} and {counted(len(values) - 1, 'bar')} do not fit a calendar of "
                f"{counted(len(self._all_days), 'day')}"
            )
        low = max(begin, int(start))
        high = min(end, int(start) + len(values) - 1)
        return low - begin, values[1 + low - int(start) : max(1 + high - int(start), 1 + low - int(start))]

    def _warn_missing(self, field: str) -> None:
        """Warn once per folder that it lacks a field."""
        if (missing := (self.root.absolute(), field)) not in _reported_missing:
            _reported_missing.add(missing)
            logger.warning(
                "no instrument read has the field %r; it counts as missing (NaN) everywhere", field
            )


def _sizes(folder: Path) -> dict[str, int]:
    """Fields that a folder has bars of -> bytes of the file."""
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name.removesuffix(BARS_SUFFIX): entry.stat().st_size
                for entry in entries
                if entry.name.endswith(BARS_SUFFIX)
            }
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error


def _read(path: str, count: int = -1) -> bytes:
    """Read a file's first ``count`` bytes, or all."""
    try:
        with io.FileIO(path) as file:
            return file.read(count) or b""
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _refuse_cut_off(path: str, raw: bytes, sizes: Mapping[str, int]) -> None:
    """Refuse a file that begins on the same day as another field and ends before it.

    Qlib writes all fields of an instrument for the same days. A field that begins on another day is a user's
    own column, and may end on any day.
    """
    width = _ITEM.itemsize
    for field, size in sizes.items():
        other = f"{os.path.dirname(path)}{os.sep}{field}{BARS_SUFFIX}"  # noqa: PTH120
        if size > len(raw) and _read(other, width) == raw[:width]:
            raise DataError(
                f"{path}: cut off: got {counted(len(raw) // width - 1, 'bar')}, expected {size // width - 1}, "
                f"as many as {field}{BARS_SUFFIX} has from the same day on"
            )


def _weekdays(begin: np.datetime64, end: np.datetime64) -> int:
    """Possible trading days from ``begin`` to before ``end``: weekdays other than New Year's Day."""
    years = np.arange(begin.astype("datetime64[Y]"), end.astype("datetime64[Y]") + 1)
    return int(np.busday_count(begin, end, holidays=years.astype("datetime64[D]")))


def _date(value: object, what: str) -> np.datetime64:
    try:
        return np.datetime64(parse_day(value), "D")
    except ValueError as error:
        raise DataError(f"{what}: {error}") from error
