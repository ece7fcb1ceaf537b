"""ICs among stocks of low, middle and high liquidity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lstm_bench.data.arrays import Bools, Days, Floats, Floats32, Reals
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.trailing import trailing_values
from lstm_bench.evaluate.signal.metrics import signal_metrics

__all__ = ["LIQUIDITY_WINDOW", "TERCILES", "Liquidity", "liquidity_ics", "liquidity_terciles"]

TERCILES = ("low", "mid", "high")

LIQUIDITY_WINDOW = 20
"""Trading days, the day itself included, whose mean traded amount is a stock's liquidity."""

_AMOUNT = f"Mean($close*$volume, {LIQUIDITY_WINDOW})"
"""Mean traded amount. Price and volume are both adjusted, so that the factor cancels."""


@dataclass(frozen=True, eq=False)
class Liquidity:
    """The liquidity of stocks, known at the close of each day.

    Attributes
    ----------
    days : ``[T]`` datetime64[D]
    instruments : N codes, sorted
    amount : ``[T, N]`` float32; NaN without a bar
    """

    days: Days
    instruments: tuple[str, ...]
    amount: Floats32

    @classmethod
    def load(cls, provider: Provider, instruments: Sequence[str], begin: int, end: int) -> Liquidity | None:
        """Compute it for the days ``begin..end`` (exclusive) of the calendar; None if the data have no volume.

        Bars before ``begin`` are read as the window needs, none after ``end``.
        """
        if "volume" not in provider.fields:
            return None
        codes = tuple(sorted(instruments))
        amount = trailing_values(provider, codes, begin, end - begin, _AMOUNT)
        return cls(provider.calendar[begin:end], codes, amount)

    def on(self, days: Days, instruments: Sequence[str]) -> Floats32:
        """Arrange it on other days and instruments, ``[T', N']``; NaN where it is not known."""
        rows = np.searchsorted(self.days, days)
        inside = rows < len(self.days)
        inside[inside] = self.days[rows[inside]] == days[inside]
        place = {code: column for column, code in enumerate(self.instruments)}
        columns = np.array([place.get(code, -1) for code in instruments], dtype=np.int64)
        known = columns >= 0
        amount = np.full((len(days), len(instruments)), np.nan, dtype=np.float32)
        amount[np.ix_(inside, known)] = self.amount[np.ix_(rows[inside], columns[known])]
        return amount


def liquidity_terciles(amount: Reals, rows: Bools) -> npt.NDArray[np.int8]:
    """Sort each day's stocks into three groups of equal size by liquidity.

    ``amount`` and ``rows`` are ``[T, N]``. Returns ``[T, N]``: 0 for the least liquid third, 1, 2; -1 outside ``rows``
    and where nothing was traded. Equal amounts are ordered by instrument. If the number of stocks is no multiple of
    three, the less liquid groups are larger by one.
    """
    known = rows & (amount > 0)
    order = np.argsort(np.where(known, amount, np.inf), axis=1, kind="stable")
    rank = np.empty(order.shape, dtype=np.int64)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
    count = known.sum(axis=1, keepdims=True)
    return np.where(known, rank * 3 // np.maximum(count, 1), -1).astype(np.int8)


def liquidity_ics(score: Reals, label: Reals, rows: Bools, amount: Reals) -> dict[str, Floats]:
    """Return the daily IC and Rank IC within each third of the stocks by liquidity, ``[T]`` each.

    Names are ``ic_liquidity_low``, ``rank_ic_liquidity_low`` and so on. All arguments are ``[T, N]``; see
    :func:`~lstm_bench.evaluate.signal.metrics.signal_metrics`.
    """
    tercile = liquidity_terciles(amount, rows)
    series: dict[str, Floats] = {}
    for position, name in enumerate(TERCILES):
        within = signal_metrics(score, label, tercile == position)
        series |= {f"ic_liquidity_{name}": within.ic, f"rank_ic_liquidity_{name}": within.rank_ic}
    return series
