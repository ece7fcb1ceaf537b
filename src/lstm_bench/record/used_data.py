"""A digest of the data that a run uses from a folder.

The fingerprint of a folder changes with each day and file that is added. This digest covers the days and stocks that a
run computes from, and stays the same as long as they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import PortAnalysisConfig, resolve
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.errors import DataError
from lstm_bench.data.panel import Panel
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.handler import HandlerColumns, last_fit_day, needed_features
from lstm_bench.dataset.segments import span_of
from lstm_bench.dataset.universe import instruments_of, universe_of
from lstm_bench.evaluate.trading.quotes import benchmark_universe, load_quotes, with_exchange_days
from lstm_bench.features.expression import extent, parse
from lstm_bench.record.outline import DigestBuilder, Outline

__all__ = ["UsedData"]


@dataclass(frozen=True)
class UsedData:
    """Bars, members and trading days that a run computes from.

    These are the bars of the universe's members, and the quotes and the benchmark on the backtest's days. The bars
    begin before the handler's first day, by the history that features need. They end after the last day of segments
    and fit period, by the days that the label looks ahead. Unused fields, other stocks, other universes and later days
    are left out. One exception is whether a stock that does not trade on the last days trades again later, because that
    determines whether it has rows on these days.

    Attributes
    ----------
    digest
        SHA-256, 64 hex digits.
    outline
        Shows what changed.
    """

    digest: str
    outline: Outline

    @classmethod
    def of(cls, config: ResolvedRun, provider: Provider) -> UsedData:
        """Read the data that a run of a configuration uses.

        If the data lack the benchmark or the market of the backtest, it is left out; the backtest itself is refused.
        Raises ``DataError`` if the data lack something that the dataset needs, so that a run would be refused.
        """
        panel, members, spans = _dataset(config, provider)
        parts = DigestBuilder()
        parts.add_days(panel.days)
        parts.add_panel("dataset", panel)
        if config.portfolio_analysis is not None:
            portfolio = resolve(config.portfolio_analysis, config.qlib_init.region)
            begin, end = _quote_span(config, portfolio, provider)
            parts.add_days(provider.calendar[begin:end])
            for what, traded in _traded(portfolio, provider, begin, end):
                parts.add_panel(what, traded)
            spans["days of the backtest"] = str(provider.calendar[begin]), str(provider.calendar[end - 1])
        return cls(*parts.finish(spans, members))


def _dataset(
    config: ResolvedRun, provider: Provider
) -> tuple[Panel, npt.NDArray[np.bool_], dict[str, tuple[str, str]]]:
    """Return the dataset's bars, membership ``[T, N]`` on its days, and its spans of days."""
    section, days = config.task.dataset, provider.calendar
    handler = section.kwargs.handler
    begin, table_end = _positions(provider, handler.kwargs.start_time, handler.kwargs.end_time, "start_time")
    end = min(max(_segment(config, provider, name)[1] for name in ("train", "valid", "test")), table_end)
    if (fitted := last_fit_day(handler)) is not None:
        end = max(end, min(span_of(days, None, fitted)[1], table_end))
    if end <= begin:
        raise DataError(f"segments: none of their days is in {days[begin]}..{days[table_end - 1]}")
    columns = HandlerColumns.of(handler)
    names = needed_features(handler)
    expressions = [parse(text) for text in (*(columns.features[name] for name in names), columns.label[1])]
    training, fields = config.lstm_bench.training, {*columns.fields}
    reach = list(expressions)
    if training.reweight == "volatility":
        reach.append(parse(f"Std($close/Ref($close, 1)-1, {training.reweight_window})"))
        fields.add("close")
    left, right = extent(reach)
    first, stop = max(begin - left, 0), min(end + right, len(days))
    universe = universe_of(handler, provider).between(days[begin], days[end - 1])
    codes = instruments_of(universe, expressions)
    # to the table's end, which decides which rows exist on the last days
    panel = provider.panel(codes, sorted(fields), first, min(table_end + right, len(days)), needed=())
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
    """Yield quotes and benchmark of a backtest, unless the data lack them: a study is tuned without them."""
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
    """Return calendar positions of the quotes, as :func:`~lstm_bench.evaluate.trading.quotes.quote_span` does."""
    start, stop = portfolio.backtest.start_time, portfolio.backtest.end_time
    test = _segment(config, provider, "test")
    begin, end = _positions(provider, start, stop, "backtest")
    begin = test[0] if start is None else begin
    end = min(test[1] + 1, len(provider.calendar)) if stop is None else end
    return with_exchange_days(provider, portfolio, max(begin - 1, 0), end)


def _positions(provider: Provider, start: object, end: object, what: str) -> tuple[int, int]:
    """Return calendar positions of a span, end exclusive, clamped to the calendar without a warning."""
    begin, stop = span_of(provider.calendar, start, end)
    if begin >= stop:
        raise DataError(f"{what}: {start}..{end} holds no trading day of the data's calendar")
    return begin, stop
