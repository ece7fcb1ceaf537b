"""Appending: new days extend a Qlib data folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from lstm_bench.core.atomic import recover
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import DataError
from lstm_bench.data.importing.adjustment import Adjustment, adjust, with_factor
from lstm_bench.data.importing.bars import SymbolRows
from lstm_bench.data.importing.basis import BasisCheck, on_basis
from lstm_bench.data.importing.benchmark import EQUAL_WEIGHT, EqualWeight
from lstm_bench.data.importing.columns import PRICES
from lstm_bench.data.importing.history import lay_out, to_history
from lstm_bench.data.importing.markets import all_spans, extend_spans, named_market
from lstm_bench.data.importing.options import ImportOptions, ImportSummary
from lstm_bench.data.importing.reading import EQUAL_WEIGHT_OPTION, Readings, read_source
from lstm_bench.data.importing.settled import read_settled, settled_note
from lstm_bench.data.provider import Provider
from lstm_bench.data.qlib_folder import History, MembershipSpan, replace_in_qlib_folder

__all__ = ["append_bars"]

_Days = npt.NDArray[np.datetime64]
_Floats = npt.NDArray[np.float64]

_SHOWN = 5
_UNIT = 10
"""Volumes that are so many times the folder's count something else."""


def append_bars(source: Path, out: Path, options: ImportOptions) -> ImportSummary:
    """Extend a folder by the days after its calendar's end, whole or not at all.

    Rows of days that the folder has are not written: they show on which basis the files adjust. Instruments that the
    folder has not come with all their bars. Where there is no new day, nothing is done: the folder has it all.

    Raises
    ------
    DataError
        Where there is no such folder, a field of the folder is missing, or the basis does not fit.
    """
    out = out.expanduser().resolve()  # a link: what it leads to is what is replaced
    try:
        with FileLock(out.parent / f".{out.name}.lock"):
            recover(out)
            return _append(source, out, options)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}") from error


def _append(source: Path, out: Path, options: ImportOptions) -> ImportSummary:
    provider = Provider(out)
    readings = read_source(source, options, read_settled(out))
    extension = _Extension(provider, readings, options)
    fields: set[str] = set()

    def noting(histories: Iterator[History]) -> Iterator[History]:
        for history in histories:
            fields.update(history.fields)
            yield history

    if len(extension.added):
        note = settled_note(readings.adjustment, readings.is_settled)
        histories = noting(extension.histories(options))
        replace_in_qlib_folder(out, extension.days, extension.markets(options), histories, note)
    end = provider.calendar[-1:]
    return ImportSummary(
        folder=out,
        files=readings.files,
        rows=readings.bars,
        instruments=len(extension.longer) + len(extension.new),
        new_instruments=len(extension.new),
        days=len(extension.added),
        first_day=str(np.concatenate([extension.added, end])[0]),
        last_day=str(np.concatenate([end, extension.added])[-1]),
        adjusted_by=readings.adjustment.applied,
        said=(*(readings.said if len(extension.added) else ()), *extension.said),
        fields=tuple(sorted(fields)),
        benchmark=extension.benchmark(options),
        market=options.market,
        no_trade=readings.no_trade,
        dropped=readings.dropped,
        rescaled=extension.rescaled,
        ended=extension.ended,
    )


@dataclass(frozen=True)
class _Tail:
    """What an instrument is extended by: adjusted columns of its new bars, on the folder's basis."""

    code: str
    days: _Days
    columns: Mapping[str, _Floats]


