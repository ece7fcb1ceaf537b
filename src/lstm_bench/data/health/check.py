"""Checks a data folder for all families of defects, in one report."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lstm_bench.core.errors import ConfigError, choices_hint
from lstm_bench.data.arrays import Days
from lstm_bench.data.health.adjustment import (
    VolumeJump,
    check_change,
    check_factor,
    check_volume_jumps,
    volume_jumps,
)
from lstm_bench.data.health.calendar import check_calendar, check_thin_days
from lstm_bench.data.health.files import check_spans, read_bars, read_markets
from lstm_bench.data.health.finding import KINDS, Finding, Findings
from lstm_bench.data.health.prices import check_prices
from lstm_bench.data.health.thresholds import Thresholds
from lstm_bench.data.provider import Provider

__all__ = ["HealthReport", "check_data"]


@dataclass(frozen=True)
class HealthReport:
    """The result of a check.

    Attributes
    ----------
    folder : Path
    days, instruments, bars : int
        Days of the calendar, folders of bars, and closes in them.
    thresholds : Thresholds
    counts : kind -> number of findings, for the kinds found
    findings : the first of each kind
    ignored : kinds that were not checked
    """

    folder: Path
    days: int
    instruments: int
    bars: int
    thresholds: Thresholds
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    ignored: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.counts

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "folder": str(self.folder), "clean": self.is_clean}


def check_data(
    folder: str | os.PathLike[str],
    thresholds: Thresholds | None = None,
    *,
    ignore: Collection[str] = (),
    limit: int = 10,
) -> HealthReport:
    """Check a Qlib data folder.

    Instruments that ``all.txt`` does not list are treated as indices, which may have only a close.

    Parameters
    ----------
    thresholds
        The defaults if None.
    ignore
        Kinds of findings to skip.
    limit
        Number of findings to return of each kind; all are counted.

    Raises
    ------
    ConfigError
        If a kind to ignore is unknown, or ``limit`` is below 1.
    DataError
        If the folder, or a part of it, is missing.
    """
    thresholds = thresholds or Thresholds()
    for kind in ignore:
        if kind not in KINDS:
            raise ConfigError(f"--ignore: got {kind!r}; {choices_hint(kind, KINDS)}")
    if limit < 1:
        raise ConfigError(f"--limit: got {limit}, expected at least 1")
    provider = Provider(folder)
    findings = Findings(limit, frozenset(ignore))
    calendar = check_calendar(provider.root, thresholds, findings)
    markets = read_markets(provider.root, findings)
    listed = markets["all"].spans if "all" in markets else {}
    scan = _Scan(calendar, thresholds, findings)
    for code, place in sorted(provider.folders.items()):
        scan.instrument(code, place, is_stock=code in listed or not listed)
    scan.volumes()
    if bool((calendar[1:] > calendar[:-1]).all()):  # otherwise a day has no unique position
        check_spans(markets, scan.rows, calendar, thresholds, findings)
        check_thin_days(calendar, scan.bars, scan.listed, thresholds, findings)
    return HealthReport(
        folder=provider.root,
        days=len(calendar),
        instruments=len(provider.folders),
        bars=scan.closes,
        thresholds=thresholds,
        counts=findings.counts,
        findings=tuple(findings.first()),
        ignored=tuple(sorted(ignore)),
    )


class _Scan:
    """Checks the instruments in turn, and collects data for the checks of all instruments."""

    def __init__(self, calendar: Days, thresholds: Thresholds, findings: Findings) -> None:
        self._calendar, self._thresholds, self._findings = calendar, thresholds, findings
        self._jumps: dict[str, list[VolumeJump]] = {}
        self.rows: dict[str, tuple[int, int]] = {}
        self.bars = np.zeros(len(calendar), dtype=np.int64)
        self.listed = np.zeros(len(calendar), dtype=np.int64)
        self.closes = 0

    def instrument(self, code: str, place: Path, *, is_stock: bool) -> None:
        """Check one instrument."""
        findings, thresholds = self._findings, self._thresholds
        bars = read_bars(code, place, len(self._calendar), is_stock, findings)
        if not len(bars):
            return
        rows = slice(bars.begin, bars.begin + len(bars))
        days = self._calendar[rows]
        self.rows[code] = bars.begin, bars.begin + len(bars) - 1
        check_prices(bars, days, is_stock, thresholds, findings)
        check_change(bars, days, thresholds, findings)
        check_factor(bars, days, findings)
        if "close" in bars.fields:
            known = ~np.isnan(bars.fields["close"])
            self.closes += int(known.sum())
            if is_stock:
                self.bars[rows] += known
                self.listed[rows] += 1
        if is_stock:
            self._jumps[code] = volume_jumps(bars, days)

    def volumes(self) -> None:
        """Compare volumes with the factor: of each instrument, then of all others together."""
        others: list[VolumeJump] = []
        for code, jumps in self._jumps.items():
            if not check_volume_jumps(code, jumps, self._findings):
                others += jumps
        check_volume_jumps("all instruments", others, self._findings)
