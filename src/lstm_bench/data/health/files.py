"""Checks files: unreadable, cut off or beyond the calendar; and membership spans without bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.data.health.finding import Findings
from lstm_bench.data.health.thresholds import Thresholds
from lstm_bench.data.layout import BARS_SUFFIX, INSTRUMENTS
from lstm_bench.data.universe import Universe, read_universe

__all__ = ["Bars", "check_spans", "read_bars", "read_markets"]

_ITEM = np.dtype("<f4")

NEEDED = ("open", "high", "low", "close", "volume")
"""Fields that Qlib's feature sets need."""


@dataclass(frozen=True)
class Bars:
    """An instrument's bars."""

    code: str
    begin: int  # position in the calendar of the first row
    fields: Mapping[str, Floats]  # name -> ``[n]`` float64

    def __len__(self) -> int:
        """Return the number of rows."""
        return max((len(values) for values in self.fields.values()), default=0)


def read_bars(code: str, folder: Path, days: int, is_stock: bool, findings: Findings) -> Bars:
    """Read the usable files of an instrument.

    The calendar has ``days`` days. A stock has all fields; an index may have only a close.
    """
    found: dict[str, tuple[int, Floats]] = {}
    for path in sorted(folder.glob(f"*{BARS_SUFFIX}")):
        field = path.name.removesuffix(BARS_SUFFIX)
        try:
            raw = path.read_bytes()
        except OSError as error:
            findings.add("file unreadable", code, None, f"{path.name}: {error.strerror}", "a readable file")
            continue
        if len(raw) < _ITEM.itemsize or len(raw) % _ITEM.itemsize:
            size = counted(len(raw), "byte")
            findings.add("file cut off", code, None, f"{path.name}: {size}", "whole float32 values")
            continue
        values = np.frombuffer(raw, dtype=_ITEM).astype(np.float64)
        begin, count = values[0], len(values) - 1
        if not (begin >= 0 and float(begin).is_integer() and begin + count <= days):
            findings.add(
                "file beyond calendar", code, None, f"{path.name}: {counted(count, 'bar')} from position {begin:g} on",
                f"bars inside the {counted(days, 'day')} of the calendar",
            )  # fmt: skip
            continue
        found[field] = int(begin), values[1:]
    _check_lengths(code, found, findings)
    for field in sorted(set(NEEDED if is_stock else ("close",)) - found.keys()):
        findings.add("field missing", code, None, "no usable file", f"{field}{BARS_SUFFIX}")
    return _align(code, found)


def _check_lengths(code: str, found: Mapping[str, tuple[int, Floats]], findings: Findings) -> None:
    longest: dict[int, tuple[int, str]] = {}
    for field, (begin, values) in found.items():
        longest[begin] = max(longest.get(begin, (0, "")), (len(values), field))
    for field, (begin, values) in found.items():
        length, other = longest[begin]
        if len(values) < length:
            findings.add(
                "file cut off", code, None, f"{field}{BARS_SUFFIX}: {counted(len(values), 'bar')}",
                f"{length}, as many as {other}{BARS_SUFFIX} has from the same day on",
            )  # fmt: skip


def _align(code: str, found: Mapping[str, tuple[int, Floats]]) -> Bars:
    """Align all fields on the same days, NaN on days without a row of the field."""
    begin = min((begin for begin, _ in found.values()), default=0)
    end = max((begin + len(values) for begin, values in found.values()), default=0)
    fields = {}
    for name, (first, values) in found.items():
        fields[name] = np.full(end - begin, np.nan)
        fields[name][first - begin : first - begin + len(values)] = values
    return Bars(code, begin, fields)


def read_markets(root: Path, findings: Findings) -> dict[str, Universe]:
    """Read the markets, and report those that cannot be read."""
    markets = {}
    for path in sorted((root / INSTRUMENTS).glob("*.txt")):
        try:
            universe = read_universe(path)
        except DataError as error:
            reason = str(error).removeprefix(str(path)).lstrip(", :")
            findings.add(
                "span unreadable", path.name, None, reason, "code, first and last day, separated by tabs"
            )
            continue
        markets[universe.name] = universe
    return markets


def check_spans(
    markets: Mapping[str, Universe],
    rows: Mapping[str, tuple[int, int]],
    calendar: Days,
    thresholds: Thresholds,
    findings: Findings,
) -> None:
    """Find membership spans in which an instrument has no row, or none for many days at the start or at the end.

    ``rows``: code -> first and last row, positions in the calendar.
    """
    for name, universe in markets.items():
        for code, spans in universe.spans.items():
            for span in spans:
                begin = int(np.searchsorted(calendar, span[0]))
                end = int(np.searchsorted(calendar, span[1], side="right"))
                first, last = rows.get(code, (end, end - 1))
                inside = max(0, min(end, last + 1) - max(begin, first))
                missing = end - begin - inside
                if (not inside and end > begin) or missing > thresholds.max_overhang:
                    has_rows = code in rows
                    expected = f"a span inside {calendar[first]}..{calendar[last]}" if has_rows else "bars"
                    days = counted(end - begin, "day")
                    value = f"in {name}.txt, {missing} of {days} have no bar before or none after them"
                    findings.add("span without bars", code, span, value, expected)
