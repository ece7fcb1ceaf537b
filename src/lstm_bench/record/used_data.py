"""What of a data folder a run uses: a digest of it, and an outline that says where two differ.

The fingerprint of a data folder changes with each day that is added to it and with each file in it. The digest here
is over the days and stocks that a run computes from, and stays as long as these do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import DataError
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import (
    HandlerColumns,
    last_fit_day,
    needed_features,
)
from lstm_bench.dataset.universe import instruments_of, universe_of
from lstm_bench.evaluate.trading.quotes import benchmark_universe, load_quotes, with_exchange_days
from lstm_bench.features.expression import extent, parse

__all__ = ["Outline", "UsedData"]

_SHOWN = 3
_CELL = 6
"""Hex digits that an outline keeps of a digest: enough to see a change, not to prove that there is none."""


@dataclass(frozen=True)
class Outline:
    """Short digests of the parts of used data.

    Attributes
    ----------
    spans : what is used from when to when
    days, members : short digests of the trading days, and of who belongs to the universe on which of them
    stocks : code -> short digest of its bars
    months : ``2015-03`` -> short digest of all bars of it
    """

    spans: Mapping[str, tuple[str, str]]
    days: str
    members: str
    stocks: Mapping[str, str]
    months: Mapping[str, str]

    def to_text(self) -> str:
        """Pack it into a line of text."""
        return base64.b85encode(zlib.compress(json.dumps(asdict(self)).encode(), 9)).decode()

    @classmethod
    def from_text(cls, text: str) -> Outline:
        """Read what :meth:`to_text` gave."""
        content = json.loads(zlib.decompress(base64.b85decode(text)))
        spans = {name: (str(first), str(last)) for name, (first, last) in content.pop("spans").items()}
        return cls(spans=spans, **content)

    def differences(self, other: Outline) -> list[str]:
        """Say where ``other`` differs, a sentence fragment each; none where the short digests agree."""
        found = []
        for name in self.spans:
            if other.spans.get(name) != self.spans[name]:
                here, there = self.spans[name], other.spans.get(name, ("nothing", "nothing"))
                found.append(f"the {name} were {here[0]}..{here[1]}, and are {there[0]}..{there[1]}")
        named = {"days": "the trading days", "members": "the universe's members"}
        found += [
            f"{what} changed" for name, what in named.items() if getattr(self, name) != getattr(other, name)
        ]
        for what, theirs in (("no longer there", self.stocks.keys() - other.stocks.keys()),
                             ("new on these days", other.stocks.keys() - self.stocks.keys())):  # fmt: skip
            if theirs:
                found.append(f"{_listed(theirs, 'stock')} {'is' if len(theirs) == 1 else 'are'} {what}")
        changed = [code for code, cell in self.stocks.items() if other.stocks.get(code, cell) != cell]
        if changed:
            months = [month for month, cell in self.months.items() if other.months.get(month) != cell]
            span = "" if not months else f" in {months[0]}" if len(months) == 1 else (
                f" in {len(months)} months from {months[0]} to {months[-1]}"
            )  # fmt: skip
            found.append(f"the bars of {_listed(changed, 'stock')} changed{span}")
        return found


@dataclass(frozen=True)
class UsedData:
    """Bars, members and trading days that a run computes from.

    These are the bars of the universe's members from as far before the handler's first day as features reach, to as
    far after the last day of segments and fit period as the label reaches; and the quotes and the benchmark of the
    backtest's days. Membership is looked at on these days alone. Fields that nothing reads, other stocks, other
    universes and later days are left out, but for one thing: whether a stock that does not trade on the last days
    trades again later, because that decides whether it has rows there.

    Attributes
    ----------
    digest
        SHA-256, 64 hex digits.
    outline
        To say what differs.
    """

    digest: str
    outline: Outline

    @classmethod
    def of(cls, config: ResolvedRun, provider: Provider) -> UsedData:
        """Read what a run of a resolved configuration uses.

        A benchmark or a market to trade in that the data lack is left out; a backtest is refused for it.

        Raises
        ------
        DataError
            Where the data lack what the dataset needs, so that a run would be refused.
        """
        panel, members, spans = _dataset(config, provider)
        parts = _Parts()
        parts.add_days(panel.days)
        parts.add_panel("dataset", panel)
        if config.portfolio_analysis is not None:
            portfolio = resolve(config.portfolio_analysis, config.qlib_init.region)
            begin, end = _quote_span(config, portfolio, provider)
            parts.add_days(provider.calendar[begin:end])
            for what, traded in _traded(portfolio, provider, begin, end):
                parts.add_panel(what, traded)
            spans["days of the backtest"] = str(provider.calendar[begin]), str(provider.calendar[end - 1])
        return parts.finish(spans, members)


def _dataset(
    config: ResolvedRun, provider: Provider
) -> tuple[Panel, npt.NDArray[np.bool_], dict[str, tuple[str, str]]]:
    """Bars of the dataset, membership ``[T, N]`` on its days, and what days these are."""
    section, days = config.task.dataset, provider.calendar
    handler = section.kwargs.handler
    begin, table_end = _positions(provider, handler.kwargs.start_time, handler.kwargs.end_time, "start_time")
    end = min(max(_segment(config, provider, name)[1] for name in ("train", "valid", "test")), table_end)
    if (fitted := last_fit_day(handler)) is not None:
        end = max(end, min(_stop(provider, fitted), table_end))
    if end <= begin:
        raise DataError(f"segments: none of their days is in {days[begin]}..{days[table_end - 1]}")
    columns = HandlerColumns.of(handler)
    names = needed_features(handler)
    expressions = [parse(text) for text in (*(columns.features[name] for name in names), columns.label[1])]
    training, wanted = config.lstm_bench.training, {*columns.fields}
    reach = list(expressions)
    if training.reweight == "volatility":
        reach.append(parse(f"Std($close/Ref($close, 1)-1, {training.reweight_window})"))
        wanted.add("close")
    left, right = extent(reach)
    first, stop = max(begin - left, 0), min(end + right, len(days))
    universe = universe_of(handler, provider).between(days[begin], days[end - 1])
    codes = instruments_of(universe, expressions)
    # read to the table's end: it decides which rows there are on the last days
    panel = provider.panel(codes, sorted(wanted), first, min(table_end + right, len(days)), needed=())
    spans = {
        "rows": (str(days[begin]), str(days[end - 1])),
        "bars": (str(days[first]), str(days[stop - 1])),
        **{
            f"days of segment {name!r}": (str(days[span[0]]), str(days[span[1] - 1]))
            for name in ("train", "valid", "test")
            if (span := _segment(config, provider, name))
        },
    }
    members = universe.member(days[begin:end], panel.instruments)
    return _cut(panel, stop - first), members, spans


def _traded(
    config: PortAnalysisConfig, provider: Provider, begin: int, end: int
) -> Iterator[tuple[str, Panel]]:
    """Quotes and benchmark of a backtest; without what the data lack, for a study can be tuned without it."""
    with suppress(DataError):
        yield "quotes", load_quotes(provider, config, begin, end)
    with suppress(DataError):
        listed = benchmark_universe(provider, config.backtest.benchmark)
        panel = provider.panel(listed.instruments, ["close"], max(begin - 1, 0), end, needed=())
        members = listed.member(panel.days, panel.instruments)
        yield "benchmark", replace(panel, fields={"close": np.where(members, panel.fields["close"], np.nan)})


def _cut(panel: Panel, T: int) -> Panel:
    """Keep the first T days of a panel."""
    return Panel(
        days=panel.days[:T],
        offset=panel.offset,
        instruments=panel.instruments,
        fields={name: values[:T] for name, values in panel.fields.items()},
        first=np.minimum(panel.first, T),
        last=np.minimum(panel.last, T - 1),
        present=panel.present,
    )


def _segment(config: ResolvedRun, provider: Provider, name: str) -> tuple[int, int]:
    start, end = getattr(config.task.dataset.kwargs.segments, name)
    return _positions(provider, start, end, f"segment {name!r}")


def _quote_span(config: ResolvedRun, portfolio: PortAnalysisConfig, provider: Provider) -> tuple[int, int]:
    """Calendar positions of the backtest's quotes, as :func:`~lstm_bench.evaluate.trading.quotes.quote_span` does."""
    start, stop = portfolio.backtest.start_time, portfolio.backtest.end_time
    test = _segment(config, provider, "test")
    begin, end = _positions(provider, start, stop, "backtest")
    begin = test[0] if start is None else begin
    end = min(test[1] + 1, len(provider.calendar)) if stop is None else end
    return with_exchange_days(provider, portfolio, max(begin - 1, 0), end)


