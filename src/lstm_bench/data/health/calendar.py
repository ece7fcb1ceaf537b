"""Checks the calendar."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from lstm_bench.config.values.day import parse_day
from lstm_bench.core.counting import counted
from lstm_bench.data.arrays import Days, Ints
from lstm_bench.data.health.finding import Findings
from lstm_bench.data.health.thresholds import Thresholds
from lstm_bench.data.layout import CALENDAR, read_lines

__all__ = ["check_calendar", "check_thin_days"]


def check_calendar(root: Path, thresholds: Thresholds, findings: Findings) -> Days:
    """Check ``calendars/day.txt`` and return its days in file order, ``[D]``, NaT for unreadable lines.

    Raises DataError if the file cannot be read.
    """
    days: list[np.datetime64] = []
    for number, line in enumerate(read_lines(root / CALENDAR), start=1):
        if not line.strip():
            continue
        try:
            days.append(np.datetime64(parse_day(line.strip()[:10]), "D"))
        except ValueError:
            findings.add(
                "calendar unreadable day", f"line {number}", None, repr(line), "a day such as 2008-01-31"
            )
            days.append(np.datetime64("NaT", "D"))
    calendar = np.asarray(days, dtype="datetime64[D]")
    for before, after in pairwise(calendar):
        if after == before:
            findings.add("calendar duplicate", "calendar", (after, after), f"{after} twice", "each day once")
        elif after < before:
            findings.add(
                "calendar unsorted", "calendar", (before, after), f"{after} after {before}", "ascending days"
            )
        elif after > before:
            missing = int(np.busday_count(before + 1, after))
            if missing > thresholds.max_calendar_gap:
                findings.add(
                    "calendar gap", "calendar", (before, after), f"{counted(missing, 'weekday')} without a trading day",
                    f"at most {thresholds.max_calendar_gap}",
                )  # fmt: skip
    return calendar


def check_thin_days(
    calendar: Days, bars: Ints, listed: Ints, thresholds: Thresholds, findings: Findings
) -> None:
    """Find days on which few instruments have a bar, such as holidays, or the end of an interrupted download.

    ``bars``, ``listed``: ``[D]`` int64, instruments with a bar, and those between their first and last bar.
    """
    thin = np.flatnonzero(bars < thresholds.thin_share * listed)
    for day in thin:
        findings.add(
            "calendar thin day", "calendar", (calendar[day], calendar[day]),
            f"{bars[day]} of {counted(listed[day], 'instrument')} have a bar",
            f"at least {thresholds.thin_share:.0%} of them",
        )  # fmt: skip
