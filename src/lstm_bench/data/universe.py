"""The universe: the instruments of a market by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstm_bench.config.values.day import parse_day
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Bools, Days
from lstm_bench.data.layout import read_lines

__all__ = ["Span", "Universe", "read_universe"]

Span = tuple[np.datetime64, np.datetime64]


@dataclass(frozen=True)
class Universe:
    """Membership spans of a market."""

    name: str  # the market's name, such as ``csi300``
    # upper-case code -> membership spans ``(first day, last day)``, both inclusive; spans may overlap
    spans: Mapping[str, tuple[Span, ...]]

    @property
    def instruments(self) -> tuple[str, ...]:
        """All codes that were ever members, sorted."""
        return tuple(sorted(self.spans))

    def between(self, start: np.datetime64, end: np.datetime64) -> Universe:
        """Keep the codes that are members on some day in ``start..end`` (inclusive)."""
        members = {
            code: spans
            for code, spans in self.spans.items()
            if any(first <= end and last >= start for first, last in spans)
        }
        return Universe(self.name, members)

    def member(self, days: Days, instruments: Sequence[str]) -> Bools:
        """Membership of ``instruments`` on ``days``: ``[T, N]`` bool, Fortran-ordered."""
        mask = np.zeros((len(days), len(instruments)), dtype=np.bool_, order="F")
        for column, code in enumerate(instruments):
            first, last = np.asarray(self.spans.get(code, ()), dtype="datetime64[D]").reshape(-1, 2).T
            begins = np.searchsorted(days, first, side="left")
            ends = np.searchsorted(days, last, side="right")
            for begin, end in zip(begins, ends, strict=True):
                mask[begin:end, column] = True
        return mask


def read_universe(path: Path) -> Universe:
    """Read ``instruments/<market>.txt``: tab-separated code, first day, last day, a line per span.

    Raises DataError if the file cannot be read, or a line has another form, with file and line.
    """
    spans: dict[str, list[Span]] = {}
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            code, first, last = line.split("\t")[:3]
            span = np.datetime64(parse_day(first), "D"), np.datetime64(parse_day(last), "D")
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: got {line!r}, expected a code, a first and a last day, separated by tabs"
            ) from error
        if span[0] > span[1]:
            raise DataError(f"{path}, line {number}: got {line!r}, expected a first day before the last")
        spans.setdefault(code.strip().upper(), []).append(span)
    if not spans:
        raise DataError(f"{path}: names no instrument")
    return Universe(path.stem.lower(), {code: tuple(all_) for code, all_ in spans.items()})
