"""The benchmark of an imported market: an index series, or the mean return of all instruments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from lstm_bench.data.qlib_folder import History

__all__ = ["EQUAL_WEIGHT", "EqualWeight"]

EQUAL_WEIGHT = "EQUALWEIGHT"
"""Code of the benchmark that is computed."""

_LEVEL = 1000.0


class EqualWeight:
    """An index that moves by the mean ``change`` of the instruments that trade on a day.

    Parameters
    ----------
    days
        Length of the calendar.
    level
        Of the day before ``begin``; None where the index begins there, at 1000.
    begin
        Position in the calendar of the first day to compute.
    """

    def __init__(self, days: int, level: float | None = None, begin: int = 0) -> None:
        self._level, self._begin = level, begin
        self._sum = np.zeros(days - begin)
        self._count = np.zeros(days - begin, dtype=np.int64)

    def watch(self, histories: Iterable[History]) -> Iterator[History]:
        """Pass histories on, and count their changes in."""
        for history in histories:
            change = history.fields["change"].astype(np.float64)
            skipped = max(self._begin - history.begin, 0)
            change = change[skipped:]
            at = slice(history.begin + skipped - self._begin, None)
            known = ~np.isnan(change)
            self._sum[at][: len(change)] += np.where(known, change, 0)
            self._count[at][: len(change)] += known
            yield history

    def columns(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """``close``, ``change`` and ``factor`` of the days watched."""
        change = self._sum / np.maximum(self._count, 1)
        close = (_LEVEL if self._level is None else self._level) * np.cumprod(1 + change)
        if self._level is None:
            change[0] = np.nan
        return {"close": close, "change": change, "factor": np.ones_like(close)}
