"""Decides from the files' numbers whether prices are raw or adjusted already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Floats
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy, Adjustment, State, factor_of
from lstm_bench.data.importing.adjusting.factor_steps import Noise, find_steps, steps_of_closes
from lstm_bench.data.importing.adjusting.sentences import (
    STEPS,
    column_name,
    count_winners,
    describe_prices,
    option,
)
from lstm_bench.data.importing.adjusting.stated_returns import stated_returns
from lstm_bench.data.importing.adjusting.volumes_and_dividends import decide_volume, describe_dividends
from lstm_bench.data.importing.adjusting.votes import Votes, count_votes
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows

__all__ = ["Decision", "decide"]

_STATED_NOISE = Noise(floor=3e-4, unknown=5e-4)

_FEW_SPLITS = 5
_SPLIT_SHARE = 0.05
_BLURRED = 0.1
"""Prices whose cents are known less precisely are left out."""


@dataclass(frozen=True)
class Decision:
    """The decision on prices and volumes."""

    adjustment: Adjustment
    # whether appended files must be adjusted alike: prices were evidence, or the factor changes them
    is_conclusive: bool
    messages: tuple[str, ...]  # sentences for the user


def decide(
    stocks: Sequence[SymbolRows],
    by: AdjustBy,
    folder_adjustment: Adjustment | None,
    where: str,
    usual: State | None = None,
) -> Decision:
    """Decide whether the files' prices and volumes are raw or adjusted.

    ``usual`` is the state of prices in files of this form. It holds unless steps vote for the opposite, each alone or
    those of one symbol together. Raises DataError if steps contradict each other, the folder or another column, or if
    the only evidence is returns that may have been computed from raw closes.
    """
    if by == "split":
        _refuse_cumulative(stocks, where)
    votes = _votes(stocks, by, where)
    if votes.is_divided:
        raise DataError(f"{where}: {_division(votes, by)}")
    by_cents = by == "factor" and not votes.cast and _seem_adjusted_by_cents(stocks)
    winner: State | None = "adjusted" if by_cents else votes.winner
    if usual is not None and not votes.cast:
        winner = None
    if folder_adjustment is not None:
        if votes.cast and winner != folder_adjustment.prices:
            raise DataError(
                f"{where}: the folder was made of {folder_adjustment.prices} prices, and these are {winner} by "
                f"{count_winners(votes, by)} ({votes.shown()}); import the folder anew, or pass "
                f"--adjust-by {option(by)} or none"
            )
        winner = folder_adjustment.prices
    prices: State = winner or (usual if votes.steps else None) or "raw"
    _refuse_other_steps(stocks, by, prices, where)
    volume, volume_messages = decide_volume(stocks, by, prices)
    needs_factor = any(not np.allclose(factor_of(rows, by)[rows.traded], 1) for rows in stocks)
    messages = (
        describe_prices(votes, by, winner, prices, needs_factor, by_cents),
        *volume_messages,
        *describe_dividends(stocks, by, prices),
    )
    return Decision(Adjustment(by, prices, volume), winner is not None or needs_factor, messages)


def _refuse_cumulative(stocks: Sequence[SymbolRows], where: str) -> None:
    """Refuse a column of splits with a split on many days: it holds a cumulative factor."""
    for rows in stocks:
        splits = int((rows.values["split"] != 1).sum())
        if splits > max(_FEW_SPLITS, _SPLIT_SHARE * len(rows.days)):
            raise DataError(
                f"{where}: the column of splits has one on {splits} of {len(rows.days)} days of {rows.symbol}, as a "
                "cumulative factor does; name it with --factor (raw price * factor = adjusted price), or pass "
                "--adjust-by none if prices are adjusted already"
            )


def _votes(stocks: Sequence[SymbolRows], by: AdjustBy, where: str) -> Votes:
    """Count votes by closes, and by the returns that the files state unless these contradict the closes.

    Changes that were computed from raw closes ignore splits: they fall with the closes.
    """
    steps = [steps_of_closes(rows, factor_of(rows, by)) for rows in stocks]
    votes = count_votes(steps)
    stated = stated_returns(stocks)
    if not stated:
        return votes
    beside_stated = [
        find_steps(
            rows, factor_of(rows, by), np.diff(np.log(rows.closes)) - stated[rows.symbol][1:], _STATED_NOISE
        )
        for rows in stocks
    ]
    stated_winner = count_votes(beside_stated).winner
    if votes.cast and not votes.is_divided and stated_winner not in (None, votes.winner):
        return votes
    if not votes.cast and stated_winner == "adjusted" and by == "factor" and _seem_raw_by_cents(stocks):
        raise DataError(
            f"{where}: only the returns in the files indicate that prices are adjusted already, but the closes are "
            "whole cents, like raw ones: the returns may have been computed from raw closes; choose with "
            "--adjust-by factor (prices are raw) or --adjust-by none (prices are adjusted)"
        )
    return count_votes(steps, beside_stated)


def _division(votes: Votes, by: AdjustBy) -> str:
    """Describe votes that contradict each other, or the factor."""
    steps, shown = STEPS[by][1], votes.shown()
    if votes.counts["inverse"] > votes.most:
        return (
            f"the closes move with the {steps} and not against them ({shown}): the column seems to be the inverse of "
            "what is expected (raw price * factor = adjusted price; a split of two new shares for one is 2): give its "
            f"inverse, or choose with --adjust-by {option(by)} or none"
        )
    if votes.counts["displaced"] > votes.most:
        return (
            f"the closes do not fall at the {steps}, but a day or more before or after them ({shown}): the column has "
            f"other dates than the prices; correct it, or choose with --adjust-by {option(by)} or none"
        )
    return (
        f"the {steps} contradict each other: by some the closes are raw, by others adjusted already ({shown}); import "
        f"each kind separately, or choose for all with --adjust-by {option(by)} (prices are raw) or "
        "--adjust-by none (prices are adjusted)"
    )


def _refuse_other_steps(stocks: Sequence[SymbolRows], by: AdjustBy, prices: State, where: str) -> None:
    """Refuse prices that, after the adjustment, still step with another column of adjustment."""
    for other in ADJUSTMENTS:
        having = [rows for rows in stocks if other in rows.evidence]
        if other == by or not having:
            continue
        steps = [
            steps_of_closes(
                rows, factor_of(rows, other), None if prices == "adjusted" else factor_of(rows, by)
            )
            for rows in having
        ]
        votes = count_votes(steps, pool=False)
        if votes.counts["raw"] and votes.winner == "raw":
            what = "prices" if prices == "adjusted" else f"prices that are adjusted by the {column_name(by)}"
            raise DataError(
                f"{where}: {what} still move with the {STEPS[other][1]} ({votes.shown()}): two columns contradict "
                f"each other; choose one with --adjust-by {option(by)}, --adjust-by {option(other)} or "
                "--adjust-by none"
            )


def _seem_adjusted_by_cents(stocks: Sequence[SymbolRows]) -> bool:
    """Whether closes have odd digits, and become whole cents when divided by their factor."""
    closes = np.concatenate([rows.closes for rows in stocks])
    if len(closes) < 20 or _share_of_whole_cents(closes) > 0.5:
        return False
    return _share_of_whole_cents(closes / _factors(stocks)) >= 0.9


def _seem_raw_by_cents(stocks: Sequence[SymbolRows]) -> bool:
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
