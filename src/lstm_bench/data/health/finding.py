"""What a check of a data folder finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

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
"""All kinds, in the order in which they are reported."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    kind : FindingKind
    instrument : its code, or the name of the file of a calendar or a market
    first_day, last_day : ISO days, None where it is of no day
    value : what is there
    expected : what should be there
    """

    kind: FindingKind
    instrument: str
    first_day: str | None
    last_day: str | None
    value: str
    expected: str


@dataclass
class Findings:
    """Findings, counted per kind; of each kind the first ``limit`` are kept.

    Attributes
    ----------
    limit : int
    ignored : kinds that are not looked at
    """

    limit: int
    ignored: frozenset[str] = frozenset()
    _kept: dict[str, list[Finding]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        kind: FindingKind,
        instrument: str,
        days: tuple[object, object] | None,
        value: str,
        expected: str,
    ) -> None:
        """Note a finding; ``days`` are the first and the last one."""
        if kind in self.ignored:
            return
        self._counts[kind] += 1
        kept = self._kept.setdefault(kind, [])
        if len(kept) < self.limit:
            first, last = (None, None) if days is None else map(str, days)
            kept.append(Finding(kind, instrument, first, last, value, expected))

    @property
    def counts(self) -> Mapping[str, int]:
        """Kind -> number of findings, for kinds that were found."""
        return {kind: self._counts[kind] for kind in KINDS if self._counts[kind]}

    def kept(self) -> Iterable[Finding]:
        """Return the findings kept, by kind."""
        return [finding for kind in KINDS for finding in self._kept.get(kind, ())]


def runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Find runs of True: first and last position (inclusive) of each."""
    edge = np.diff(flags.astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
    return [(int(begin), int(end) - 1) for begin, end in zip(begins, ends, strict=True)]
