"""Writes a deterministic stock market with a planted, learnable signal, in Qlib's folder format.

It replaces real data in demonstrations and tests. It has the statistics that matter to features, labels and a
backtest (:mod:`lstm_bench.data.synthetic_trading`), and the irregularities of real bars: a suspension of more than
60 days, a stock that leaves the universe and re-enters, overlapping spans of one code, equal closes in a row, limit-up
and limit-down days of a single price, a listing in the middle of the sample, a delisting inside a membership span, a
split. Each occurs at every size and seed.

The same arguments yield the same bytes. All randomness is uniform doubles of PCG64, whose stream NumPy guarantees.
Bars are rounded to cents and lots before the next day builds on them, so that last-bit differences between the
``exp`` of two machines almost never reach a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import DataError, choices_hint
from lstm_bench.data.arrays import Bools, Days
from lstm_bench.data.layout import SYNTHETIC
from lstm_bench.data.qlib_folder import History, MembershipSpan, write_qlib_folder
from lstm_bench.data.synthetic_signal import SIGNALS, SignalName
from lstm_bench.data.synthetic_trading import MIN_DAYS, MIN_STOCKS, OVERLAPS, PLANTED, REENTERS, Tape, trade

__all__ = ["BENCHMARK", "LAST_DAY", "MARKET", "parse_signal", "synthesize"]

MARKET = "csi300"
BENCHMARK = "SH000300"
LAST_DAY = np.datetime64("2020-09-30", "D")

_MEMBERS = 300
_REVIEW_DAYS = 125
# Reviews between these shares of the calendar leave the stock REENTERS out.
_OUT_FROM, _OUT_TO = 0.45, 0.65


def synthesize(
    out: Path, stocks: int = 60, days: int = 3327, seed: int = 0, signal: SignalName = "mixed"
) -> None:
    """Write a synthetic market to ``out``, whole or not at all.

    Raises DataError if the market is too small for every irregularity, the seed is negative, or ``out`` is not empty.

    Parameters
    ----------
    out
        Folder to create; it may exist if it is empty. It becomes a Qlib ``provider_uri`` with the markets
        ``all`` and ``csi300`` (the largest 300 stocks, at most five sixths of all, reviewed twice a year)
        and the benchmark ``SH000300``, the mean return of the members.
    stocks : number of stocks, at least 12
    days
        Business days in the calendar, at least 250; the last is 2020-09-30. The default begins on
        2008-01-01, so that the dates of Qlib's own workflow files are valid.
    seed : seed of PCG64, not negative
    signal : what is planted; see :mod:`lstm_bench.data.synthetic_signal`
    """
    for name, got, least in (("stocks", stocks, MIN_STOCKS), ("days", days, MIN_DAYS), ("seed", seed, 0)):
        if got < least:
            raise DataError(f"{name}: got {got}, expected at least {least}")
    calendar = np.busday_offset(LAST_DAY, np.arange(1 - days, 1))
    codes = _codes(stocks)
    tape = trade(stocks, days, np.random.Generator(np.random.PCG64(seed)), signal)
    member = _member(tape)
    listed = [
        (code, calendar[begin], calendar[end - 1])
        for code, begin, end in zip(codes, tape.begin, tape.end, strict=True)
    ]
    universe = sorted(_spans(codes, calendar, member))
    histories = _histories(codes, tape, member)
    mark = f"made by lstm-bench data synth, {stocks} stocks, {days} days, seed {seed}"
    if signal != "mixed":
        mark += f", signal {signal}"
    write_qlib_folder(out, calendar, {"all": listed, MARKET: universe}, histories, {SYNTHETIC: mark})


def parse_signal(text: str) -> SignalName:
    """Return the signal of that name. Raises ``DataError`` if there is none."""
    for name in SIGNALS:
        if text == name:
            return name
    raise DataError(f"signal: got {text!r}; {choices_hint(text, SIGNALS)}")


def _codes(stocks: int) -> list[str]:
    shanghai = (stocks + 1) // 2
    return [f"SH{600000 + n}" for n in range(shanghai)] + [f"SZ{n + 1:06d}" for n in range(stocks - shanghai)]


def _member(tape: Tape) -> Bools:
    """``[T, N]``: the largest stocks at the last review. Planted stocks join when they are listed."""
    days, stocks = tape.close.shape
    size = min(_MEMBERS, stocks * 5 // 6)
    member = np.zeros((days, stocks), bool)
    review_days = min(_REVIEW_DAYS, days // 8)
    for t in range(0, days, review_days):
        worth = np.where((tape.begin <= t) & (t < tape.end), tape.worth[t], -1.0)
        worth[:PLANTED] = np.where(worth[:PLANTED] >= 0, np.inf, -1)
        if _OUT_FROM * days <= t < _OUT_TO * days:
            worth[REENTERS] = -1
        largest = np.argsort(-worth, kind="stable")[:size]
        member[t : t + review_days, largest[worth[largest] >= 0]] = True
    return member


def _spans(codes: list[str], calendar: Days, member: Bools) -> Iterator[MembershipSpan]:
    """Yield the membership spans of every code; one code has overlapping spans."""
    edge = np.diff(member.astype(np.int8), axis=0, prepend=0, append=0)
    for n, code in enumerate(codes):
        begins, ends = np.flatnonzero(edge[:, n] == 1), np.flatnonzero(edge[:, n] == -1)
        for begin, end in zip(begins, ends, strict=True):
            third = (end - begin) // 3
            parts = ((begin, end - third), (begin + third, end)) if n == OVERLAPS else ((begin, end),)
            for i, j in parts:
                yield code, calendar[i], calendar[j - 1]


def _histories(codes: list[str], tape: Tape, member: Bools) -> Iterator[History]:
    yield _benchmark(tape, member)
    for n, code in enumerate(codes):
        rows = slice(tape.begin[n], tape.end[n])
        traded = tape.close[rows, n] > 0
        factor = tape.factor[rows, n]
        prices = {
            name: np.where(traded, getattr(tape, name)[rows, n] / 100.0 * factor, np.nan)
            for name in ("open", "high", "low", "close")
        }
        volume = np.where(traded, tape.lots[rows, n] * 100.0 / factor, np.nan)
        columns = prices | {"volume": volume, "factor": factor, "change": tape.change[rows, n]}
        yield _history(code, int(tape.begin[n]), columns)


def _benchmark(tape: Tape, member: Bools) -> History:
    """Compute the index: 3000 points, moved by the mean return of the members that trade."""
    counted = member & np.isfinite(tape.change)
    total = np.where(counted, tape.change, 0).sum(axis=1, dtype=np.float64)
    close = np.rint(300_000 * np.cumprod(1 + total / np.maximum(counted.sum(axis=1), 1))) / 100
    opening = np.concatenate(([3000.0], close[:-1]))
    change = close / opening - 1
    change[0] = np.nan
    columns = {
        "open": opening,
        "high": np.maximum(opening, close),
        "low": np.minimum(opening, close),
        "close": close,
        "volume": np.where(member, tape.lots, 0).sum(axis=1) * 100.0,
        "factor": np.ones_like(close),
        "change": change,
    }
    return _history(BENCHMARK, 0, columns)


def _history(code: str, begin: int, columns: Mapping[str, npt.NDArray[Any]]) -> History:
    return History(code, begin, {name: column.astype(np.float32) for name, column in columns.items()})
