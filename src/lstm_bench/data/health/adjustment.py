"""Checks ``change``, ``factor``, and whether volumes are divided by the factor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.data.health.files import Bars
from lstm_bench.data.health.finding import Findings
from lstm_bench.data.health.thresholds import Thresholds

__all__ = ["VolumeJump", "check_change", "check_factor", "check_volume_jumps", "volume_jumps"]


_ROUNDING = 1e-5
_WINDOW = 20
"""Days before and after a jump of the factor over which median volumes are compared."""

_SMALLEST_JUMP = np.log(1.3)
_VOLUME_DEVIATION = 0.47
"""Standard deviation of the log ratio of two such medians, measured at factor jumps of the CSI 300, 2010 to 2020."""

_STANDARD_ERRORS = 4.0


def check_change(bars: Bars, days: Days, thresholds: Thresholds, findings: Findings) -> None:
    """Compare ``change`` with the return of the adjusted close."""
    if not {"change", "close"} <= bars.fields.keys():
        return
    close, change = bars.fields["close"], bars.fields["change"]
    known = np.flatnonzero(np.isfinite(close) & (close > 0))
    gain = np.full(len(close), np.nan)
    gain[known[1:]] = close[known[1:]] / close[known[:-1]] - 1
    both = np.isfinite(gain) & np.isfinite(change)
    size = np.abs(gain[both]).sum()
    scale = np.abs(change[both]).sum() / size if size > 0 else 1.0
    if 50 < scale < 200:  # percent throughout
        where = np.flatnonzero(both)
        t = where[np.argmax(np.abs(gain[where]))]
        findings.add(
            "change in percent", bars.code, (days[where[0]], days[where[-1]]),
            f"change {change[t]:.6g} on {days[t]}", f"a fraction, {gain[t]:.6g}",
        )  # fmt: skip
        return
    apart = np.abs(change - gain) > thresholds.change_tolerance + _ROUNDING * np.abs(gain)
    missing = np.isfinite(gain) & np.isnan(change)
    for t in np.flatnonzero(apart | missing):
        day = days[t], days[t]
        findings.add("change inconsistent", bars.code, day, f"change {change[t]:.6g}", f"{gain[t]:.6g}")


def check_factor(bars: Bars, days: Days, findings: Findings) -> None:
    """Find factors that are not positive, or missing on a day with a close. One disables lot rounding for all."""
    if not {"factor", "close"} <= bars.fields.keys():
        return
    factor = bars.fields["factor"]
    wrong = (factor <= 0) | (np.isnan(factor) & ~np.isnan(bars.fields["close"]))
    findings.add_days(
        "factor unusable", bars.code, days, wrong, lambda t: f"factor {factor[t]:.6g}", "more than 0"
    )


@dataclass(frozen=True)
class VolumeJump:
    """A day on which the factor jumps."""

    day: np.datetime64
    factor: float  # log of the factor over that of the day before
    volume: float  # log of the median volume after over that before


def volume_jumps(bars: Bars, days: Days) -> list[VolumeJump]:
    """Find the days on which the factor jumps by 1.3 or more, either way, with the change of the volume."""
    if not {"factor", "volume"} <= bars.fields.keys():
        return []
    factor, volume = bars.fields["factor"], bars.fields["volume"]
    known = np.flatnonzero(np.isfinite(factor) & (factor > 0))
    jumps = np.log(factor[known[1:]] / factor[known[:-1]])
    found = []
    for t, jump in zip(known[1:], jumps, strict=True):
        if abs(jump) < _SMALLEST_JUMP:
            continue
        before, after = (_median(part) for part in (volume[max(0, t - _WINDOW) : t], volume[t : t + _WINDOW]))
        if before > 0 and after > 0:
            found.append(VolumeJump(days[t], float(jump), float(np.log(after / before))))
    return found


def _median(volume: Floats) -> float:
    known = volume[np.isfinite(volume)]
    return float(np.median(known)) if len(known) else 0.0


def check_volume_jumps(name: str, jumps: Iterable[VolumeJump], findings: Findings) -> bool:
    """Find volumes that were not divided by the factor: they jump with it.

    The volumes' jumps are regressed on the factor's. Adjusted volumes give a slope of 0, raw ones a slope of 1. A
    slope counts if it is nearer to 1 than to 0, several standard errors above 0 (volumes also move for other reasons),
    and most jumps agree with it.

    Returns whether the volumes are raw.
    """
    jumps = list(jumps)
    x = np.asarray([jump.factor for jump in jumps])
    y = np.asarray([jump.volume for jump in jumps])
    if not len(x):
        return False
    slope, error = float((x * y).sum() / (x * x).sum()), _VOLUME_DEVIATION / float(np.sqrt((x * x).sum()))
    if not 0.5 < slope < 1.5 or slope / error < _STANDARD_ERRORS or np.median(y / x) < 0.5:
        return False
    first, last = min(jump.day for jump in jumps), max(jump.day for jump in jumps)
    findings.add(
        "volume not adjusted", name, (first, last),
        f"volume follows the factor's {counted(len(jumps), 'jump')} with a slope of {slope:.2f} (standard error "
        f"{error:.2f})",
        "a slope near 0: volume = raw volume / factor",
    )  # fmt: skip
    return True
