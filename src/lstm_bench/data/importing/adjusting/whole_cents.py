"""Compares closes with whole cents: raw closes are whole cents, adjusted ones become so divided by their factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_bench.data.arrays import Floats
from lstm_bench.data.importing.adjusting.adjustment import factor_of
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["seem_adjusted_by_cents", "seem_raw_by_cents"]

_BLURRED = 0.1
"""Prices whose cents are known less precisely are left out."""


def seem_adjusted_by_cents(stocks: Sequence[SymbolRows]) -> bool:
    """Whether closes have odd digits, and become whole cents when divided by their factor."""
    closes = np.concatenate([rows.closes for rows in stocks])
    if len(closes) < 20 or _share_of_whole_cents(closes) > 0.5:
        return False
    return _share_of_whole_cents(closes / _factors(stocks)) >= 0.9


def seem_raw_by_cents(stocks: Sequence[SymbolRows]) -> bool:
    """Whether closes are whole cents, and have odd digits when divided by their factor."""
    closes = np.concatenate([rows.closes for rows in stocks])
    return (
        _share_of_whole_cents(closes) >= 0.9 and not _share_of_whole_cents(closes / _factors(stocks)) >= 0.9
    )


def _factors(stocks: Sequence[SymbolRows]) -> Floats:
    return np.concatenate([factor_of(rows, "factor")[rows.traded] for rows in stocks])


def _share_of_whole_cents(prices: Floats) -> float:
    """Share of prices that are whole cents, among those known precisely enough; 0 if there are none."""
    cents = prices * 100
    tolerance = np.maximum(0.02, cents * 2e-6)
    known = tolerance < _BLURRED
    whole = np.abs(cents - np.round(cents)) < tolerance
    return float(np.mean(whole[known])) if known.any() else 0.0
