"""What the digits of closes say: raw ones are whole cents, adjusted ones become so when divided by their factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lstm_bench.data.importing.adjusting.adjustment import State, factor_of
from lstm_bench.data.importing.reading.bar_table import SymbolRows

__all__ = ["seem_raw_by_ticks", "side_by_ticks"]

_Floats = npt.NDArray[np.float64]

_BLURRED = 0.1
"""Cents that are known no better say nothing of being whole."""


def side_by_ticks(stocks: Sequence[SymbolRows]) -> State | None:
    """Tell adjusted prices by cents: closes have odd digits, and become whole cents when divided by their factor."""
    closes = np.concatenate([rows.values["close"][rows.traded] for rows in stocks])
    factors = np.concatenate([factor_of(rows, "factor")[rows.traded] for rows in stocks])
    if len(closes) < 20 or _on_ticks(closes) > 0.5:
        return None
    return "adjusted" if _on_ticks(closes / factors) >= 0.9 else None


def seem_raw_by_ticks(stocks: Sequence[SymbolRows]) -> bool:
    """Whether closes are whole cents, and have odd digits when divided by their factor."""
    closes = np.concatenate([rows.values["close"][rows.traded] for rows in stocks])
    factors = np.concatenate([factor_of(rows, "factor")[rows.traded] for rows in stocks])
    return _on_ticks(closes) >= 0.9 and not _on_ticks(closes / factors) >= 0.9


def _on_ticks(prices: _Floats) -> float:
    """Share of prices that are whole cents; of those that are known so exactly, and 0 where none is."""
    cents = prices * 100
    tolerance = np.maximum(0.02, cents * 2e-6)
    known = tolerance < _BLURRED
    on = np.abs(cents - np.round(cents)) < tolerance
    return float(np.mean(on[known])) if known.any() else 0.0
