"""The extension of a folder: new bars of its instruments, and new instruments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.arrays import Days, Floats
from lstm_bench.data.importing.adjusting.adjustment import Adjustment, adjust, with_factor
from lstm_bench.data.importing.appending.price_basis import BasisCheck, first_few, on_basis
from lstm_bench.data.importing.histories import (
    EQUAL_WEIGHT,
    EqualWeight,
    adjusted_history,
    lay_out,
    to_history,
)
from lstm_bench.data.importing.markets import all_spans, extend_spans, named_market
from lstm_bench.data.importing.options import ImportOptions
from lstm_bench.data.importing.reading.symbol_rows import SymbolRows
from lstm_bench.data.importing.source_bars import EQUAL_WEIGHT_OPTION, SourceBars
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, MembershipSpan

__all__ = ["Extension", "Tail"]

_OTHER_UNIT = 10
"""Volumes that differ from the folder's by this factor are in another unit."""


@dataclass(frozen=True)
class Tail:
    """New bars of an instrument of the folder: adjusted columns, on the folder's basis."""

    code: str
    days: Days
    columns: Mapping[str, Floats]


class Extension:
    """The extension of a folder.

    Raises DataError if the basis, a unit of volume or the fields of the files do not fit the folder, or a new
    instrument has bars on days that the new calendar lacks.

    Attributes
    ----------
    days, added : the new calendar, and the days that are new in it
    tails : code -> new bars of an instrument of the folder
    new : code -> rows of an instrument that is new to the folder
    rescaled : code -> factor by which its new prices were multiplied
    ended : codes of the folder without a new bar
    messages : sentences for the user
    """

    def __init__(self, provider: Provider, bars: SourceBars, options: ImportOptions) -> None:
        self._provider, self._bars, self._options = provider, bars, options
        old = provider.calendar
        self._until = old[-1]
        bar_days = np.concatenate([rows.bar_days for rows in bars.stocks.values()])
        self.added = np.unique(bar_days[bar_days > self._until])
        self.days = np.concatenate([old, self.added])
        adjustment = bars.decision.adjustment
        # without a new day, only contradictions matter
        basis = options.basis if len(self.added) else "rescale"
        check = BasisCheck(basis, adjustment.applied)
        known = {code: rows for code, rows in bars.stocks.items() if code in provider.folders}
        tails = (self._tail(rows, adjustment, check) for rows in known.values())
        self.tails = {tail.code: tail for tail in tails if tail is not None}
        self.new = {code: rows for code, rows in bars.stocks.items() if code not in known}
        check.refuse()
        self.rescaled = check.rescaled if len(self.added) else {}
        self.messages = self._describe_left_out(known.values())
        self._index = self._index_tail() if len(self.added) else None
        self._refuse_unknown_days()
        extended = {*self.tails, self.benchmark} if len(self.added) else provider.folders.keys()
        self.ended = tuple(
            code for code in sorted(provider.folders.keys() - extended) if self._reaches_end(code)
        )

    @property
    def benchmark(self) -> str | None:
        """Code of the index that is extended, if any."""
        if self._index is not None:
            return self._index.code
        is_computed = (
            self._options.benchmark == EQUAL_WEIGHT_OPTION and EQUAL_WEIGHT in self._provider.folders
        )
        return EQUAL_WEIGHT if is_computed else None

    def markets(self) -> dict[str, list[MembershipSpan]]:
        """Extend the spans of ``all`` by the new bars, and those of other markets that reach the old end."""
        listed = self._provider.universe("all")
        stocks = [(tail.code, tail.days) for tail in self.tails.values() if tail.code in listed.spans]
        stocks += [(code, rows.bar_days) for code, rows in self.new.items()]
        last_bars = {code: days[-1] for code, days in stocks}
        spans = {
            name: extend_spans(self._provider.universe(name), self._until, last_bars)
            for name in self._provider.markets
        }
        spans["all"] = all_spans(listed, stocks)
        return spans | named_market(self._options, spans["all"])

    def histories(self) -> Iterator[History]:
        """Yield the histories to write."""
        level = None
        if self.benchmark == EQUAL_WEIGHT:
            level = _last(self._history(EQUAL_WEIGHT)[1]["close"])
        equal = EqualWeight(len(self.days), level, len(self._provider.calendar))
        listed = self._provider.universe("all").spans
        yield from equal.watch(self._stocks(tail for tail in self.tails.values() if tail.code in listed))
        yield from (self._extended(tail) for tail in self.tails.values() if tail.code not in listed)
        if self._index is not None:
            yield self._extended(self._index)
        if level is not None:
            yield self._extended(Tail(EQUAL_WEIGHT, self.added, equal.columns()))

    def _stocks(self, tails: Iterable[Tail]) -> Iterator[History]:
        yield from map(self._extended, tails)
        for rows in self.new.values():
            yield adjusted_history(rows, self._bars.decision.adjustment, self.days)

    def _tail(self, rows: SymbolRows, adjustment: Adjustment, check: BasisCheck) -> Tail | None:
        """Find the new bars of an instrument of the folder."""
        begin, old = self._history(rows.symbol)
        days = self._provider.calendar[begin : begin + len(old["close"])]
        bars = days[~np.isnan(old["close"])]
        fresh = rows.traded & (rows.days > self._until)
        common = rows.traded & np.isin(rows.days, bars)
        if not fresh.any() and (len(self.added) or not common.any()):
            return None
        at = np.searchsorted(days, rows.days[common])
        if adjustment.applied == "split" and not common.any() and "factor" in old:
            late = rows.days > bars[-1]
            rows, fresh, common = rows.where(late), fresh[late], common[late]
            columns, scale = adjust(rows, adjustment, first_split=True), _last(old["factor"])
        else:
            columns = adjust(rows, adjustment)
            scale = check.scale(rows.symbol, rows.days[common], old["close"][at], columns["close"][common])
        columns = on_basis(columns, scale)
        if common.any() and "volume" in old and "volume" in columns:
            _refuse_unit(rows.symbol, old["volume"][at], columns["volume"][common])
        if not fresh.any():
            return None
        new = {name: column[fresh] for name, column in columns.items()}
        return Tail(rows.symbol, rows.days[fresh], self._same_fields(rows.symbol, old, new))

    def _describe_left_out(self, known: Iterable[SymbolRows]) -> tuple[str, ...]:
        """Describe bars that the folder lacks and that are not added, because they are on days of its calendar."""
        days, codes = 0, list[str]()
        for rows in known:
            begin, old = self._history(rows.symbol)
            bars = self._provider.calendar[begin : begin + len(old["close"])][~np.isnan(old["close"])]
            inside = rows.days[rows.traded & (rows.days >= bars[0]) & (rows.days <= self._until)]
            count = int((~np.isin(inside, bars)).sum())
            if count:
                days, codes = days + count, [*codes, rows.symbol]
        if not codes:
            return ()
        return (
            f"not written: {days} bars of {first_few(codes)} that the folder lacks, on days up to its last, "
            f"{self._until}; import all files anew to add them",
        )

    def _same_fields(
        self, code: str, old: Mapping[str, Floats], new: Mapping[str, Floats]
    ) -> dict[str, Floats]:
        missing = sorted(old.keys() - new.keys() - {"change"})
        if missing:
            raise DataError(
                f"--append: the folder has the fields {', '.join(missing)} of {code}, and the files have no column "
                "for them"
            )
        return {name: column for name, column in new.items() if name in old}

    def _index_tail(self) -> Tail | None:
        """Find the new bars of the benchmark, and check its basis."""
        rows, adjustment, basis = self._bars.index, self._bars.index_adjustment, self._options.basis
        if rows is None:
            return None
        if rows.symbol not in self._provider.folders:
            raise DataError(f"--benchmark: the folder has no instrument {rows.symbol!r} to extend")
        rows = with_factor(rows).where((rows.days <= self._until) | np.isin(rows.days, self.added))
        check = BasisCheck("same" if basis == "check" else basis, adjustment.applied)
        tail = self._tail(rows, adjustment, check)
        check.refuse()
        self.rescaled |= check.rescaled
        return tail

    def _refuse_unknown_days(self) -> None:
        """Refuse new instruments with bars on days that the new calendar lacks, or without a new day at all."""
        for rows in self.new.values():
            unknown = rows.days[rows.traded & ~np.isin(rows.days, self.days)]
            if len(unknown):
                raise DataError(
                    f"--append: {rows.symbol} is new and has bars on {counted(len(unknown), 'day')} that the "
                    f"folder's calendar lacks, the first {unknown[0]}"
                )
        if self.new and not len(self.added):
            raise DataError(
                f"--append: the files have no day after {self._until}, the last of the folder, and bars of "
                f"{', '.join(list(self.new)[:5])}, which the folder lacks; import all files anew"
            )

    def _reaches_end(self, code: str) -> bool:
        begin, old = self._history(code)
        return begin + len(old["close"]) == len(self._provider.calendar)

    def _extended(self, tail: Tail) -> History:
        """Join the old values and the new ones."""
        begin, old = self._history(tail.code)
        joint = begin + len(old["close"])
        positions = np.searchsorted(self.days, tail.days)
        factor = _last(old["factor"]) if "factor" in old else np.nan
        columns = lay_out(positions, tail.columns, joint, int(positions[-1]) + 1, factor)
        new = to_history(tail.code, joint, columns, _last(old["close"]))
        fields = {
            name: np.concatenate([values.astype(np.float32), new.fields[name]])
            for name, values in old.items()
        }
        return History(tail.code, begin, fields)

    def _history(self, code: str) -> tuple[int, dict[str, Floats]]:
        """Read an instrument's bars: position of the first row, and field -> ``[n]`` float64."""
        provider = self._provider
        panel = provider.panel([code], provider.fields_of(code), 0, len(provider.calendar))
        first, last = int(panel.first[0]), int(panel.last[0])
        rows = slice(first, last + 1)
        return first, {name: values[rows, 0].astype(np.float64) for name, values in panel.fields.items()}


def _refuse_unit(code: str, folder: Floats, file: Floats) -> None:
    """Refuse volumes in another unit than the folder's, such as lots or thousands."""
    known = (folder > 0) & (file > 0)
    if not known.any():
        return
    ratio = float(np.median(file[known] / folder[known]))
    if not 1 / _OTHER_UNIT < ratio < _OTHER_UNIT:
        raise DataError(
            f"--append: {code}: volumes of the files are {ratio:.4g} times those of the folder on days that both have: "
            "they are in another unit (lots of 100?), or only one of the two is adjusted; import all files anew"
        )


def _last(values: Floats) -> float:
    """Return the last known number, or NaN."""
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else np.nan
