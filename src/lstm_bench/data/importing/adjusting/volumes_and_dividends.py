"""Decides whether volumes are adjusted, and whether prices that are adjusted by splits hold their dividends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_bench.data.arrays import Floats
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy, State, factor_of
from lstm_bench.data.importing.adjusting.factor_steps import (
    CLOSE_NOISE,
    FactorSteps,
    Noise,
    find_steps,
    steps_of_closes,
)
from lstm_bench.data.importing.adjusting.sentences import STEPS, count_steps
from lstm_bench.data.importing.adjusting.votes import DECISIVE, count_votes
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["decide_volume", "describe_dividends"]

_VOLUME_NOISE = Noise(floor=0.2, unknown=0.5)
_VOLUME_DECISIVE = float(np.log(100))


def decide_volume(stocks: Sequence[SymbolRows], by: AdjustBy, prices: State) -> tuple[State, list[str]]:
    """Decide whether volumes are adjusted as well: by the amounts traded, or by the volumes' own steps."""
    if prices == "raw":
        return "raw", []
    if by == "adjusted_close":
        return "adjusted", ["volume: taken as it is"]
    lean = sum(float(_volume_steps(rows, by).lean.sum()) for rows in stocks)
    if lean >= _VOLUME_DECISIVE:
        return "raw", [f"volume: raw (it jumps by the {STEPS[by][1]}); divided by the factor"]
    if lean <= -_VOLUME_DECISIVE:
        return "adjusted", [
            f"volume: adjusted already (it does not jump by the {STEPS[by][1]}); taken as it is"
        ]
    return "adjusted", ["volume: nothing shows whether it is adjusted; taken as it is"]


def _volume_steps(rows: SymbolRows, by: AdjustBy) -> FactorSteps:
    """Find the steps over a series that raw volumes divide by the factor: amount / (close * volume), or 1 / volume."""
    missing = np.full(len(rows.days), np.nan)
    volume = rows.values.get("volume", missing)
    amount = rows.evidence.get("amount", missing)
    has_amount = not np.isnan(amount).all()
    with np.errstate(divide="ignore", invalid="ignore"):
        series = amount / (rows.values["close"] * volume) if has_amount else 1 / volume
        moves = np.diff(np.log(series[rows.traded]))
    return find_steps(rows, factor_of(rows, by), moves, CLOSE_NOISE if has_amount else _VOLUME_NOISE)


def describe_dividends(stocks: Sequence[SymbolRows], by: AdjustBy, prices: State) -> list[str]:
    """Describe whether prices that are adjusted by splits are adjusted for dividends as well."""
    stocks = [rows for rows in stocks if "dividend" in rows.evidence]
    if by != "split" or not stocks:
        return []
    votes = count_votes(
        _dividend_steps(rows, None if prices == "adjusted" else factor_of(rows, by)) for rows in stocks
    )
    if not votes.steps:
        return []
    count = count_steps(votes, "dividend")
    if abs(votes.total) < DECISIVE:
        return [
            f"dividends: {count}, too small beside a day's returns to show whether prices are adjusted for them"
        ]
    if votes.total < 0:
        return [f"dividends: prices are adjusted for them already, by {count}"]
    return [
        f"dividends: the closes fall by them ({count}), and they stay in the prices; an adjusted close takes them out"
    ]


def _dividend_steps(rows: SymbolRows, splits: Floats | None) -> FactorSteps:
    """Find the steps of a factor that reinvests dividends; a dividend on the day of a split is left out."""
    close = rows.closes
    paid = np.nan_to_num(rows.evidence["dividend"][rows.traded])
    before = np.concatenate(([np.nan], close[:-1]))
    share = np.where((paid > 0) & (paid < before), paid / before, 0)
    has_split = np.diff(factor_of(rows, "split")[rows.traded], prepend=np.nan) != 0
    reinvested = np.full(len(rows.days), np.nan)
    reinvested[rows.traded] = np.cumprod(np.where(has_split, 1, 1 / (1 - share)))
    return steps_of_closes(rows, reinvested, splits)
