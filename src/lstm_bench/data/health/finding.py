"""The findings of a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from lstm_bench.data.arrays import Bools, Days

__all__ = ["KINDS", "Finding", "FindingKind", "Findings", "runs"]

FindingKind = Literal[
    "calendar unreadable day",
    "calendar unsorted",
    "calendar duplicate",
    "calendar gap",
    "calendar thin day",
    "span unreadable",
    "span without bars",
    "file unreadable",
    "file cut off",
    "file beyond calendar",
    "field missing",
    "value not finite",
    "price not positive",
    "volume negative",
    "high below low",
    "price outside range",
    "bar incomplete",
    "price jump",
    "gap in bars",
    "volume stale",
    "change in percent",
    "change inconsistent",
    "factor unusable",
    "volume not adjusted",
]

KINDS: tuple[FindingKind, ...] = get_args(FindingKind)
"""All kinds, in the order of reports."""


@dataclass(frozen=True)
class Finding:
    """One defect."""

    kind: FindingKind
    instrument: str  # code, or the name of a calendar or a market's file
    # ISO days, None if it concerns no day
    first_day: str | None
    last_day: str | None
    value: str  # what the folder has
    expected: str  # what it should have


@dataclass
class Findings:
    """Findings, counted by kind; the first ``limit`` of each kind are kept.

    ``ignored``: kinds to skip.
    """

    limit: int
    ignored: frozenset[str] = frozenset()
    _first: dict[str, list[Finding]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        kind: FindingKind,
        instrument: str,
        days: tuple[object, object] | None,
        value: str,
        expected: str,
    ) -> None:
        """Add a finding; ``days`` are its first and last day."""
        if kind in self.ignored:
            return
        self._counts[kind] += 1
        shown = self._first.setdefault(kind, [])
        if len(shown) < self.limit:
            first, last = (None, None) if days is None else map(str, days)
            shown.append(Finding(kind, instrument, first, last, value, expected))

    def add_days(
        self,
        kind: FindingKind,
        code: str,
        days: Days,
        wrong: Bools,
        value: Callable[[int], str],
        expected: str,
    ) -> None:
        """Add a finding for each of an instrument's days that is wrong; ``value(t)`` describes day ``t``."""
        for t in np.flatnonzero(wrong):
            self.add(kind, code, (days[t], days[t]), value(int(t)), expected)

    @property
    def counts(self) -> Mapping[str, int]:
        """Kind -> number of findings, for the kinds found."""
        return {kind: self._counts[kind] for kind in KINDS if self._counts[kind]}

    def first(self) -> Iterable[Finding]:
        """Return the first findings of each kind."""
        return [finding for kind in KINDS for finding in self._first.get(kind, ())]


def runs(flags: Bools) -> list[tuple[int, int]]:
    """Find runs of True: first and last position (inclusive) of each."""
    edge = np.diff(flags.astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    return [(int(begin), int(end) - 1) for begin, end in zip(begins, ends, strict=True)]
