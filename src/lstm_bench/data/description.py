"""Describes a data folder in figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider

__all__ = ["describe"]


def describe(provider: Provider) -> dict[str, Any]:
    """Return calendar, markets, fields and fingerprint as plain data.

    ``bars`` counts the values between an instrument's first and last bar, ``nan_share`` the share of them that is
    NaN (suspended days).
    """
    calendar = provider.calendar
    return {
        "folder": str(provider.root),
        "fingerprint": fingerprint(provider),
        "days": len(calendar),
        "first_day": str(calendar[0]),
        "last_day": str(calendar[-1]),
        "markets": [_market(provider, name) for name in provider.markets],
        "fields": [_field(provider, name) for name in provider.fields],
    }


def _market(provider: Provider, name: str) -> dict[str, Any]:
    universe = provider.universe(name)
    spans = [span for spans in universe.spans.values() for span in spans]
    return {
        "market": name,
        "instruments": len(universe.instruments),
        "spans": len(spans),
        "with_bars": sum(code in provider.folders for code in universe.instruments),
        "first_day": str(min(first for first, _ in spans)),
        "last_day": str(max(last for _, last in spans)),
    }


def _field(provider: Provider, name: str) -> dict[str, Any]:
    panel = provider.panel(tuple(provider.folders), [name], 0, len(provider.calendar))
    histories = [
        values[first : last + 1]
        for values, first, last in zip(panel.fields[name].T, panel.first, panel.last, strict=True)
        if first <= last
    ]
    bars = sum(map(len, histories))
    missing = sum(int(np.isnan(history).sum()) for history in histories)
    return {
        "field": name,
        "instruments": len(histories),
        "bars": bars,
        "nan_share": missing / bars if bars else 0.0,
    }
