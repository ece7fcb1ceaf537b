"""Deciding by the prices whether they are raw or adjusted already, and saying what was decided, and by what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjusting.adjustment import AdjustBy, Adjustment, State, factor_of
from lstm_bench.data.importing.adjusting.factor_steps import Noise, Steps, find_steps
from lstm_bench.data.importing.adjusting.stated_returns import stated_returns
from lstm_bench.data.importing.adjusting.votes import DECISIVE, Voices, hear
from lstm_bench.data.importing.adjusting.whole_cents import seem_raw_by_ticks, side_by_ticks
from lstm_bench.data.importing.reading.bar_table import SymbolRows
from lstm_bench.data.importing.reading.columns import ADJUSTMENTS

__all__ = ["Decision", "decide"]

_Floats = npt.NDArray[np.float64]

_OF_CLOSES = Noise(floor=0.01, unknown=0.02)
_OF_STATED = Noise(floor=3e-4, unknown=5e-4)
_OF_VOLUMES = Noise(floor=0.2, unknown=0.5)
_VOLUME_DECISIVE = float(np.log(100))

_FEW_SPLITS = 5
_SPLIT_SHARE = 0.05

_NOUNS = {
    "factor": ("step of the factor", "steps of the factor"),
    "adjusted_close": (
        "step of the adjusted close over the close",
        "steps of the adjusted close over the close",
    ),
    "split": ("split", "splits"),
    "dividend": ("dividend", "dividends"),
}


@dataclass(frozen=True)
class Decision:
    """What is done to prices and volumes.

    Attributes
    ----------
    adjustment : Adjustment
    is_settled : whether it holds for files that are appended: prices showed it, or it matters
    said : sentences for the user
    """

    adjustment: Adjustment
    is_settled: bool
    said: tuple[str, ...]


def decide(
    stocks: Sequence[SymbolRows],
    by: AdjustBy,
    settled: Adjustment | None,
    where: str,
    usual: State | None = None,
) -> Decision:
    """Decide what the files' prices and volumes are.

    Parameters
    ----------
    stocks
        Rows of all symbols.
    by
        The column that says how prices are adjusted.
    settled
        What holds in the folder that the files extend; None for a new one.
    where
        Names the files in messages.
    usual
        What prices are in files of this form. It holds unless steps show the opposite, each by itself or those of one
        symbol together.

    Raises
    ------
    DataError
        Where steps contradict each other, the folder, or another column, or where only returns that may be computed
        from raw closes speak.
    """
    if by == "split":
        _refuse_cumulative(stocks, where)
    steps = [_steps(rows, factor_of(rows, by)) for rows in stocks]
    voices = _hear_all(stocks, steps, by, where)
    _refuse_divided(voices, by, where)
    ticks = side_by_ticks(stocks) if by == "factor" and not voices.told else None
    side = ticks or voices.side
    if usual is not None and not voices.told:
        side = None
    if settled is not None:
        if voices.told and side != settled.prices:
            raise DataError(
                f"{where}: the folder was made of {settled.prices} prices, and these are {side} by "
                f"{_count(voices, by)} ({voices.sides()}); import the folder anew, or say "
                f"--adjust-by {_option(by)} or none"
            )
        side = settled.prices
    prices: State = side or (usual if voices.all else None) or "raw"
    _refuse_unadjusted(stocks, by, prices, where)
    volume, of_volume = _volume(stocks, by, prices)
    moves = any(not np.allclose(factor_of(rows, by)[rows.traded], 1) for rows in stocks)
    said = [
        _say(voices, by, side, prices, moves, by_ticks=ticks is not None),
        *of_volume,
        *_say_dividends(stocks, by, prices),
    ]
    return Decision(Adjustment(by, prices, volume), side is not None or moves, tuple(said))


def _refuse_cumulative(stocks: Sequence[SymbolRows], where: str) -> None:
    """Refuse a column of splits that names one on many days: it says how many shares an old one has become by then."""
    for rows in stocks:
        named = int((rows.values["split"] != 1).sum())
        if named > max(_FEW_SPLITS, _SPLIT_SHARE * len(rows.days)):
            raise DataError(
                f"{where}: the column of splits names one on {named} of {len(rows.days)} days of {rows.symbol}, as a "
                "cumulative factor does; name it with --factor (raw price * factor = adjusted price), or say "
                "--adjust-by none if prices are adjusted already"
            )


def _closes(rows: SymbolRows) -> _Floats:
    return rows.values["close"][rows.traded]


def _steps(rows: SymbolRows, factor: _Floats, adjusted_by: _Floats | None = None) -> Steps:
    closes = _closes(rows) if adjusted_by is None else _closes(rows) * adjusted_by[rows.traded]
    moves = np.diff(np.log(closes))
    return find_steps(rows.symbol, rows.days[rows.traded], factor[rows.traded], moves, _OF_CLOSES)


def _hear_all(stocks: Sequence[SymbolRows], steps: Sequence[Steps], by: AdjustBy, where: str) -> Voices:
    """Hear closes, and the returns that the files state, unless these are the closes' own whatever they did.

    A column of changes that was computed from raw closes knows nothing of splits: it follows the closes down.
    """
    voices = hear(steps)
    stated = stated_returns(stocks)
    if not stated:
        return voices
    against_stated = [
        find_steps(
            rows.symbol, rows.days[rows.traded], factor_of(rows, by)[rows.traded],
            np.diff(np.log(_closes(rows))) - stated[rows.symbol][1:], _OF_STATED,
        )
        for rows in stocks
    ]  # fmt: skip
    alone = hear(against_stated)
    contradicts = voices.told and not voices.is_divided and alone.side not in (None, voices.side)
    if contradicts:
        return voices
    if not voices.told and alone.side == "adjusted" and by == "factor" and seem_raw_by_ticks(stocks):
        raise DataError(
            f"{where}: nothing but the returns that the files state says that prices are adjusted already, and the "
            "closes are whole cents, as raw ones are: the returns may be computed from raw closes; say what holds "
            "with --adjust-by factor (prices are raw) or --adjust-by none (prices are adjusted)"
        )
    return hear(steps, against_stated)


def _refuse_divided(voices: Voices, by: AdjustBy, where: str) -> None:
    if not voices.is_divided:
        return
    if voices.inverse > _most(voices):
        raise DataError(
            f"{where}: the closes move with the {_NOUNS[by][1]} and not against them ({voices.sides()}): the column "
            f"seems to be the inverse of what is expected (raw price * factor = adjusted price; a split of two new "
            f"shares for one is 2): give its inverse, or say what holds with --adjust-by {_option(by)} or none"
        )
    if voices.displaced > _most(voices):
        raise DataError(
            f"{where}: the closes do not fall at the {_NOUNS[by][1]}, but a day or more before or after them "
            f"({voices.sides()}): the column has other dates than the prices; mend it, or say what holds with "
            f"--adjust-by {_option(by)} or none"
        )
    raise DataError(
        f"{where}: the {_NOUNS[by][1]} contradict each other: by some the closes are raw, by others adjusted already "
        f"({voices.sides()}); import what is alike by itself, or say what holds for all with --adjust-by {_option(by)} "
        "(prices are raw) or --adjust-by none (prices are adjusted)"
    )


def _most(voices: Voices) -> int:
    return max(voices.raw, voices.adjusted)


def _refuse_unadjusted(stocks: Sequence[SymbolRows], by: AdjustBy, prices: State, where: str) -> None:
    """Refuse where prices, as they would be written, still fall with the steps of another column."""
    for other in ADJUSTMENTS:
        having = [rows for rows in stocks if other in rows.evidence]
        if other == by or not having:
            continue
        voices = hear(
            [
                _steps(rows, factor_of(rows, other), None if prices == "adjusted" else factor_of(rows, by))
                for rows in having
            ],
            pool=False,
        )
        if voices.raw and voices.side == "raw":
            what = "prices" if prices == "adjusted" else f"prices that are adjusted by the {_name(by)}"
            raise DataError(
                f"{where}: {what} still "
                f"move with the {_NOUNS[other][1]} ({voices.sides()}): two columns contradict each other; say which "
                f"holds with --adjust-by {_option(by)}, --adjust-by {_option(other)} or --adjust-by none"
            )


def _volume(stocks: Sequence[SymbolRows], by: AdjustBy, prices: State) -> tuple[State, list[str]]:
    """Tell whether volumes beside adjusted prices are adjusted, too: by amounts traded, or by their own jumps."""
    if prices == "raw":
        return "raw", []
    if by == "adjusted_close":
        return "adjusted", ["volume: taken as it is"]
    lean = sum(float(_volume_steps(rows, by).lean.sum()) for rows in stocks)
    if lean >= _VOLUME_DECISIVE:
        return "raw", [f"volume: raw (it jumps by the {_NOUNS[by][1]}); divided by the factor"]
    if lean <= -_VOLUME_DECISIVE:
        return "adjusted", [
            f"volume: adjusted already (it does not jump by the {_NOUNS[by][1]}); taken as it is"
        ]
    return "adjusted", ["volume: nothing shows whether it is adjusted, too; taken as it is"]


def _volume_steps(rows: SymbolRows, by: AdjustBy) -> Steps:
    """Find the steps over what raw volumes divide by the factor: amount / (close * volume), or 1 / volume."""
    volume = rows.values.get("volume", np.full(len(rows.days), np.nan))
    amount = rows.evidence.get("amount", np.full(len(rows.days), np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = amount / (rows.values["close"] * volume)
        series = np.log(np.where(np.isnan(amount).all(), 1 / volume, paid)[rows.traded])
        moves = np.diff(series)
    noise = _OF_VOLUMES if np.isnan(amount).all() else _OF_CLOSES
    return find_steps(rows.symbol, rows.days[rows.traded], factor_of(rows, by)[rows.traded], moves, noise)


def _say(
    voices: Voices, by: AdjustBy, side: State | None, prices: State, moves: bool, *, by_ticks: bool
) -> str:
    kept = f"--adjust-by {_option(by)} would adjust them"
    if by_ticks and moves:
        return f"prices: adjusted already (whole cents when divided by the factor); taken as they are; {kept}"
    if voices.all == 0:
        if not moves:
            return (
                f"prices: no {_NOUNS[by][0]} in the files, so that they need no adjustment; taken as they are"
            )
        return (
            f"prices: no {_NOUNS[by][0]} in the files shows whether they are raw; taken as raw and adjusted by the "
            f"{_name(by)}; --adjust-by none takes them as they are"
        )
    if side is None:
        small = (
            f"prices: {voices.all} {_NOUNS[by][voices.all != 1]}, too small beside a day's returns to show whether "
            "they are raw; "
        )
        if prices == "adjusted":
            return f"{small}taken as adjusted already, as prices beside these columns usually are; {kept}"
        return f"{small}taken as raw and adjusted by the {_name(by)}; --adjust-by none takes them as they are"
    if side == "raw":
        return f"prices: raw by {_count(voices, by)}; adjusted by the {_name(by)}"
    return f"prices: adjusted already by {_count(voices, by)}; taken as they are; {kept}"


def _count(voices: Voices, by: AdjustBy) -> str:
    if not voices.told:
        return f"{voices.all} small {_NOUNS[by][voices.all != 1]} together"
    most = _most(voices)
    rest = [f"{voices.small} too small to tell"] if voices.small else []
    rest += [f"{voices.told - most} against it"] if voices.told > most else []
    more = f" ({', '.join(rest)})" if rest else ""
    return f"{most} of {voices.all} {_NOUNS[by][voices.all != 1]}{more}"


def _say_dividends(stocks: Iterable[SymbolRows], by: AdjustBy, prices: State) -> list[str]:
    """Say whether prices that are adjusted by splits hold their dividends."""
    having = [rows for rows in stocks if "dividend" in rows.evidence]
    if by != "split" or not having:
        return []
    voices = hear(
        [_dividend_steps(rows, None if prices == "adjusted" else factor_of(rows, by)) for rows in having]
    )
    if not voices.all:
        return []
    counted = f"{voices.all} {_NOUNS['dividend'][voices.all != 1]}"
    if abs(voices.total) < DECISIVE:
        return [
            f"dividends: {counted}, too small beside a day's returns to show whether prices are adjusted for them"
        ]
    if voices.total < 0:
        return [f"dividends: prices are adjusted for them already, by {counted}"]
    return [
        f"dividends: the closes fall by them ({counted}), and they stay in the prices; an adjusted close takes them out"
    ]


def _dividend_steps(rows: SymbolRows, factor: _Floats | None) -> Steps:
    close = _closes(rows)
    paid = np.nan_to_num(rows.evidence["dividend"][rows.traded])
    before = np.concatenate(([np.nan], close[:-1]))
    share = np.where((paid > 0) & (paid < before), paid / before, 0)
    split = factor_of(rows, "split")
    splits_too = np.diff(split[rows.traded], prepend=np.nan) != 0
    reinvested = np.full(len(rows.days), np.nan)
    reinvested[rows.traded] = np.cumprod(np.where(splits_too, 1, 1 / (1 - share)))
    return _steps(rows, reinvested, factor)


def _name(by: AdjustBy) -> str:
    return by.replace("_", " ")


def _option(by: str) -> str:
    return by.replace("_", "-")
