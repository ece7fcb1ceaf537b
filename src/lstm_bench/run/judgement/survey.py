"""A survey of the rows of a run's data, by day and stock, without their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.dataset import DatasetConfig, SegmentName
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import HandlerColumns
from lstm_bench.dataset.segments import span_of
from lstm_bench.dataset.universe import instruments_of, universe_of

__all__ = ["Survey"]


@dataclass(frozen=True, eq=False)
class Survey:
    """Rows of a dataset, by day and stock.

    Attributes
    ----------
    calendar : ``[D]`` datetime64[D], of the data
    offset : position of the handler's first day in it
    days : ``[T]`` datetime64[D], the handler's
    instruments : N codes
    rows : ``[T, N]`` bool, the members that have bars around the day
    segments : segment -> its days as positions in ``days``; of length 0 if it has none
    market : name of the stocks in messages
    """

    calendar: npt.NDArray[np.datetime64]
    offset: int
    days: npt.NDArray[np.datetime64]
    instruments: tuple[str, ...]
    rows: npt.NDArray[np.bool_]
    segments: Mapping[SegmentName, slice]
    market: str

    @classmethod
    def of(cls, config: DatasetConfig, provider: Provider) -> Survey:
        """Find the rows of a dataset.

        Raises ``DataError`` if the data have no such market, or a file cannot be read.
        """
        handler, calendar = config.kwargs.handler, provider.calendar
        begin, end = span_of(calendar, handler.kwargs.start_time, handler.kwargs.end_time)
        columns = HandlerColumns.of(handler)
        universe = universe_of(handler, provider)
        codes = instruments_of(universe, ())
        # a row lies between an instrument's first and last bar of any field; the fields of Qlib's files agree
        fields = [field for field in columns.fields if field in provider.fields][:1]
        panel = provider.panel(codes, fields, begin, end, needed=())
        places = np.arange(len(panel.days))[:, None]
        rows = universe.member(panel.days, panel.instruments)
        rows &= (panel.first <= places) & (places <= panel.last)
        market = repr(universe.name) if universe.name in provider.markets else "the list of instruments"
        segments = {}
        for name in get_args(SegmentName):
            first, last = span_of(calendar, *getattr(config.kwargs.segments, name))
            first, last = max(first, begin) - begin, min(last, end) - begin
            segments[name] = slice(first, max(first, last))
        return cls(calendar, begin, panel.days, panel.instruments, rows, segments, market)

    def stocks(self, segment: SegmentName) -> npt.NDArray[np.int64]:
        """Return the number of stocks with a row on each day of a segment, ``[D]``."""
        counts: npt.NDArray[np.int64] = self.rows[self.segments[segment]].sum(axis=1)
        return counts

    def ages(self, segment: SegmentName) -> npt.NDArray[np.int64]:
        """Return, for each row of a segment, the days since its stock's first row, included, ``[R]``."""
        first = self.rows.argmax(axis=0)
        span = self.segments[segment]
        days, stocks = np.nonzero(self.rows[span])
        ages: npt.NDArray[np.int64] = days + span.start - first[stocks] + 1
        return ages

    def span_text(self, segment: SegmentName) -> str:
        """Return the first and last trading day of a segment, which must have days."""
        days = self.days[self.segments[segment]]
        return f"{days[0]}..{days[-1]}"