class _Extension:
    """Works out what a folder is extended by.

    Attributes
    ----------
    days, added : the new calendar, and the days that it has more than the old one
    longer : what instruments of the folder are extended by
    new : rows of instruments that it has not
    """

    def __init__(self, provider: Provider, readings: Readings, options: ImportOptions) -> None:
        self._provider, self._readings = provider, readings
        old = provider.calendar
        self._until = old[-1]
        bars = np.concatenate([rows.days[rows.traded] for rows in readings.stocks.values()])
        self.added = np.unique(bars[bars > self._until])
        self.days = np.concatenate([old, self.added])
        basis = (
            options.basis if len(self.added) else "rescale"
        )  # nothing is written: only contradictions matter
        check = BasisCheck(basis, readings.adjustment.applied)
        known = {code: rows for code, rows in readings.stocks.items() if code in provider.folders}
        tails = (self._tail(rows, readings.adjustment, check) for rows in known.values())
        self.longer = {tail.code: tail for tail in tails if tail is not None}
        self.new = {code: rows for code, rows in readings.stocks.items() if code not in known}
        check.refuse()
        self.rescaled = check.rescaled if len(self.added) else {}
        self.said = self._say_left_out(known.values())
        self._index = self._index_tail(options) if len(self.added) else None
        for rows in self.new.values():
            self._refuse_unknown_days(rows)
        if self.new and not len(self.added):
            raise DataError(
                f"--append: the files have no day after {self._until}, the last of the folder, and bars of "
                f"{', '.join(list(self.new)[:_SHOWN])}, which the folder has not; import all files anew"
            )
        extended = {*self.longer, self.benchmark(options)} if len(self.added) else provider.folders.keys()
        self.ended = tuple(
            code for code in sorted(provider.folders.keys() - extended) if self._ends_now(code)
        )

    def benchmark(self, options: ImportOptions) -> str | None:
        """Code of the index that is extended; None where none is."""
        if self._index is not None:
            return self._index.code
        computed = options.benchmark == EQUAL_WEIGHT_OPTION and EQUAL_WEIGHT in self._provider.folders
        return EQUAL_WEIGHT if computed else None

    def markets(self, options: ImportOptions) -> dict[str, list[MembershipSpan]]:
        """Extend the spans of ``all`` by the new bars, and those of other markets that reach the old end."""
        listed = self._provider.universe("all")
        stocks = [(tail.code, tail.days) for tail in self.longer.values() if tail.code in listed.spans]
        stocks += [(code, rows.days[rows.traded]) for code, rows in self.new.items()]
        last_bars = {code: days[-1] for code, days in stocks}
        spans = {
            name: extend_spans(self._provider.universe(name), self._until, last_bars)
            for name in self._provider.markets
        }
        spans["all"] = all_spans(listed, stocks)
        return spans | named_market(options, spans["all"])

    def histories(self, options: ImportOptions) -> Iterator[History]:
        """Yield the histories to write."""
        old = len(self._provider.calendar)
        level = None
        if self.benchmark(options) == EQUAL_WEIGHT:
            level = _last(self._history(EQUAL_WEIGHT)[1]["close"])
        equal = EqualWeight(len(self.days), level, old)
        listed = self._provider.universe("all").spans
        stocks = (tail for tail in self.longer.values() if tail.code in listed)
        indices = (tail for tail in self.longer.values() if tail.code not in listed)
        yield from equal.watch(self._stocks(stocks))
        yield from map(self._extended, indices)
        if self._index is not None:
            yield self._extended(self._index)
        if level is not None:
            yield self._extended(_Tail(EQUAL_WEIGHT, self.added, equal.columns()))

    def _stocks(self, tails: Iterable[_Tail]) -> Iterator[History]:
        yield from map(self._extended, tails)
        for code, rows in self.new.items():
            columns = {
                name: column[rows.traded] for name, column in adjust(rows, self._readings.adjustment).items()
            }
            positions = np.searchsorted(self.days, rows.days[rows.traded])
            begin, end = int(positions[0]), int(positions[-1]) + 1
            yield to_history(code, begin, lay_out(positions, columns, begin, end))

    def _tail(self, rows: SymbolRows, adjustment: Adjustment, check: BasisCheck) -> _Tail | None:
        """Find the new bars of an instrument that the folder has."""
        begin, old = self._history(rows.symbol)
        days = self._provider.calendar[begin : begin + len(old["close"])]
        bars = days[~np.isnan(old["close"])]
        fresh = rows.traded & (rows.days > self._until)
        common = rows.traded & np.isin(rows.days, bars)
        if not fresh.any() and (len(self.added) or not common.any()):
            return None
        if adjustment.applied == "split" and not common.any() and "factor" in old:
            late = rows.days > bars[-1]
            rows, fresh = rows.where(late), fresh[late]
            columns, scale = adjust(rows, adjustment, first_split=True), _last(old["factor"])
        else:
            columns = adjust(rows, adjustment)
            at = np.searchsorted(days, rows.days[common])
            scale = check.scale(rows.symbol, rows.days[common], old["close"][at], columns["close"][common])
        columns = on_basis(columns, scale, PRICES)
        if common.any() and "volume" in old and "volume" in columns:
            _refuse_unit(
                rows.symbol,
                old["volume"][np.searchsorted(days, rows.days[common])],
                columns["volume"][common],
            )
        if not fresh.any():
            return None
        new = {name: column[fresh] for name, column in columns.items()}
        return _Tail(rows.symbol, rows.days[fresh], self._same_fields(rows.symbol, old, new))

    def _say_left_out(self, known: Iterable[SymbolRows]) -> tuple[str, ...]:
        """Say which bars are not written although the folder has not got them: those of days that it has."""
        days, codes = 0, list[str]()
        for rows in known:
            begin, old = self._history(rows.symbol)
            bars = self._provider.calendar[begin : begin + len(old["close"])][~np.isnan(old["close"])]
            missing = rows.days[rows.traded & (rows.days >= bars[0]) & (rows.days <= self._until)]
            count = int((~np.isin(missing, bars)).sum())
            if count:
                days, codes = days + count, [*codes, rows.symbol]
        if not codes:
            return ()
        more = f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else ""
        return (
            f"not written: {days} bars of {', '.join(codes[:_SHOWN])}{more}, which the folder has not, on days up to "
            f"{self._until}, its last; to have them, import all files anew",
        )

    def _same_fields(
        self, code: str, old: Mapping[str, _Floats], new: Mapping[str, _Floats]
    ) -> dict[str, _Floats]:
        missing = sorted(old.keys() - new.keys() - {"change"})
        if missing:
            raise DataError(
                f"--append: the folder has the fields {', '.join(missing)} of {code}, and the files have no column "
                "for them"
            )
        return {name: column for name, column in new.items() if name in old}

    def _index_tail(self, options: ImportOptions) -> _Tail | None:
        """Find the new bars of the benchmark, whose basis is checked like any other's."""
        rows = self._readings.index
        if rows is None:
            return None
        if rows.symbol not in self._provider.folders:
            raise DataError(f"--benchmark: the folder has no instrument {rows.symbol!r} to extend")
        rows = with_factor(rows).where((rows.days <= self._until) | np.isin(rows.days, self.added))
        check = BasisCheck(
            "same" if options.basis == "check" else options.basis, self._readings.index_adjustment.applied
        )
        tail = self._tail(rows, self._readings.index_adjustment, check)
        check.refuse()
        self.rescaled |= check.rescaled
        return tail

    def _refuse_unknown_days(self, rows: SymbolRows) -> None:
        strange = rows.days[rows.traded & ~np.isin(rows.days, self.days)]
        if len(strange):
            raise DataError(
                f"--append: {rows.symbol} is new and has bars on {counted(len(strange), 'day')} that the "
                f"folder's calendar has "
                f"not, the first {strange[0]}"
            )

    def _ends_now(self, code: str) -> bool:
        begin, old = self._history(code)
        return begin + len(old["close"]) == len(self._provider.calendar)

    def _extended(self, tail: _Tail) -> History:
        """Put the old values and the new ones behind each other."""
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

    def _history(self, code: str) -> tuple[int, dict[str, _Floats]]:
        """Read an instrument's bars: position of the first row, and field -> ``[n]`` float64."""
        provider = self._provider
        panel = provider.panel([code], provider.fields_of(code), 0, len(provider.calendar))
        first, last = int(panel.first[0]), int(panel.last[0])
        rows = slice(first, last + 1)
        return first, {name: values[rows, 0].astype(np.float64) for name, values in panel.fields.items()}


def _refuse_unit(code: str, folder: _Floats, file: _Floats) -> None:
    """Refuse volumes in another unit than the folder's: lots, or thousands."""
    known = (folder > 0) & (file > 0)
    if not known.any():
        return
    ratio = float(np.median(file[known] / folder[known]))
    if not 1 / _UNIT < ratio < _UNIT:
        raise DataError(
            f"--append: {code}: volumes of the files are {ratio:.4g} times those of the folder on days that both have: "
            "they count another unit (lots of 100?), or one of both is adjusted; import all files anew"
        )


def _last(values: _Floats) -> float:
    """Return the last number; NaN where there is none."""
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else np.nan
