"""Checks the prices and volumes of an instrument."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.data.health.files import NEEDED, Bars
from lstm_bench.data.health.finding import Findings, runs
from lstm_bench.data.health.thresholds import Thresholds

__all__ = ["check_prices"]


_PRICES = ("open", "high", "low", "close", "vwap")
_ROUNDING = 1e-5
"""Relative tolerance. Adjusted prices are float32, and rounding of the factor can cost another digit or two."""


def check_prices(bars: Bars, days: Days, is_stock: bool, thresholds: Thresholds, findings: Findings) -> None:
    """Check the prices and volumes of one instrument.

    ``days``: ``[n]``, the days of its rows.
    """
    _check_values(bars, days, findings)
    if "close" not in bars.fields:
        return
    if is_stock:
        _check_complete(bars, days, findings)
    _check_range(bars, days, findings)
    _check_gaps_and_jumps(bars, days, thresholds, findings)
    _check_stale(bars, days, thresholds, findings)


def _check_values(bars: Bars, days: Days, findings: Findings) -> None:
    for name, values in bars.fields.items():
        shown = _shown(name, values)
        findings.add_days("value not finite", bars.code, days, np.isinf(values), shown, "a number, or NaN")
        if name in _PRICES:
            findings.add_days("price not positive", bars.code, days, values <= 0, shown, "more than 0")
        elif name == "volume":
            findings.add_days("volume negative", bars.code, days, values < 0, shown, "0 or more")


def _shown(name: str, values: Floats) -> Callable[[int], str]:
    return lambda t: f"{name} {values[t]:.6g}"


def _check_complete(bars: Bars, days: Days, findings: Findings) -> None:
    """Find closes without the other fields."""
    has = ~np.isnan(bars.fields["close"])
    others = [name for name in NEEDED if name != "close" and name in bars.fields]
    wrong = has & np.any([np.isnan(bars.fields[name]) for name in others], axis=0) if others else ~has & has

    def value(t: int) -> str:
        return f"no {', '.join(name for name in others if np.isnan(bars.fields[name][t]))} beside a close"

    findings.add_days("bar incomplete", bars.code, days, wrong, value, "all fields, or none")


def _check_range(bars: Bars, days: Days, findings: Findings) -> None:
    fields = bars.fields
    if not {"high", "low"} <= fields.keys():
        return
    high, low = fields["high"], fields["low"]
    below = high < low * (1 - _ROUNDING)
    findings.add_days(
        "high below low", bars.code, days, below,
        lambda t: f"high {high[t]:.6g}, low {low[t]:.6g}", "high at least low",
    )  # fmt: skip
    for name in ("open", "close", "vwap"):
        if name in fields:
            price = fields[name]
            outside = (price > high * (1 + _ROUNDING)) | (price < low * (1 - _ROUNDING))
            findings.add_days(
                "price outside range", bars.code, days, outside & ~below,
                _range_shown(name, price, low, high), "low <= price <= high",
            )  # fmt: skip


def _range_shown(name: str, price: Floats, low: Floats, high: Floats) -> Callable[[int], str]:
    return lambda t: f"{name} {price[t]:.6g} outside {low[t]:.6g}..{high[t]:.6g}"


def _check_gaps_and_jumps(bars: Bars, days: Days, thresholds: Thresholds, findings: Findings) -> None:
    """Find long gaps and large returns from one bar to the next."""
    close = bars.fields["close"]
    known = np.flatnonzero(np.isfinite(close) & (close > 0))
    before, after = known[:-1], known[1:]
    pause = after - before - 1
    for k in np.flatnonzero(pause > thresholds.max_gap):
        span = days[before[k] + 1], days[after[k] - 1]
        value = f"{counted(pause[k], 'day')} without a bar"
        findings.add("gap in bars", bars.code, span, value, f"at most {thresholds.max_gap}")
    gain = close[after] / close[before] - 1
    for k in np.flatnonzero(np.abs(gain) > thresholds.max_jump):
        pausing = f" after {counted(pause[k], 'day')} without a bar" if pause[k] else ""
        findings.add(
            "price jump", bars.code, (days[before[k]], days[after[k]]), f"close {gain[k]:+.1%}{pausing}",
            f"at most {thresholds.max_jump:.1%} either way",
        )  # fmt: skip


def _check_stale(bars: Bars, days: Days, thresholds: Thresholds, findings: Findings) -> None:
    """Find the same volume on several bars in a row: filled in, not traded."""
    if "volume" not in bars.fields:
        return
    known = np.flatnonzero(~np.isnan(bars.fields["volume"]))
    volume = bars.fields["volume"][known]
    for begin, end in runs((volume[1:] == volume[:-1]) & (volume[1:] > 0)):
        count = end - begin + 2
        if count >= thresholds.stale_days:
            findings.add(
                "volume stale", bars.code, (days[known[begin]], days[known[end + 1]]),
                f"{volume[begin]:.6g} on {counted(count, 'day')} in a row",
                f"fewer than {counted(thresholds.stale_days, 'day')}",
            )  # fmt: skip