def _positions(provider: Provider, start: object, end: object, what: str) -> tuple[int, int]:
    """Calendar positions of a span, end exclusive: what the provider says aloud where it clamps a span, in silence."""
    begin = 0 if start is None else int(np.searchsorted(provider.calendar, np.datetime64(str(start), "D")))
    stop = len(provider.calendar) if end is None else _stop(provider, end)
    if begin >= stop:
        raise DataError(f"{what}: {start}..{end} holds no trading day of the data's calendar")
    return begin, stop


def _stop(provider: Provider, day: object) -> int:
    return int(np.searchsorted(provider.calendar, np.datetime64(str(day), "D"), side="right"))


class _Parts:
    """Collects digests stock by stock and month by month."""

    def __init__(self) -> None:
        self._days: set[np.datetime64] = set()
        self._whole = hashlib.sha256()
        self._stocks: dict[str, Any] = {}
        self._months: dict[str, Any] = {}

    def add_days(self, days: npt.NDArray[np.datetime64]) -> None:
        self._days.update(days)

    def add_panel(self, what: str, panel: Panel) -> None:
        """Add all bars of a panel; one without instruments counts too."""
        self._whole.update(
            f"{what} {','.join(sorted(panel.fields))} {panel.days[0]} {panel.days[-1]}\n".encode()
        )
        months = panel.days.astype("datetime64[M]")
        starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
        values = {
            name: np.where(np.isnan(panel.fields[name]), np.float32(np.nan), panel.fields[name]).astype("<f4")
            for name in sorted(panel.fields)
        }
        for column, code in enumerate(panel.instruments):
            # where its rows begin and end, and which fields it has, is more than which values are no number
            place = f"{panel.first[column]} {panel.last[column]} {[bool(panel.present[f][column]) for f in values]}"
            digest = hashlib.sha256(f"{what} {place}\n".encode())
            for array in values.values():
                digest.update(np.ascontiguousarray(array[:, column]).tobytes())
            self._whole.update(f"{code} {digest.hexdigest()}\n".encode())
            _of(self._stocks, code).update(digest.digest())
        for begin, end in zip(starts, [*starts[1:], len(months)], strict=True):
            month = _of(self._months, str(months[begin]))
            for array in values.values():
                month.update(np.ascontiguousarray(array[begin:end]).tobytes())

    def finish(
        self,
        spans: Mapping[str, tuple[str, str]],
        members: npt.NDArray[np.bool_],
    ) -> UsedData:
        days = np.sort(np.asarray(list(self._days), dtype="datetime64[D]"))
        parts = {
            "days": days.astype("<i8").tobytes(),
            "members": np.asarray(members.shape, dtype="<i8").tobytes() + members.tobytes(order="F"),
        }
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
        self._whole.update(json.dumps([spans, digests], sort_keys=True).encode())
        outline = Outline(
            spans=spans,
            **{name: digest[:_CELL] for name, digest in digests.items()},
            stocks={code: one.hexdigest()[:_CELL] for code, one in self._stocks.items()},
            months={month: one.hexdigest()[:_CELL] for month, one in self._months.items()},
        )
        return UsedData(self._whole.hexdigest(), outline)


def _of(digests: dict[str, Any], key: str) -> Any:
    return digests.setdefault(key, hashlib.sha256())


def _listed(codes: Iterable[str], noun: str) -> str:
    known = sorted(codes)
    shown = ", ".join(known[:_SHOWN])
    return shown if len(known) <= _SHOWN else f"{len(known)} {noun}s, such as {shown},"
